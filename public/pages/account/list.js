// Owns the page with all accounts: finding one by its beginning, and creating one. Must not know any other page.

import { html } from "/vendor/lit-html/lit-html.js";
import { accountAddress } from "../../accounts/chosen.js";
import { listAccounts } from "../../accounts/known.js";
import { follow } from "../../backend/live.js";
import { number } from "../../format.js";
import { card, pageHeader, table, written } from "../../ui/elements.js";
import { emptyState } from "../../ui/feedback.js";
import { field, Form, onSubmit } from "../../ui/form.js";
import { LoadedList, loadedView, moreFoot } from "../../ui/loaded.js";
import { Opening, openingCard } from "./opening.js";

const PAGE_SIZE = 50;
// Firestore answers no more at once.
const MOST = 300;

/** @type {MakePage} */
export function make(page) {
  const isListed = Boolean(page.emulators.firestore);
  const search = new Form(page.update, "search", { account: "" });
  /** @type {LoadedList<Part<KnownAccount>>} */
  const list = new LoadedList(page, (after) => read(search.values.account.trim(), after, list.value), ofId);
  const opening = new Opening(page, (userId) => (location.hash = accountAddress(userId)));
  if (isListed) {
    list.load();
    follow(page.signal, () => list.renew());
  }
  return () => html`
    ${pageHeader("Accounts", "Who holds credits, and how many.")}
    <div class="columns">
      ${card("Find an account", [
        searchForm(search, list, isListed),
        isListed ? loadedView(list, { lines: 8 }, (value) => accountTable(value, list)) : notListed(),
      ])}
      ${openingCard(opening)}
    </div>
  `;
}

/** @param {KnownAccount} account */
const ofId = ({ userId }) => userId;

/**
 * Read a part of the list; anew, as many as are shown.
 * @param {string} prefix
 * @param {string | null} after
 * @param {Part<KnownAccount> | null | undefined} shown
 */
function read(prefix, after, shown) {
  const limit = after ? PAGE_SIZE : Math.min(Math.max(PAGE_SIZE, shown?.items.length ?? 0), MOST);
  return listAccounts(prefix, limit, after);
}

/**
 * What is typed filters the list; Enter opens the account of that name.
 * @param {Form} search
 * @param {LoadedList<Part<KnownAccount>>} list
 * @param {boolean} isListed
 */
function searchForm(search, list, isListed) {
  const open = async () => {
    const userId = search.values.account.trim();
    if (userId) location.hash = accountAddress(userId);
  };
  const narrow = () => isListed && list.load({ isQuiet: true });
  return html`
    <form class="search" @submit=${onSubmit(search, open)} @input=${narrow}>
      ${field(
        search,
        "account",
        "Account",
        (bound) => html`
          <input
            ${bound}
            type="search"
            maxlength="128"
            autocomplete="off"
            spellcheck="false"
            dir="auto"
            placeholder=${isListed ? "The beginning of its name" : "Its whole name"}
          />
        `,
      )}
      <button>Open</button>
    </form>
  `;
}

const notListed = () =>
  emptyState("Not listed here", "Only a developer's machine lists accounts. Open one by its whole name.");

/**
 * @param {Part<KnownAccount> | null} value
 * @param {LoadedList<Part<KnownAccount>>} list
 */
function accountTable(value, list) {
  if (!value || value.items.length === 0)
    return emptyState("No such account", "No account has a name of this beginning.");
  const columns = [
    { title: "Account", cell: accountLink },
    { title: "Credits", cell: (/** @type {KnownAccount} */ account) => number(account.credits), number: true },
  ];
  return [table("Accounts, by name", columns, value.items), moreFoot(list, "tbody a")];
}

/** @param {KnownAccount} account */
const accountLink = ({ userId }) => html`
  <a class="link id" href=${accountAddress(userId)} title=${userId}>${written(userId)}</a>
`;
