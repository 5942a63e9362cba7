// Owns the pictures that were asked for on this page, newest first: those under way and those without an answer are
// found again after another page, and after a reload. Must not know how they look.

import { currentAccount } from "../../accounts/chosen.js";
import { unanswered } from "../../backend/keys.js";
import { Making } from "./making.js";

const MOST_SHOWN = 9;
const STORED = "under-way";

export class Pictures {
  /** @type {Making[]} */
  #all = [];
  #page;
  #tell;

  /**
   * @param {Page} page
   * @param {{onBegin: () => void, onCharge: () => void, onStep: (generation: Generation) => void, onLost: () => void}}
   *   tell `onCharge` when the balance may have changed, `onStep` when a status has, `onLost` when it is not known
   *   whether there is a generation.
   */
  constructor(page, tell) {
    this.#page = page;
    this.#tell = tell;
    for (const { id, body } of stored()) this.#add(body, id).run();
    // An answer that was lost is not asked for again by itself: whoever left may want no picture any more.
    for (const body of unanswered("createGenerationRequest")) this.#add(/** @type {AskedPicture} */ (body)).lose();
  }

  /** Those of the chosen account. */
  get shown() {
    const userId = currentAccount();
    return this.#all.filter((making) => making.body.userId === userId);
  }

  /**
   * Ask for a picture. The unchanged request is the one that had no answer yet, which has the same idempotency key.
   * @param {AskedPicture} body
   * @param {TakeRefusal} [takeRefusal]
   */
  ask(body, takeRefusal) {
    const text = JSON.stringify(body);
    const same = this.#all.find((making) => making.isUnanswered && JSON.stringify(making.body) === text);
    const making = same ?? this.#add(body, null, takeRefusal);
    this.#all = [making, ...this.#all.filter((each) => each !== making)];
    this.#all = this.#all.filter((each, place) => place < MOST_SHOWN || !each.isSettled);
    return making.again();
  }

  /**
   * @param {AskedPicture} body
   * @param {string | null} id
   * @param {TakeRefusal} takeRefusal
   */
  #add(body, id = null, takeRefusal = async () => false) {
    const { onBegin, onCharge, onStep, onLost } = this.#tell;
    const keepAndTell = () => {
      this.#keep();
      onCharge();
    };
    const onRefusal = async (/** @type {Making} */ refused, /** @type {unknown} */ error) => {
      this.#keep();
      if (refused.isUnanswered) onLost();
      if (await takeRefusal(error)) this.#all = this.#all.filter((each) => each !== refused);
      this.#page.update();
    };
    const making = new Making(this.#page, body, { onBegin, onStep, onCharge: keepAndTell, onRefusal }, id);
    this.#all.unshift(making);
    return making;
  }

  /** Keep those under way for when this page is left. */
  #keep() {
    const underWay = this.#all.filter(({ id, stage }) => id && stage.kind === "underWay");
    const kept = underWay.map(({ id, body }) => ({ id, body })).reverse();
    sessionStorage.setItem(STORED, JSON.stringify(kept));
  }
}

/** @returns {{id: string, body: AskedPicture}[]} Oldest first. */
const stored = () => JSON.parse(sessionStorage.getItem(STORED) ?? "[]");
