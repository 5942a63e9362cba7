// Owns which account is looked at, and telling that it has changed. Must not know what is done with it.

import { oneAtATime } from "../backend/live.js";
import { signedIn } from "../backend/session.js";

const KEY = "account";

/** The account that was chosen last, or that of the one who signed in; "" where there is none. */
export const currentAccount = () => sessionStorage.getItem(KEY) ?? signedIn()?.userId ?? "";

/** @param {string} userId */
export const chooseAccount = (userId) => sessionStorage.setItem(KEY, userId);

/**
 * The address of the page of an account.
 * @param {string} userId
 */
export const accountAddress = (userId) => `#account/${encodeURIComponent(userId)}`;

/**
 * The account of an address, as it stands where it is not percent-encoded.
 * @param {string} text
 */
export function accountOf(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const changes = new EventTarget();

/** Say that the account that is looked at has another balance or another entry in its ledger. */
export const tellAccountChange = () => changes.dispatchEvent(new Event("change"));

/**
 * Call `read` when that account has changed, until `signal` is aborted. It does not throw.
 * @param {AbortSignal} signal
 * @param {() => Promise<unknown>} read
 */
export const whenAccountChanges = (signal, read) => changes.addEventListener("change", oneAtATime(read), { signal });
