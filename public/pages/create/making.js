// Owns a picture that is being made: asking for it, following it to its end, and cancelling it.
// Must not know how that looks.

import { call, callOnce } from "../../backend/api.js";
import { ApiError } from "../../backend/errors.js";
import { pause } from "../../backend/timing.js";
import { credits } from "../../format.js";
import { failure, isTooLate, isUnderWay } from "../../generations/generation.js";
import { announce } from "../../ui/feedback.js";
import { Once } from "../../ui/once.js";

// A small picture is drawn by then.
const FIRST_LOOK_SECONDS = 0.3;

/** @type {Record<string, string>} */
const STEPS = {
  sending: "Sending the request …",
  "still trying": "The service is busy; still trying. You are charged once at most.",
  queued: "Waiting in the queue …",
  processing: "The model is drawing …",
  offline: "You are offline; it goes on when you are back.",
};

/**
 * What was asked for and has not ended, so that it is found again after another page was looked at.
 * @type {{id: string, userId: string} | null}
 */
let waitedFor = null;

export class Making {
  /** @type {MakingStage} */
  shown = { kind: "nothing" };
  isCancelled = false;
  /** @type {unknown} */
  cancelError = undefined;
  #page;
  #tell;

  /**
   * @param {Page} page
   * @param {{onStep: (generation: Generation) => void, onCharge: () => void, onBegin: () => void, onLost: () => void}}
   *   tell `onStep` when the status has changed, `onCharge` when the balance may have, `onLost` when it is not known
   *   whether there is a generation.
   */
  constructor(page, tell) {
    this.#page = page;
    this.#tell = tell;
    this.cancelling = new Once(page.update);
  }

  /** @param {AskedPicture} body */
  async create(body) {
    this.clear();
    this.#step("sending");
    this.#tell.onBegin();
    const options = { body, headers: { Prefer: "respond-async" }, signal: this.#page.signal };
    const answer = await callOnce("createGenerationRequest", options, () => this.#step("still trying"));
    const { generationRequestId: id, status } = answer.body;
    waitedFor = { id, userId: body.userId };
    this.#step(status, { id });
    this.#tell.onBegin();
    this.#tell.onCharge();
    await this.#wait(id);
  }

  /**
   * Wait for what this account asked for before, if it has not ended.
   * @param {string} userId
   */
  async resume(userId) {
    if (waitedFor?.userId === userId) await this.#wait(waitedFor.id);
  }

  /**
   * @param {unknown} error
   * @param {() => unknown} [retry] Given where the request may have been carried out.
   */
  refuse(error, retry) {
    this.#show({ kind: "refused", error, retry });
    if (retry) this.#tell.onLost();
  }

  /** What was refused to one account is not refused to another. */
  forgetRefusal() {
    if (this.shown.kind === "refused") this.clear();
  }

  clear() {
    waitedFor = null;
    this.#show({ kind: "nothing" });
  }

  cancel() {
    return this.cancelling.run(async () => {
      if (this.shown.kind !== "underWay" || !this.shown.id) return;
      this.cancelError = undefined;
      try {
        await call("cancelGenerationRequest", { body: { generationRequestId: this.shown.id } });
        this.isCancelled = true;
      } catch (error) {
        // One that was begun, or has ended, in the meantime shows that by itself.
        if (!isTooLate(error)) this.cancelError = error;
      }
    });
  }

  /** @param {string} id */
  async #wait(id) {
    const generation = await this.#follow(id);
    if (!generation) return;
    waitedFor = null;
    this.#show({ kind: "ended", generation });
    announce(Object.values(endOf(generation)).join(" "));
    this.#tell.onCharge();
  }

  /**
   * Look at a generation until it has ended; null when the page was left before.
   * @param {string} id
   */
  async #follow(id) {
    const { signal } = this.#page;
    let waitSeconds = FIRST_LOOK_SECONDS;
    let lastStatus = null;
    while (!signal.aborted) {
      await pause(waitSeconds * 1000, signal);
      try {
        const { body, headers } = await call("getGenerationStatus", { query: { generationRequestId: id }, signal });
        if (body.status !== lastStatus) this.#tell.onStep(body);
        lastStatus = body.status;
        if (!isUnderWay(body)) return body;
        this.#step(body.status, { id, progress: body.progress });
        waitSeconds = Number(headers.get("Retry-After") ?? 1);
      } catch (error) {
        if (!(error instanceof ApiError && error.isPassing)) throw error;
        this.#step(navigator.onLine ? "still trying" : "offline");
        waitSeconds = error.retryAfterSeconds;
      }
    }
    return null;
  }

  /**
   * @param {string} step
   * @param {{id?: string, progress?: number}} known
   */
  #step(step, { id, progress = 0 } = {}) {
    const before = this.shown.kind === "underWay" ? this.shown : null;
    const text = STEPS[step] ?? "";
    if (text !== before?.text) announce(text);
    this.#show({ kind: "underWay", text, progress, isQueued: step === "queued", id: id ?? before?.id ?? null });
  }

  /** @param {MakingStage} shown */
  #show(shown) {
    if (shown.kind !== "underWay") {
      this.isCancelled = false;
      this.cancelError = undefined;
    }
    this.shown = shown;
    this.#page.update();
  }
}

/**
 * How a generation ended, in sentences.
 * @param {Generation} generation
 * @returns {{title: string, refunded?: string}}
 */
export function endOf(generation) {
  if (generation.status === "completed") return { title: `Done: ${credits(generation.creditsCharged)} charged.` };
  return {
    title: generation.status === "cancelled" ? "Cancelled." : failure(generation.failureReason),
    refunded: `${credits(generation.creditsRefunded)} refunded. Nothing was charged.`,
  };
}
