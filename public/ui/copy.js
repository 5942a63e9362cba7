// Owns copying a text, and the button that does it and says how that went. Must not know any page.

import { html } from "/vendor/lit-html/lit-html.js";
import { announce } from "./feedback.js";

export class Copying {
  #update;
  #label = "";
  #outcome = "";

  /** @param {() => void} update */
  constructor(update) {
    this.#update = update;
  }

  /**
   * @param {string} label Of the button, unique among those of this state.
   * @param {string} text
   */
  async copy(label, text) {
    this.#label = label;
    try {
      await navigator.clipboard.writeText(text);
      this.#outcome = "Copied";
    } catch {
      // The browser may refuse it, as on a page without HTTPS.
      this.#outcome = "Not copied";
    }
    announce(this.#outcome);
    this.#update();
  }

  /**
   * @param {string} label
   * @param {string} text
   */
  button(label, text) {
    const content = label === this.#label ? this.#outcome : label;
    return html` <button type="button" class="small" @click=${() => this.copy(label, text)}>${content}</button> `;
  }
}
