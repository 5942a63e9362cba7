// Owns one picture that was asked for: sending its request, following it to its end, cancelling it and trying it again.
// Must not know how that looks, nor which others there are.

import { call, callOnce } from "../../backend/api.js";
import { ApiError, isAbort } from "../../backend/errors.js";
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
  resumed: "Looking how it gets on …",
  queued: "Waiting in the queue …",
  processing: "The model is drawing …",
  offline: "You are offline; it goes on when you are back.",
};

export class Making {
  /** @type {MakingStage} */
  stage = { kind: "underWay", text: "", progress: 0, isQueued: false };
  /** @type {string | null} The id of its generation, null until the request is answered. */
  id;
  isCancelled = false;
  /** @type {unknown} */
  cancelError = undefined;
  #page;
  #tell;
  #running;

  /**
   * @param {Page} page
   * @param {AskedPicture} body
   * @param {MakingListener} tell
   * @param {string | null} id
   */
  constructor(page, body, tell, id = null) {
    this.body = body;
    this.id = id;
    this.#page = page;
    this.#tell = tell;
    this.cancelling = new Once(page.update);
    this.#running = new Once(page.update);
  }

  /** Whether its request may have been carried out, and the same request is therefore this one: it has the same key. */
  get isUnanswered() {
    const { stage } = this;
    if (stage.kind === "underWay") return this.id === null;
    return stage.kind === "refused" && stage.isUndecided;
  }

  /** Whether nothing is lost if it is shown no longer. */
  get isSettled() {
    return this.stage.kind !== "underWay" && !this.isUnanswered;
  }

  /** Send the request and wait for the picture; one that was answered before is only waited for. */
  run() {
    return this.#running.run(async () => {
      try {
        this.id ??= await this.#send();
        await this.#wait(this.id);
      } catch (error) {
        if (!isAbort(error)) await this.#refuse(error);
      }
    });
  }

  /** Ask for the same picture again: of one that has ended or was refused this is a new request. */
  again() {
    if (this.stage.kind === "ended") this.id = null;
    this.#tell.onBegin();
    return this.run();
  }

  /** Say that the answer to its request was lost. */
  lose() {
    const error = new Error("The answer to the last request was lost.");
    this.#show({ kind: "refused", error, isUndecided: true });
  }

  cancel() {
    return this.cancelling.run(async () => {
      if (!this.id) return;
      this.cancelError = undefined;
      try {
        await call("cancelGenerationRequest", { body: { generationRequestId: this.id } });
        this.isCancelled = true;
      } catch (error) {
        // One that was begun, or has ended, in the meantime shows that by itself.
        if (!isTooLate(error)) this.cancelError = error;
      }
    });
  }

  async #send() {
    this.#step("sending");
    const options = { body: this.body, headers: { Prefer: "respond-async" }, signal: this.#page.signal };
    const answer = await callOnce("createGenerationRequest", options, () => this.#step("still trying"));
    const { generationRequestId, status } = answer.body;
    this.id = generationRequestId;
    this.#step(status);
    this.#tell.onCharge();
    return generationRequestId;
  }

  /**
   * Look at the generation until it has ended, or the page was left.
   * @param {string} generationRequestId
   */
  async #wait(generationRequestId) {
    const { signal } = this.#page;
    let waitSeconds = FIRST_LOOK_SECONDS;
    let lastStatus = null;
    if (this.stage.kind !== "underWay" || !this.stage.text) this.#step("resumed");
    while (!signal.aborted) {
      await pause(waitSeconds * 1000, signal);
      try {
        const { body, headers } = await call("getGenerationStatus", { query: { generationRequestId }, signal });
        if (body.status !== lastStatus) this.#tell.onStep(body);
        lastStatus = body.status;
        if (!isUnderWay(body)) return this.#end(body);
        this.#step(body.status, body.progress);
        waitSeconds = Number(headers.get("Retry-After") ?? 1);
      } catch (error) {
        if (!(error instanceof ApiError && error.isPassing)) throw error;
        this.#step(navigator.onLine ? "still trying" : "offline");
        waitSeconds = error.retryAfterSeconds;
      }
    }
  }

  /** @param {Generation} generation */
  #end(generation) {
    this.#show({ kind: "ended", generation });
    announce(Object.values(endOf(generation)).join(" "));
    this.#tell.onCharge();
  }

  /** @param {unknown} error */
  async #refuse(error) {
    const isUndecided = this.id === null && error instanceof ApiError && error.isUndecided;
    this.#show({ kind: "refused", error, isUndecided });
    await this.#tell.onRefusal(this, error);
  }

  /**
   * @param {string} step
   * @param {number} progress In percent.
   */
  #step(step, progress = 0) {
    const text = STEPS[step] ?? "";
    if (this.stage.kind !== "underWay" || text !== this.stage.text) announce(text);
    this.#show({ kind: "underWay", text, progress, isQueued: step === "queued" });
  }

  /** @param {MakingStage} stage */
  #show(stage) {
    if (stage.kind !== "underWay") {
      this.isCancelled = false;
      this.cancelError = undefined;
    }
    this.stage = stage;
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
