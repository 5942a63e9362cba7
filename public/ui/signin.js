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
    <p class="fault" role="alert" ?hidden=${!fault}>${fault}</p>
    <div class="actions end">
      <button type="button" class="quiet" @click=${cancel}>Cancel</button>
      <button class="primary" aria-disabled=${form.sending.disabled}>Sign in</button>
    </div>
  </form>
`;
