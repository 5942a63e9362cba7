// Owns who is signed in: the form, Firebase's Identity Toolkit, and the ID token, which is kept in memory alone.
// Must not know which calls need it.

import { h } from "./dom.js";
import { environment } from "./environment.js";
import { field, once } from "./forms.js";

const EARLY_MILLISECONDS = 60_000;
let session = null;
let asking = null;
let isRequired = false;

/** The header that says who calls, none where nobody signed in; a token that ends soon is renewed first. */
export async function authorization() {
  if (session && Date.now() > session.endsAt - EARLY_MILLISECONDS) {
    try {
      await renew();
    } catch {
      session = null;
    }
  }
  return session ? { Authorization: `Bearer ${session.idToken}` } : {};
}

/** Ask for an account until one is given; resolves to false when the form is closed. Asked twice, it is shown once. */
export function signIn(reason) {
  asking ??= showForm(reason).finally(() => (asking = null));
  return asking;
}

/** As `signIn`, where a call was refused because nobody had signed in. */
export function signInAsRequired() {
  isRequired = true;
  document.dispatchEvent(new Event("sessionchange"));
  return signIn("This needs an account of this project.");
}

/** Whether a call was refused because nobody had signed in. */
export const isSignInRequired = () => isRequired;

export function signOut() {
  session = null;
  document.dispatchEvent(new Event("sessionchange"));
}

export const signedIn = () => session && { userId: session.userId, email: session.email };

async function request(service, path, body) {
  const { apiKey = "", emulators } = await environment();
  const origin = emulators.auth ? `http://${emulators.auth}/${service}` : `https://${service}`;
  let response;
  try {
    response = await fetch(`${origin}/v1/${path}?key=${encodeURIComponent(apiKey)}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The sign-in service could not be reached.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(sentence(answer.error?.message ?? ""));
  return answer;
}

function sentence(code) {
  if (/INVALID_(LOGIN_CREDENTIALS|PASSWORD|EMAIL)|EMAIL_NOT_FOUND/.test(code)) return "The email or password is wrong.";
  if (code.startsWith("USER_DISABLED")) return "This account is disabled.";
  if (code.startsWith("TOO_MANY_ATTEMPTS")) return "Too many attempts; try again later.";
  return "Signing in did not work; try again.";
}

async function renew() {
  const answer = await request("securetoken.googleapis.com", "token", {
    grant_type: "refresh_token",
    refresh_token: session.refreshToken,
  });
  session = { ...session, ...tokens(answer.id_token, answer.refresh_token, answer.expires_in) };
}

const tokens = (idToken, refreshToken, seconds) => ({
  idToken,
  refreshToken,
  endsAt: Date.now() + Number(seconds) * 1000,
});

function showForm(reason) {
  const email = h("input", { type: "email", name: "email", autocomplete: "username", required: true });
  const password = h("input", { type: "password", name: "password", autocomplete: "current-password", required: true });
  const fault = h("p", { class: "fault", role: "alert", hidden: true });
  const submit = h("button", { class: "primary" }, "Sign in");
  const cancel = h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel");
  const form = h(
    "form",
    { class: "stack" },
    h("h2", { id: "sign-in-title" }, "Sign in"),
    h("p", { class: "lead" }, reason),
    field("Email", email),
    field("Password", password),
    fault,
    h("div", { class: "actions end" }, cancel, submit),
  );
  const dialog = h("dialog", { "aria-labelledby": "sign-in-title", class: "narrow" }, form);
  const enter = async () => {
    fault.hidden = true;
    try {
      const answer = await request("identitytoolkit.googleapis.com", "accounts:signInWithPassword", {
        email: email.value,
        password: password.value,
        returnSecureToken: true,
      });
      const issued = tokens(answer.idToken, answer.refreshToken, answer.expiresIn);
      session = { ...issued, userId: answer.localId, email: answer.email };
      document.dispatchEvent(new Event("sessionchange"));
      dialog.close();
    } catch (error) {
      fault.textContent = error.message;
      fault.hidden = false;
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    once(submit, enter);
  });
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => (dialog.remove(), resolve(session !== null)), { once: true });
  });
}
