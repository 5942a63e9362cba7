// Owns a generation that is looked at: following it to its end, and cancelling it. Must not know how it looks.

import { call } from "../backend/api.js";
import { isAbort } from "../backend/errors.js";
import { whenChanged } from "../backend/live.js";
import { pause } from "../backend/timing.js";
import { Once } from "../ui/once.js";
import { isTooLate, isUnderWay } from "./generation.js";

const FOLLOW_MILLISECONDS = 2000;

export class WatchedGeneration {
  /** @type {unknown} Why it was not cancelled. */
  cancelError = undefined;
  /** @type {unknown} Why it could not be read just now. */
  readError = undefined;
  #dialog;

  /**
   * @param {Generation} generation
   * @param {Dialog} dialog
   */
  constructor(generation, dialog) {
    this.generation = generation;
    this.cancelling = new Once(dialog.update);
    this.#dialog = dialog;
    this.#follow();
    whenChanged(dialog.signal, () => isUnderWay(this.generation) && this.#read());
  }

  cancel() {
    return this.cancelling.run(async () => {
      const { generationRequestId } = this.generation;
      this.cancelError = undefined;
      try {
        await call("cancelGenerationRequest", { body: { generationRequestId } });
      } catch (error) {
        // One that was begun, or has ended, in the meantime shows that by itself.
        if (!isTooLate(error)) this.cancelError = error;
      }
      await this.#read();
    });
  }

  async #follow() {
    const { signal } = this.#dialog;
    while (isUnderWay(this.generation) && !signal.aborted) {
      await pause(FOLLOW_MILLISECONDS, signal);
      if (!signal.aborted) await this.#read();
    }
  }

  /** Where it cannot be read, the next look may. */
  async #read() {
    const { signal, update } = this.#dialog;
    const query = { generationRequestId: this.generation.generationRequestId };
    try {
      this.generation = (await call("getGenerationStatus", { query, signal })).body;
      this.readError = undefined;
    } catch (error) {
      if (!isAbort(error)) this.readError = error;
    }
    update();
  }
}
