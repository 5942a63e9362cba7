// Owns how the choice of an account looks. Must not know what is done with the account.

import { html } from "/vendor/lit-html/lit-html.js";
import { credits } from "../format.js";
import { focusOn, written } from "../ui/elements.js";
import { field, focusFault } from "../ui/form.js";

/** @param {AccountChoice} choice */
export const accountBar = (choice) => html`
  <form class="account-bar" @submit=${(/** @type {Event} */ event) => event.preventDefault()}>
    ${accountField(choice)}
    <datalist id="known-accounts">
      ${choice.matching.map(({ userId }) => html`<option value=${userId}></option>`)}
    </datalist>
    <div class="field">
      <span class="label">Balance <span class="freshness">${choice.freshness}</span></span>
      <output class=${choice.credits === null ? "balance unknown" : "balance"} aria-label="Balance" aria-live="polite"
        >${choice.balance}</output
      >
    </div>
    ${offered(choice)}
  </form>
`;

/** Put the focus on the account where it will not do. */
export const focusAccountFault = () => focusFault(document.querySelector(".account-bar"));

/** @param {AccountChoice} choice */
function accountField(choice) {
  const begin = (/** @type {{target: HTMLInputElement}} */ event) => {
    choice.isBegun = true;
    // So that what is typed takes the place of the account that is there.
    event.target.select();
  };
  const choose = (/** @type {{target: HTMLInputElement}} */ event) => choice.choose(event.target.value.trim());
  const search = (/** @type {{target: HTMLInputElement}} */ event) => choice.search(event.target.value.trim());
  return field(
    choice.form,
    "account",
    "Account",
    (bound) => html`
      <input
        ${bound}
        list="known-accounts"
        maxlength="128"
        autocomplete="off"
        spellcheck="false"
        dir="auto"
        placeholder="Choose or type an account"
        @focus=${begin}
        @input=${search}
        @change=${choose}
      />
    `,
  );
}

/**
 * The richest accounts, where none is named that there is.
 * @param {AccountChoice} choice
 */
function offered(choice) {
  const { form, richest } = choice;
  const isNamed = form.values.account && !form.hasFaults;
  return html`
    <div
      class="known"
      role="group"
      aria-label="Accounts to choose from"
      ?hidden=${Boolean(isNamed) || richest.length === 0}
    >
      ${richest.map((account) => chip(choice, account))}
    </div>
  `;
}

/**
 * @param {AccountChoice} choice
 * @param {KnownAccount} account
 */
function chip(choice, account) {
  const take = (/** @type {{currentTarget: HTMLButtonElement}} */ { currentTarget }) => {
    choice.form.clearFaults();
    choice.choose(account.userId);
    // The chips are hidden now, and the focus goes to the balance.
    focusOn(currentTarget.form?.querySelector("output"));
  };
  return html`
    <button type="button" class="chip" @click=${take}>
      ${written(account.userId)} <span class="price">${credits(account.credits)}</span>
    </button>
  `;
}
