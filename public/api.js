// Owns calling the functions: JSON both ways, errors in Google's model, sign-in when it is asked for, safe retries.
// Must not know any page.

import { pause } from "./dom.js";
import { authorization, signInAsRequired } from "./session.js";

const MOST_ATTEMPTS = 8;

/** An answer other than success; `status` is 0 where there was no answer at all. */
export class ApiError extends Error {
  constructor(status, error = {}, requestId = null) {
    super(error.message ?? (status ? `The server answered ${status}.` : "The server could not be reached."));
    const detail = (type) => error.details?.find((each) => each["@type"]?.endsWith(type)) ?? {};
    this.status = status;
    this.requestId = requestId;
    this.reason = detail("ErrorInfo").reason ?? "";
    this.metadata = detail("ErrorInfo").metadata ?? {};
    this.violations = detail("BadRequest").fieldViolations ?? [];
    this.retryAfterSeconds = parseFloat(detail("RetryInfo").retryDelay ?? "1");
  }

  /** Whether the same call may succeed later and do no harm, given that it has an idempotency key. */
  get isPassing() {
    return this.status === 0 || this.status === 503 || this.reason === "REQUEST_IN_PROGRESS";
  }
}

/** Call a function and return `{body, headers}`: GET with a `query`, POST with a `body`. Throws ApiError. */
export async function call(name, { query = {}, body = null, headers = {}, signal = null } = {}) {
  let answer = await send(name, query, body, headers, signal);
  if (answer.response?.status === 401 && (await signInAsRequired())) {
    answer = await send(name, query, body, headers, signal);
  }
  const { response, json } = answer;
  if (!response) throw new ApiError(0);
  if (!response.ok || json === null) {
    throw new ApiError(response.status, json?.error, response.headers.get("X-Request-Id"));
  }
  return { body: json, headers: response.headers };
}

/** As `call`, but with a key by which the server does it once, repeated while the fault is one that passes. */
export async function callOnce(name, options, onStillTrying) {
  const headers = { ...options.headers, "Idempotency-Key": crypto.randomUUID() };
  for (let attempt = 1; ; attempt++) {
    try {
      return await call(name, { ...options, headers });
    } catch (error) {
      if (!(error instanceof ApiError && error.isPassing) || attempt === MOST_ATTEMPTS) throw error;
      onStillTrying(attempt);
      await pause(Math.max(error.retryAfterSeconds, Math.min(2 ** (attempt - 1) / 2, 8)) * 1000, options.signal);
    }
  }
}

async function send(name, query, body, headers, signal) {
  const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  const url = `/api/${name}${parameters.size ? `?${parameters}` : ""}`;
  const allHeaders = { ...(await authorization()), ...headers };
  if (body) allHeaders["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(url, {
      method: body ? "POST" : "GET",
      headers: allHeaders,
      body: body && JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return {};
  }
  return { response, json: await response.json().catch(() => null) };
}
