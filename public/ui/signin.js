// Owns the form in which an account of the project is named. Must not know who asks for it.

import { html } from "/vendor/lit-html/lit-html.js";
import { environment } from "../backend/environment.js";
import { messageOf } from "../backend/errors.js";
import { signInWith } from "../backend/session.js";
import { showDialog } from "./dialog.js";
import { field, Form, onSubmit } from "./form.js";

const NO_EMULATOR = html`
  There is no Auth emulator on this machine, and therefore no account to sign in with. Start
  <code>make dev</code> without <code>REQUIRE_AUTH</code>, or name an emulator with
  <code>FIREBASE_AUTH_EMULATOR_HOST</code>.
`;
const LOOK = { kind: "narrow", labelledBy: "sign-in-title" };

/**
 * Ask for an account until one is given or the form is closed.
 * @param {string} reason
 */
export async function showSignIn(reason) {
  const { emulators } = await environment();
  // On a developer's machine the accounts are those of the Auth emulator.
  const isPossible = !emulators.functions || Boolean(emulators.auth);
  // Without such an emulator the functions host signs in as any account.
  if (emulators.auth && emulators.auth === emulators.functions) return showAnyAccount();
  await showDialog(LOOK, (dialog) => {
    const form = new Form(dialog.update, "sign-in", { email: "", password: "" });
    const state = { fault: "" };
    const enter = async () => {
      state.fault = "";
      try {
        await signInWith(form.values.email, form.values.password);
        dialog.close();
      } catch (error) {
        state.fault = messageOf(error);
      }
    };
    return () => signInForm(isPossible ? reason : NO_EMULATOR, form, state.fault, enter, dialog.close);
  });
}

/** Ask which account to act as, which needs no password. */
const showAnyAccount = () =>
  showDialog(LOOK, (dialog) => {
    const form = new Form(dialog.update, "sign-in", { account: "" });
    const state = { fault: "", isAdministrator: false };
    const enter = async () => {
      state.fault = "";
      try {
        // The password names the claims of the token.
        await signInWith(form.values.account, state.isAdministrator ? "admin" : "");
        dialog.close();
      } catch (error) {
        state.fault = messageOf(error);
      }
    };
    return () => anyAccountForm(form, state, enter, dialog.close);
  });

/**
 * @param {Form} form
 * @param {{fault: string, isAdministrator: boolean}} state
 * @param {() => Promise<void>} enter
 * @param {() => void} cancel
 */
const anyAccountForm = (form, state, enter, cancel) => html`
  <form class="stack" @submit=${onSubmit(form, enter)}>
    <h2 id="sign-in-title">Sign in</h2>
    <p class="lead">On this machine you may act as any account, without a password.</p>
    ${field(
      form,
      "account",
      "Account",
      (bound) => html`<input ${bound} maxlength="128" autocomplete="off" spellcheck="false" required />`,
    )}
    <label class="check">
      <input
        type="checkbox"
        @change=${(/** @type {{target: HTMLInputElement}} */ { target }) => (state.isAdministrator = target.checked)}
      />
      As an administrator
    </label>
    ${signInFoot(form, state.fault, cancel)}
  </form>
`;

/**
 * @param {Form} form
 * @param {string} fault
 * @param {() => void} cancel
 */
const signInFoot = (form, fault, cancel) => html`
  <p class="fault" role="alert" ?hidden=${!fault}>${fault}</p>
  <div class="actions end">
    <button type="button" class="quiet" @click=${cancel}>Cancel</button>
    <button class="primary" aria-disabled=${form.sending.disabled}>Sign in</button>
  </div>
`;

/**
 * @param {unknown} reason
 * @param {Form} form
 * @param {string} fault
 * @param {() => Promise<void>} enter
 * @param {() => void} cancel
 */
const signInForm = (reason, form, fault, enter, cancel) => html`
  <form class="stack" @submit=${onSubmit(form, enter)}>
    <h2 id="sign-in-title">Sign in</h2>
    <p class="lead">${reason}</p>
    ${field(form, "email", "Email", (bound) => html`<input ${bound} type="email" autocomplete="username" required />`)}
    ${field(
      form,
      "password",
      "Password",
      (bound) => html`<input ${bound} type="password" autocomplete="current-password" required />`,
    )}
    ${signInFoot(form, fault, cancel)}
  </form>
`;
