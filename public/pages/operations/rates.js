// Owns how often each simulated model fails, as it stands in the embedded Firestore. Must not know how it looks.

import { messageOf } from "../../backend/errors.js";
import { idOf, listDocuments, setNumber } from "../../backend/firestore.js";
import { Form } from "../../ui/form.js";
import { Loaded } from "../../ui/loaded.js";
import { Once } from "../../ui/once.js";

export class FailureRates {
  /** @param {Page} page */
  constructor(page) {
    this.list = new Loaded(page, async () => {
      const [models, settings] = await Promise.all(["models", "modelSettings"].map((path) => listDocuments(path)));
      const fieldsOf = new Map(settings.documents.map(({ name, fields }) => [idOf(name), fields]));
      return models.documents.map((model) => new FailureRate(page.update, model, fieldsOf.get(idOf(model.name))));
    });
    this.list.load();
  }
}

/**
 * 0.07 is 7 %, and not the 7.000000000000001 that the product is.
 * @param {number} share
 */
const inPercent = (share) => Number((share * 100).toPrecision(12));

/** The failure rate of one model, in percent; empty where the default applies. */
export class FailureRate {
  outcome = "";
  #id;

  /**
   * @param {() => void} update
   * @param {FirestoreDocument} model
   * @param {FirestoreDocument["fields"]} [settings]
   */
  constructor(update, { name: path, fields = {} }, settings = {}) {
    this.#id = idOf(path);
    const { failureRate: set } = settings;
    this.name = fields.name?.stringValue ?? this.#id;
    const percent = set ? String(inPercent(Number(set.doubleValue ?? set.integerValue))) : "";
    this.form = new Form(update, `rate-${this.#id}`, { rate: percent });
    this.resetting = new Once(update);
  }

  save() {
    const { rate } = this.form.values;
    return this.#set(rate === "" ? null : Number(rate) / 100);
  }

  /** Take the setting back, so that the default applies. */
  reset() {
    return this.resetting.run(() => {
      this.form.set("rate", "");
      return this.#set(null);
    });
  }

  /** @param {number | null} value */
  async #set(value) {
    try {
      await setNumber(`modelSettings/${this.#id}`, "failureRate", value);
      this.outcome = value === null ? "The default applies." : `Saved: ${inPercent(value)} %.`;
    } catch (error) {
      this.outcome = messageOf(error);
    }
  }
}
