// Owns the error of a call that was refused or had no answer, in Google's API error model (AIP-193).
// Must not know who called what.

/** An answer other than success; `status` is 0 where there was no answer at all. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {{message?: string, details?: ErrorDetail[]}} error
   * @param {string | null} requestId
   */
  constructor(status, error = {}, requestId = null) {
    const unreached = navigator.onLine ? "The server could not be reached." : "You are offline.";
    super(error.message ?? (status ? `The server answered ${status}.` : unreached));
    /** @type {(type: string) => ErrorDetail} */
    const detail = (type) => error.details?.find((each) => each["@type"]?.endsWith(type)) ?? {};
    this.status = status;
    this.requestId = requestId;
    this.reason = detail("ErrorInfo").reason ?? "";
    this.violations = detail("BadRequest").fieldViolations ?? [];
    this.retryAfterSeconds = parseFloat(detail("RetryInfo").retryDelay ?? "1");
  }

  /** Whether the same call may succeed later and do no harm, given that it has an idempotency key. */
  get isPassing() {
    return this.status === 0 || this.status === 503 || this.reason === "REQUEST_IN_PROGRESS";
  }

  /** Whether the same call with the same key may have been carried out: a refusal of this kind does not look at that. */
  get isUndecided() {
    const isFault = this.status >= 500 && this.reason !== "GENERATION_FAILED";
    return this.isPassing || isFault || [401, 403, 429].includes(this.status);
  }
}

/**
 * Whether a call was ended because its page was left.
 * @param {unknown} error
 */
export const isAbort = (error) => error instanceof DOMException && error.name === "AbortError";

/**
 * The message of anything that was thrown.
 * @param {unknown} error
 */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));
