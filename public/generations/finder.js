// Owns finding a generation of which only the id is known, and the button that shows it. Must not know which page it is on.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { call } from "../backend/api.js";
import { isAbort } from "../backend/errors.js";
import { idCode } from "../ui/elements.js";

/** Opens generations, one at a time. */
export class Finder {
  /** @type {string | null} */
  soughtId = null;
  #page;

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
  }

  /** @param {string} id */
  async open(id) {
    if (this.soughtId) return;
    this.#seek(id);
    const { signal } = this.#page;
    // The dialog is loaded when it is first needed.
    const dialog = import("./details.js");
    try {
      const { body } = await call("getGenerationStatus", { query: { generationRequestId: id }, signal });
      (await dialog).openDetails(body);
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
