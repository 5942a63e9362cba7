// Owns which account is looked at, and the bar in which it is chosen. Must not know what is done with it.

import { call } from "./api.js";
import { focusOn, h } from "./dom.js";
import { environment } from "./environment.js";
import * as firestore from "./firestore.js";
import { clearFaults, field, focusFault, showFault } from "./forms.js";
import { credits } from "./format.js";
import { signedIn } from "./session.js";

const KEY = "account";
const MOST_OFFERED = 5;

/** The account that was chosen last, or that of whoever signed in; "" where there is none. */
export const currentAccount = () => sessionStorage.getItem(KEY) ?? signedIn()?.userId ?? "";

const chooseAccount = (userId) => sessionStorage.setItem(KEY, userId);

export const forgetAccount = () => sessionStorage.removeItem(KEY);

/**
 * A form that names the account, `{element, refresh, choose, isChosen, credits}`; `onchoose` is told when one is named.
 * `credits()` is what it has, null where that is not known, and the element hears `balance` when it changes.
 */
export function accountBar(onchoose, signal) {
  let amount = null;
  const list = h("datalist", { id: "known-accounts" });
  const input = h("input", {
    name: "account",
    value: currentAccount(),
    list: list.id,
    maxlength: "128",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "Choose or type an account",
    // So that what is typed takes the place of the account that is there.
    onfocus: () => input.select(),
    onchange: () => choose(input.value.trim()),
  });
  const balance = h("output", { class: "balance unknown", "aria-label": "Balance", "aria-live": "polite" }, "–");
  const known = h("div", { class: "known", role: "group", "aria-label": "Accounts to choose from", hidden: true });
  const form = h(
    "form",
    { class: "account-bar", oninput: offer, onsubmit: (event) => event.preventDefault() },
    field("Account", input),
    list,
    h("div", { class: "field" }, h("span", { class: "label" }, "Balance"), balance),
    known,
  );

  function choose(userId) {
    input.value = userId;
    offer();
    if (!userId) return;
    chooseAccount(userId);
    refresh();
    if (![...list.options].some((option) => option.value === userId)) findKnown();
    onchoose();
  }

  async function refresh() {
    const userId = currentAccount();
    if (!userId) return;
    try {
      const { body } = await call("getUserCredits", { query: { userId, pageSize: 1 }, signal });
      if (userId !== currentAccount()) return;
      clearFaults(form);
      show(credits(body.currentCredits), body.currentCredits);
    } catch (error) {
      if (error.name === "AbortError" || userId !== currentAccount()) return;
      const violation = error.violations?.[0];
      if (error.status === 404) refuse("No such account");
      else if (violation) refuse(`It ${violation.description}.`);
      show(error.status === 401 ? "Sign in to see it" : "–", null);
    }
    offer();
  }

  function show(text, held) {
    amount = held;
    balance.textContent = text;
    balance.classList.toggle("unknown", amount === null);
    form.dispatchEvent(new Event("balance"));
  }

  /** Say at the field why it will not do. */
  function refuse(text) {
    showFault(form, "account", text);
    offer();
  }

  /** Offer accounts to whoever has named none that there is. */
  function offer() {
    const isNamed = input.value && !input.hasAttribute("aria-invalid");
    known.hidden = Boolean(isNamed) || known.childElementCount === 0;
  }

  function isChosen() {
    if (!input.value.trim()) refuse("Choose an account.");
    return !focusFault(form);
  }

  async function findKnown() {
    const { emulators } = await environment();
    if (!emulators.firestore) return;
    const { documents } = await firestore.listDocuments("users").catch(() => ({ documents: [] }));
    const accounts = documents.map(({ name, fields }) => ({
      userId: firestore.idOf(name),
      amount: Number(fields?.credits?.integerValue ?? 0),
    }));
    list.replaceChildren(...accounts.map(({ userId }) => h("option", { value: userId })));
    const richest = accounts.toSorted((one, other) => other.amount - one.amount).slice(0, MOST_OFFERED);
    known.replaceChildren(...richest.map(chip));
    offer();
  }

  function chip({ userId, amount }) {
    const take = () => {
      clearFaults(form);
      choose(userId);
      // The chips go, and the focus shall not go with them.
      focusOn(balance);
    };
    const text = [userId, " ", h("span", { class: "price" }, credits(amount))];
    return h("button", { type: "button", class: "chip", onclick: take }, text);
  }

  findKnown();
  refresh();
  return {
    element: form,
    refresh: () => Promise.all([refresh(), findKnown()]),
    choose,
    isChosen,
    credits: () => amount,
  };
}
