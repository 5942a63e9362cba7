// Owns which account is looked at. Must not know what is done with it.

import { signedIn } from "../backend/session.js";

const KEY = "account";

/** The account that was chosen last, or that of the one who signed in; "" where there is none. */
export const currentAccount = () => sessionStorage.getItem(KEY) ?? signedIn()?.userId ?? "";

/** @param {string} userId */
export const chooseAccount = (userId) => sessionStorage.setItem(KEY, userId);
