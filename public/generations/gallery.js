// Owns the list of an account's generations: its filters, its pages, and following those that have not ended.
// Must not know how it looks.

import { currentAccount, whenAccountChanges } from "../accounts/chosen.js";
import { call } from "../backend/api.js";
import { ApiError } from "../backend/errors.js";
import { repeat } from "../backend/timing.js";
import { Form } from "../ui/form.js";
import { LoadedList } from "../ui/loaded.js";
import { isUnderWay } from "./generation.js";

const PAGE_SIZE = 12;
const FOLLOW_MILLISECONDS = 2000;

export class Gallery {
  /** @type {Set<string>} The ids of generations that cannot be read any more. */
  #lost = new Set();
  #page;

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
    this.filters = new Form(page.update, "filter", { status: "", model: "", style: "", color: "", size: "" });
    const idOf = (/** @type {Generation} */ generation) => generation.generationRequestId;
    this.list = new LoadedList(page, (pageToken) => this.#read(pageToken), idOf);
    this.refresh();
    whenAccountChanges(page.signal, () => this.list.renew());
    repeat(FOLLOW_MILLISECONDS, page.signal, () => Promise.all(this.#underWay().map((id) => this.#follow(id))));
  }

  /** @returns {Generation[]} */
  get items() {
    return this.list.value?.items ?? [];
  }

  get isFiltered() {
    return Object.values(this.filters.values).some(Boolean);
  }

  refresh({ isQuiet = true } = {}) {
    return this.list.load({ isQuiet });
  }

  /**
   * Show how a generation is now: one tile changes or comes before the others.
   * @param {Generation} generation
   */
  show(generation) {
    if (this.#has(generation.generationRequestId)) this.#replace(generation);
    else if (!this.list.value?.items.length || this.isFiltered) this.refresh();
    else this.list.value.items.unshift(generation);
    this.#page.update();
  }

  /** @param {string | null} pageToken */
  async #read(pageToken) {
    const userId = currentAccount();
    if (!userId) return null;
    const query = { userId, pageSize: PAGE_SIZE, pageToken, ...this.filters.values };
    const { body } = await call("listGenerationRequests", { query, signal: this.#page.signal });
    const { generations, nextPageToken } = body;
    if (!pageToken) this.#lost.clear();
    // One that came before the others may be on a later page as well.
    const items = pageToken ? generations.filter((each) => !this.#has(each.generationRequestId)) : generations;
    return { items, nextPageToken };
  }

  /** @param {string} id */
  #has(id) {
    return this.items.some((each) => each.generationRequestId === id);
  }

  /** @param {Generation} generation */
  #replace(generation) {
    const items = this.items;
    const place = items.findIndex((each) => each.generationRequestId === generation.generationRequestId);
    // Another account may be shown by now.
    if (place >= 0) items[place] = generation;
  }

  #underWay() {
    const ids = this.items.filter(isUnderWay).map((each) => each.generationRequestId);
    return ids.filter((id) => !this.#lost.has(id));
  }

  /** @param {string} generationRequestId */
  async #follow(generationRequestId) {
    const { signal } = this.#page;
    try {
      this.#replace((await call("getGenerationStatus", { query: { generationRequestId }, signal })).body);
      this.#page.update();
    } catch (error) {
      if (!(error instanceof ApiError && error.isPassing)) this.#lost.add(generationRequestId);
    }
  }
}
