// Owns what is asked for: the choices, the prompt, their price, and what is wrong with them. Must not know how they look.

import { currentAccount } from "../../accounts/chosen.js";
import { ApiError, isAbort } from "../../backend/errors.js";
import { unanswered } from "../../backend/keys.js";
import { KeptForm } from "../../ui/form.js";

// The color of the first picture, until another is chosen.
const FIRST_COLOR = "vibrant";

export class PictureRequest {
  #making;

  /**
   * @param {Page} page
   * @param {Catalog} catalog
   * @param {AccountChoice} choice
   * @param {Making} making
   */
  constructor(page, catalog, choice, making) {
    this.catalog = catalog;
    this.choice = choice;
    this.#making = making;
    this.sizes = catalog.sizes.toSorted((one, other) => one.credits - other.credits);
    const color = catalog.colors.find((item) => item.id === FIRST_COLOR) ?? catalog.colors[0];
    this.form = new KeptForm(page.update, "request", {
      model: catalog.models[0]?.id ?? "",
      style: catalog.styles[0]?.id ?? "",
      color: color?.id ?? "",
      size: this.sizes[0]?.id ?? "",
      prompt: "",
    });
  }

  /** What the chosen size costs, in credits. */
  get price() {
    return this.sizes.find((size) => size.id === this.form.values.size)?.credits ?? 0;
  }

  /**
   * Ask for a picture and wait for it.
   * @returns {Promise<Faulty | null>}
   */
  async submit() {
    this.form.clearFaults();
    const isChosen = this.choice.isChosen();
    if (!this.form.values.prompt.trim()) this.form.setFault("prompt", "Say what the picture should show.");
    if (!isChosen) return "account";
    if (this.form.hasFaults) return "form";
    return this.#attempt(() => this.#making.create({ userId: currentAccount(), ...this.form.values }));
  }

  /** Go on waiting for what was asked for before the page was left, or offer again what had no answer. */
  async resume() {
    await this.form.sending.run(() => this.#attempt(() => this.#making.resume(currentAccount())));
    const retry = this.#retry();
    if (retry && this.#making.shown.kind === "nothing") {
      this.#making.refuse(new Error("The answer to the last request was lost."), retry);
    }
  }

  /** Asks again what this account asked for last without an answer, undefined where there is no such thing. */
  #retry() {
    const bodies = /** @type {AskedPicture[]} */ (unanswered("createGenerationRequest"));
    const lost = bodies.findLast((body) => body.userId === currentAccount());
    return lost && (() => this.form.sending.run(() => this.#attempt(() => this.#making.create(lost))));
  }

  /**
   * @param {() => Promise<void>} act
   * @returns {Promise<Faulty | null>}
   */
  async #attempt(act) {
    try {
      await act();
      return null;
    } catch (error) {
      return isAbort(error) ? null : this.#refuse(error);
    }
  }

  /**
   * Say at the field what is wrong with a request, and in place of the picture what is wrong with no field.
   * @param {unknown} error
   * @returns {Promise<Faulty | null>}
   */
  async #refuse(error) {
    this.#making.clear();
    if (error instanceof ApiError && error.reason === "USER_NOT_FOUND") {
      await this.choice.refresh();
      if (!this.choice.isChosen()) return "account";
    }
    const isPlaced = this.form.takeFaults(error);
    const isUndecided = error instanceof ApiError && error.isUndecided;
    if (!isPlaced) this.#making.refuse(error, isUndecided ? this.#retry() : undefined);
    return this.form.hasFaults ? "form" : null;
  }
}
