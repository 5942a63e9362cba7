// Owns choosing an account: what is typed, what the account has, and which others there are.
// Must not know how that looks, nor what is done with the account.

import { call } from "../backend/api.js";
import { ApiError, isAbort } from "../backend/errors.js";
import { follow } from "../backend/live.js";
import { credits, time } from "../format.js";
import { Form } from "../ui/form.js";
import { chooseAccount, currentAccount, tellAccountChange } from "./chosen.js";
import { matchingAccounts, richestAccounts } from "./known.js";

export class AccountChoice {
  /** @type {number | null} What the account has, null where that is not known. */
  credits = null;
  balance = "–";
  /** How fresh the balance is, "" where there is none. */
  freshness = "";
  /** @type {KnownAccount[]} */
  richest = [];
  /** @type {KnownAccount[]} Those whose names begin as what is typed. */
  matching = [];
  #page;
  #onChoose;
  /** Whether someone has begun to choose: no account is put before what is typed. */
  isBegun = false;
  #isChosenAtFirst;
  #sought = "";
  /** What the account had when it was last read: its balance and newest entry, "" before. */
  #state = "";

  /**
   * @param {Page} page
   * @param {() => void} onChoose
   * @param {{isChosenAtFirst?: boolean}} how `isChosenAtFirst` has the richest account chosen where none was before.
   */
  constructor(page, onChoose, { isChosenAtFirst = false } = {}) {
    this.#page = page;
    this.#onChoose = onChoose;
    this.#isChosenAtFirst = isChosenAtFirst;
    this.form = new Form(page.update, "bar", { account: currentAccount() });
    this.refresh();
    // The one look at an interval: where it finds a difference, the lists of the account are read again.
    follow(page.signal, () => (currentAccount() ? this.#readBalance({ isBackground: true }) : this.#findRichest()));
  }

  /** @param {string} userId */
  choose(userId) {
    this.form.values.account = userId;
    if (!userId) return this.#show("–", null);
    this.#page.update();
    this.#state = "";
    chooseAccount(userId);
    this.#readBalance();
    this.search();
    this.#onChoose();
  }

  refresh() {
    return Promise.all([this.#readBalance(), this.#findRichest(), this.search()]);
  }

  /** Find the accounts whose names begin so; of several searches the last one counts. */
  async search(prefix = this.form.values.account.trim()) {
    this.#sought = prefix;
    const matching = await matchingAccounts(prefix);
    if (prefix !== this.#sought) return;
    this.matching = matching;
    this.#page.update();
  }

  /** Whether an account is named that there is; if none is named, the field says so. */
  isChosen() {
    if (!this.form.values.account.trim()) this.form.setFault("account", "Choose an account.");
    return !this.form.hasFaults;
  }

  /** Throws where it is read in the background and could not be. */
  async #readBalance({ isBackground = false } = {}) {
    const userId = currentAccount();
    if (!userId) return;
    const { signal } = this.#page;
    try {
      const { body } = await call("getUserCredits", { query: { userId, pageSize: 1 }, signal, isBackground });
      if (!this.#isNamed(userId)) return;
      if (!isBackground || this.credits === null) this.form.faults = {};
      this.freshness = this.#page.emulators.firestore ? "live" : `as of ${time(Date.now())}`;
      this.#show(credits(body.currentCredits), body.currentCredits);
      this.#compare(`${body.currentCredits} ${body.transactions[0]?.id}`);
    } catch (error) {
      if (isAbort(error) || !this.#isNamed(userId)) return;
      if (isBackground) this.#keep();
      else this.#refuse(error);
      if (isBackground) throw error;
    }
  }

  /** @param {string} state */
  #compare(state) {
    const isChanged = this.#state !== "" && this.#state !== state;
    this.#state = state;
    if (isChanged) tellAccountChange();
  }

  /** What was read before stays, and is said to be old. */
  #keep() {
    this.freshness = this.credits === null ? "" : "not live";
    this.#page.update();
  }

  /** @param {unknown} error */
  #refuse(error) {
    const { status, violations } = error instanceof ApiError ? error : new ApiError(0);
    // Once it can be read, that is a change.
    this.#state = `refused ${status}`;
    if (status === 404) this.form.setFault("account", "No such account");
    else if (violations.length > 0) this.form.setFault("account", `It ${violations[0].description}.`);
    this.#show(status === 401 ? "Sign in to see it" : "–", null);
  }

  /**
   * Whether it is still the account in the field, which may have been emptied.
   * @param {string} userId
   */
  #isNamed(userId) {
    return userId === currentAccount() && this.form.values.account !== "";
  }

  /**
   * @param {string} balance
   * @param {number | null} held
   */
  #show(balance, held) {
    this.balance = balance;
    this.credits = held;
    if (held === null) this.freshness = "";
    this.#page.update();
  }

  async #findRichest() {
    this.richest = await richestAccounts();
    this.#page.update();
    // With an Auth emulator the account is that of the one who signs in.
    const isOpen = !currentAccount() && !this.isBegun && !this.#page.emulators.auth;
    if (this.#isChosenAtFirst && isOpen && this.richest.length > 0) this.choose(this.richest[0].userId);
  }
}
