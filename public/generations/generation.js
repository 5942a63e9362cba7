// Owns what a generation is and what is said of it. Must not know where it comes from.

import { ApiError } from "../backend/errors.js";
import { words } from "../format.js";

export const STATUSES = ["queued", "processing", "completed", "failed", "cancelled"];

/**
 * Whether a generation has not ended yet.
 * @param {Pick<Generation, "status">} generation
 */
export const isUnderWay = ({ status }) => status === "queued" || status === "processing";

/**
 * Whether a generation could not be cancelled because it was begun, or has ended, before.
 * @param {unknown} error
 */
export const isTooLate = (error) =>
  error instanceof ApiError && ["GENERATION_STARTED", "GENERATION_ENDED"].includes(error.reason);

/** @type {Record<NonNullable<Generation["failureReason"]>, string>} */
const FAILURES = {
  MODEL_ERROR: "The model failed.",
  MODEL_REFUSED: "The model refused to draw this.",
  MODEL_TIMEOUT: "The model took too long.",
  NOT_OFFERED: "This is no longer on offer.",
  STORAGE_ERROR: "The picture could not be kept.",
  QUEUE_ERROR: "The request could not be queued.",
  LEASE_EXPIRED: "It was not finished in time.",
};

/**
 * Why a generation failed, in a sentence.
 * @param {Generation["failureReason"]} reason
 */
export const failure = (reason) => (reason && FAILURES[reason]) ?? "The picture could not be made.";

/**
 * Why a ledger entry gives credits back: its failure, or that it was cancelled.
 * @param {string | null} reason
 */
export const refundReason = (reason) =>
  reason === "cancelled" ? "Cancelled." : failure(/** @type {Generation["failureReason"]} */ (reason));

/**
 * The request that asks for the same picture again.
 * @param {Generation} generation
 * @returns {AskedPicture}
 */
export const askedOf = ({ userId, model, style, color, size, prompt }) => ({
  userId,
  model,
  style,
  color,
  size,
  prompt,
});

/**
 * The text that stands for a picture.
 * @param {Generation} generation
 */
export const alternative = ({ model, style, color, size }) =>
  `${words(style)} picture in ${words(color).toLowerCase()} colors by ${words(model)}, ${size}`;
