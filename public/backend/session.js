// Owns who is signed in: Firebase's Identity Toolkit, and the ID token, which is kept in memory alone.
// Must not know which calls need it, nor what the form looks like.

import { environment } from "./environment.js";

const EARLY_MILLISECONDS = 60_000;

/** @type {(Tokens & {userId: string, email: string}) | null} */
let session = null;
/** @type {Promise<void> | null} */
let asking = null;
let isRequired = false;
/** @type {(reason: string) => Promise<void>} */
let ask = async () => {};

/**
 * Name the function that asks for an account and resolves when that has ended.
 * @param {typeof ask} form
 */
export function askWith(form) {
  ask = form;
}

/**
 * The header that says who calls, none where no account is signed in; a token that ends soon is renewed first.
 * @returns {Promise<Record<string, string>>}
 */
export async function authorization() {
  if (session && Date.now() > session.endsAt - EARLY_MILLISECONDS) {
    try {
      session = { ...session, ...(await renewed(session.refreshToken)) };
    } catch {
      session = null;
    }
  }
  return session ? { Authorization: `Bearer ${session.idToken}` } : {};
}

/**
 * Ask for an account; resolves to whether one is signed in. Single flight: asked twice, the form is shown once.
 * @param {string} reason
 */
export async function signIn(reason) {
  asking ??= ask(reason).finally(() => (asking = null));
  await asking;
  return session !== null;
}

/** As `signIn`, where a call was refused because no account was signed in. */
export function signInAsRequired() {
  isRequired = true;
  document.dispatchEvent(new Event("sessionchange"));
  return signIn("This needs an account of this project.");
}

/** Whether a call was refused because no account was signed in. */
export const isSignInRequired = () => isRequired;

/**
 * Sign in; throws an Error whose message says what was wrong.
 * @param {string} email
 * @param {string} password
 */
export async function signInWith(email, password) {
  const path = "accounts:signInWithPassword";
  const answer = await request("identitytoolkit.googleapis.com", path, { email, password, returnSecureToken: true });
  const issued = tokens(answer.idToken, answer.refreshToken, answer.expiresIn);
  session = { ...issued, userId: answer.localId, email: answer.email };
  document.dispatchEvent(new Event("sessionchange"));
}

export function signOut() {
  session = null;
  document.dispatchEvent(new Event("sessionchange"));
}

export const signedIn = () => session && { userId: session.userId, email: session.email };

/**
 * @param {string} service
 * @param {string} path
 * @param {object} body
 */
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

/** @param {string} code An error code of Identity Toolkit. */
function sentence(code) {
  if (/INVALID_(LOGIN_CREDENTIALS|PASSWORD|EMAIL)|EMAIL_NOT_FOUND/.test(code)) return "The email or password is wrong.";
  if (code.startsWith("USER_DISABLED")) return "This account is disabled.";
  if (code.startsWith("TOO_MANY_ATTEMPTS")) return "Too many attempts; try again later.";
  return "Signing in did not work; try again.";
}

/** @param {string} refreshToken */
async function renewed(refreshToken) {
  const body = { grant_type: "refresh_token", refresh_token: refreshToken };
  const answer = await request("securetoken.googleapis.com", "token", body);
  return tokens(answer.id_token, answer.refresh_token, answer.expires_in);
}

/**
 * @param {string} idToken
 * @param {string} refreshToken
 * @param {string} seconds
 * @returns {Tokens}
 */
const tokens = (idToken, refreshToken, seconds) => ({
  idToken,
  refreshToken,
  endsAt: Date.now() + Number(seconds) * 1000,
});
