// Owns which account is looked at, and the bar in which it is chosen. Must not know what is done with it.

import { call } from "./api.js";
import { field, h } from "./dom.js";
import { environment } from "./environment.js";
import * as firestore from "./firestore.js";
import { credits } from "./format.js";
import { signedIn } from "./session.js";

const KEY = "account";

/** The account that was chosen last, or that of whoever signed in; "" where there is none. */
export const currentAccount = () => sessionStorage.getItem(KEY) ?? signedIn()?.userId ?? "";

export function chooseAccount(userId) {
  sessionStorage.setItem(KEY, userId);
}

export const forgetAccount = () => sessionStorage.removeItem(KEY);

/** `{element, refresh, isChosen}` of a form that names the account; `onchange` is told when it is another one. */
export function accountBar(onchange, signal) {
  const list = h("datalist", { id: "known-accounts" });
  const input = h("input", {
    name: "account",
    value: currentAccount(),
    list: list.id,
    required: true,
    maxlength: "128",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "userId",
  });
  const balance = h("output", { class: "balance", "aria-label": "Balance", "aria-live": "polite" }, "–");
  const form = h(
    "form",
    { class: "account-bar" },
    field("Account", input),
    list,
    h("div", {}, h("span", {}, "Balance"), balance),
  );

  function choose(event) {
    event?.preventDefault();
    const userId = input.value.trim();
    if (!userId || userId === currentAccount()) return;
    chooseAccount(userId);
    refresh();
    onchange(userId);
  }

  async function refresh() {
    const userId = currentAccount();
    if (!userId) return null;
    try {
      const { body } = await call("getUserCredits", { query: { userId, pageSize: 1 }, signal });
      balance.textContent = credits(body.currentCredits);
      return body.currentCredits;
    } catch (error) {
      if (error.name !== "AbortError") balance.textContent = error.status === 404 ? "No such account" : "–";
      return null;
    }
  }

  form.addEventListener("submit", choose);
  input.addEventListener("change", choose);
  environment().then(async ({ emulators }) => {
    if (!emulators.firestore) return;
    const { documents } = await firestore.listDocuments("users").catch(() => ({ documents: [] }));
    list.replaceChildren(...documents.map((found) => h("option", { value: firestore.idOf(found.name) })));
  });
  refresh();
  // The browser says at the field that it is needed.
  return { element: form, refresh, isChosen: () => form.reportValidity() };
}
