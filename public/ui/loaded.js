// Owns what is loaded from a back end, whole or part by part: its state, and how that is shown. Must not know any page.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { focusOn } from "./elements.js";
import { errorPanel, skeleton } from "./feedback.js";
import { Once } from "./once.js";

/**
 * A value that is loaded; of several loads the last one counts.
 * @template Value
 */
export class Loaded {
  /** @type {Value | undefined} */
  value = undefined;
  /** @type {unknown} */
  error = undefined;
  isBusy = false;
  turn = 0;
  #read;

  /**
   * @param {Page} page
   * @param {() => Promise<Value>} read
   */
  constructor(page, read) {
    this.page = page;
    this.#read = read;
  }

  /** Load it. Quietly, the present value stays until the new one is there, so that nothing on the page jumps. */
  async load({ isQuiet = false } = {}) {
    const turn = ++this.turn;
    const isCurrent = () => turn === this.turn && !this.page.signal.aborted;
    this.isBusy = true;
    if (!isQuiet) this.value = this.error = undefined;
    this.page.update();
    try {
      const value = await this.#read();
      if (!isCurrent()) return;
      this.value = value;
      this.error = undefined;
    } catch (error) {
      if (!isCurrent()) return;
      this.value = undefined;
      this.error = error;
    }
    this.isBusy = false;
    this.page.update();
  }
}

/**
 * A list that is loaded part by part, null where there is no such list.
 * @template {Part<any>} Value
 * @extends {Loaded<Value | null>}
 */
export class LoadedList extends Loaded {
  /** @type {unknown} */
  moreError = undefined;
  #readPart;
  #idOf;

  /**
   * @param {Page} page
   * @param {(pageToken: string | null) => Promise<Value | null>} readPart
   * @param {(item: Value["items"][number]) => string} idOf
   */
  constructor(page, readPart, idOf = (item) => item.id) {
    super(page, () => readPart(null));
    this.more = new Once(page.update);
    this.#readPart = readPart;
    this.#idOf = idOf;
  }

  /** @override */
  load(how = {}) {
    this.moreError = undefined;
    return super.load(how);
  }

  /** Read the first part again: where it differs it takes its place, before the parts that were loaded after it. */
  async renew() {
    const { turn } = this;
    if (this.isBusy || this.error !== undefined) return this.load({ isQuiet: true });
    const first = await this.#readPart(null).catch(() => undefined);
    // What cannot be read now stays as it was; the next look may find it.
    if (first === undefined || turn !== this.turn || this.page.signal.aborted) return;
    const joined = this.#joined(first);
    if (JSON.stringify(joined) === JSON.stringify(this.value)) return;
    // The parts after it are gone, and one that is under way is of the old list.
    if (joined === first) this.turn++;
    this.value = joined;
    this.page.update();
  }

  /**
   * @param {Value | null} first
   * @returns {Value | null}
   */
  #joined(first) {
    const known = this.value;
    const last = first?.items.at(-1);
    if (!first || !known || !last) return first;
    const place = known.items.findIndex((item) => this.#idOf(item) === this.#idOf(last));
    const rest = place < 0 ? [] : known.items.slice(place + 1);
    if (rest.length === 0) return first;
    return { ...first, items: [...first.items, ...rest], nextPageToken: known.nextPageToken };
  }

  /** Load the next part, after which it is the end of `items`, unless the list was loaded anew meanwhile. */
  loadMore() {
    return this.more.run(async () => {
      const { turn, value } = this;
      // While the list is loaded anew, its token may be of another filter.
      if (!value?.nextPageToken || this.isBusy) return;
      this.moreError = undefined;
      try {
        const next = await this.#readPart(value.nextPageToken);
        if (turn !== this.turn || !this.value || !next) return;
        const items = [...this.value.items, ...next.items];
        this.value = { ...this.value, items, nextPageToken: next.nextPageToken };
      } catch (error) {
        if (turn === this.turn) this.moreError = error;
      }
    });
  }
}

/**
 * A skeleton while there is no value, an error with another try where loading failed, else `view` of the value.
 * @template Value
 * @param {Loaded<Value>} loaded
 * @param {{kind?: string, lines?: number}} look
 * @param {(value: Value) => unknown} view
 */
export function loadedView(loaded, { kind, lines = 3 }, view) {
  const content = () => {
    if (loaded.error !== undefined) return errorPanel(loaded.error, { retry: () => loaded.load() });
    return loaded.value === undefined ? skeleton(lines) : view(loaded.value);
  };
  return html`<div class=${kind ?? nothing} aria-busy=${loaded.isBusy ? "true" : nothing}>${content()}</div>`;
}

/**
 * The end of a list that has more: a button, after which the first new item, found by `selector`, has the focus.
 * @param {LoadedList<any>} list
 * @param {string} selector
 */
export function moreFoot(list, selector) {
  const show = async (/** @type {Event} */ event) => {
    const place = /** @type {HTMLElement} */ (event.currentTarget).closest("section");
    const shown = list.value?.items.length ?? 0;
    await list.loadMore();
    focusOn(/** @type {HTMLElement | undefined} */ (place?.querySelectorAll(selector)[shown]));
  };
  if (!list.value?.nextPageToken) return nothing;
  const button = html`<button type="button" aria-disabled=${list.more.disabled} @click=${show}>Show more</button>`;
  const failed = () => errorPanel(list.moreError, { retry: () => list.loadMore() });
  return html`<div class="more">${list.moreError === undefined ? button : failed()}</div>`;
}
