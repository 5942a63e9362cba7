// Owns what an account has and where it went: its ledger, its filters and its totals. Must not know how it looks.

import { currentAccount } from "../../accounts/chosen.js";
import { call } from "../../backend/api.js";
import { ApiError } from "../../backend/errors.js";
import { Form } from "../../ui/form.js";
import { LoadedList } from "../../ui/loaded.js";

const PAGE_SIZE = 20;

export class Ledger {
  #page;

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
    this.filters = new Form(page.update, "ledger", { type: "", from: "", to: "" });
    /** @type {LoadedList<Statement>} */
    this.list = new LoadedList(page, (pageToken) => this.#read(pageToken));
  }

  get isFiltered() {
    return Object.values(this.filters.values).some(Boolean);
  }

  /**
   * What is asked for: days are those of this browser's clock, the last one included.
   * @returns {EntryQuery}
   */
  get query() {
    const { type, from, to } = this.filters.values;
    return { type, createdAfter: from && midnight(from, 0), createdBefore: to && midnight(to, 1) };
  }

  /**
   * Read a part of the ledger of the account that is looked at; null where there is none. Totals are of all parts.
   * @param {string | null} pageToken
   * @returns {Promise<Statement | null>}
   */
  async #read(pageToken) {
    const userId = currentAccount();
    if (!userId) return null;
    const options = { ...this.query, userId, pageSize: PAGE_SIZE, pageToken, totals: pageToken ? "" : "true" };
    try {
      const { currentCredits, transactions, nextPageToken, totals } = await readEntries(options, this.#page.signal);
      return { userId, currentCredits, items: transactions, nextPageToken, totals: totals ?? {} };
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      return { userId, currentCredits: null, items: [], nextPageToken: null, totals: {} };
    }
  }
}

/**
 * The start of a day of this browser's clock, or of one so many days later.
 * @param {string} day As YYYY-MM-DD.
 * @param {number} later
 */
function midnight(day, later) {
  const at = new Date(`${day}T00:00`);
  if (Number.isNaN(at.getTime())) throw new Error("Give a day of a year with four digits.");
  at.setDate(at.getDate() + later);
  return at.toISOString();
}

/**
 * @param {Record<string, string | number | null>} query
 * @param {AbortSignal} signal
 */
export const readEntries = async (query, signal) => (await call("getUserCredits", { query, signal })).body;

/**
 * What an entry changed.
 * @param {Pick<Entry, "type" | "credits">} entry
 */
export const changeOf = ({ type, credits }) => (["deduction", "revocation"].includes(type) ? -credits : credits);
