// Owns what is asked for: the choices, the prompt, their price, and what is wrong with them. Must not know how they look.

import { currentAccount } from "../../accounts/chosen.js";
import { ApiError } from "../../backend/errors.js";
import { KeptForm } from "../../ui/form.js";

// The color of the first picture, until another is chosen.
const FIRST_COLOR = "vibrant";

export class PictureRequest {
  #pictures;

  /**
   * @param {Page} page
   * @param {Catalog} catalog
   * @param {AccountChoice} choice
   * @param {Pictures} pictures
   */
  constructor(page, catalog, choice, pictures) {
    this.catalog = catalog;
    this.choice = choice;
    this.#pictures = pictures;
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

  get isSimulated() {
    return this.catalog.models.some((model) => model.simulated && model.id === this.form.values.model);
  }

  /** @returns {AskedPicture} */
  get body() {
    return { userId: currentAccount(), ...this.form.values };
  }

  /**
   * Take over a prompt, and those choices that are on offer.
   * @param {AskedPicture} asked
   */
  fill({ prompt, ...choices }) {
    const { models, styles, colors } = this.catalog;
    const offered = Object.entries({ model: models, style: styles, color: colors, size: this.sizes });
    for (const [name, items] of offered) {
      if (items.some((item) => item.id === choices[name])) this.form.set(name, choices[name]);
    }
    this.form.set("prompt", prompt);
  }

  /**
   * Ask for a picture; the form is free for the next one at once.
   * @param {(faulty: Faulty) => void} onFault
   */
  submit(onFault) {
    this.form.clearFaults();
    const isChosen = this.choice.isChosen();
    if (!this.form.values.prompt.trim()) this.form.setFault("prompt", "Say what the picture should show.");
    if (!isChosen) return onFault("account");
    if (this.form.hasFaults) return onFault("form");
    const { body } = this;
    this.#pictures.ask(body, (error) => this.#takeRefusal(body, error, onFault));
  }

  /**
   * Say at the field what is wrong with a request, if the form still holds it; resolves to whether that says it all.
   * @param {AskedPicture} body
   * @param {unknown} error
   * @param {(faulty: Faulty) => void} onFault
   */
  async #takeRefusal(body, error, onFault) {
    if (JSON.stringify(body) !== JSON.stringify(this.body)) return false;
    if (error instanceof ApiError && error.reason === "USER_NOT_FOUND") {
      await this.choice.refresh();
      if (!this.choice.isChosen()) {
        onFault("account");
        return true;
      }
    }
    const isPlaced = this.form.takeFaults(error);
    if (this.form.hasFaults) onFault("form");
    return isPlaced;
  }
}
