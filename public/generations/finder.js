// Owns showing a generation, also one of which only the id is known, and the button for that. Must not know which page it
// is on.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { call } from "../backend/api.js";
import { isAbort } from "../backend/errors.js";
import { idCode } from "../ui/elements.js";

/** Opens generations, one at a time. The dialog is loaded when it is first needed. */
export class Finder {
  /** @type {string | null} */
  soughtId = null;
  #page;
  #offered;

  /**
   * @param {Page} page
   * @param {DetailsOffer} offered What can be done with a generation on this page.
   */
  constructor(page, offered = {}) {
    this.#page = page;
    this.#offered = offered;
  }

  /** @param {Generation} generation */
  async show(generation) {
    (await import("./details.js")).openDetails(generation, this.#offered);
  }

  /** @param {string} id */
  async open(id) {
    if (this.soughtId) return;
    this.#seek(id);
    const { signal } = this.#page;
    const dialog = import("./details.js");
    try {
      const { body } = await call("getGenerationStatus", { query: { generationRequestId: id }, signal });
      (await dialog).openDetails(body, this.#offered);
    } catch (error) {
      if (!isAbort(error)) (await dialog).openError(error);
    }
    this.#seek(null);
  }

  /** @param {string | null} id */
  #seek(id) {
    this.soughtId = id;
    this.#page.update();
  }
}

/**
 * @param {string} id
 * @param {Finder} finder
 */
export const generationButton = (id, finder) => html`
  <button
    type="button"
    class="link"
    aria-label="Show generation ${id}"
    aria-disabled=${finder.soughtId === id ? "true" : nothing}
    @click=${() => finder.open(id)}
  >
    ${idCode(id)}
  </button>
`;
