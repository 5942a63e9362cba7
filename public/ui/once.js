// Owns doing a thing once at a time, and the button that does it. Must not know any page.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { errorPanel } from "./feedback.js";

/** Runs one thing at a time: asked again while it is under way, it does nothing. */
export class Once {
  isBusy = false;

  /** @param {() => void} update */
  constructor(update) {
    this.update = update;
  }

  /** @param {() => Promise<unknown>} act */
  async run(act) {
    if (this.isBusy) return;
    this.isBusy = true;
    this.update();
    try {
      await act();
    } finally {
      this.isBusy = false;
      this.update();
    }
  }

  /** The `aria-disabled` of its button, which keeps the focus meanwhile; `disabled` would take it away. */
  get disabled() {
    return this.isBusy ? "true" : nothing;
  }
}

/** What a button does once at a time, with how that gets on and how it ended. */
export class Action extends Once {
  /** @type {unknown} */
  outcome = nothing;
  #act;

  /**
   * @param {() => void} update
   * @param {(say: (text: string) => void) => Promise<unknown>} act Says how it gets on and resolves to its outcome.
   */
  constructor(update, act) {
    super(update);
    this.#act = act;
  }

  start() {
    return this.run(async () => {
      this.#say("Working …");
      try {
        this.outcome = await this.#act((text) => this.#say(text));
      } catch (error) {
        this.outcome = errorPanel(error);
      }
    });
  }

  /** @param {string} text */
  #say(text) {
    this.outcome = html`<p class="hint">${text}</p>`;
    this.update();
  }
}

/**
 * @param {string} label
 * @param {Action} action
 */
export const actionButton = (label, action) => html`
  <button type="button" aria-disabled=${action.disabled} @click=${() => action.start()}>${label}</button>
`;
