// Owns calling the functions: JSON both ways, sign-in when it is asked for, safe retries. Must not know any page.

import { ApiError, isAbort } from "./errors.js";
import { forgetKey, keyOf } from "./keys.js";
import { tellChange } from "./live.js";
import { authorization, signInAsRequired } from "./session.js";
import { pause } from "./timing.js";

const MOST_ATTEMPTS = 8;

/**
 * Call a function: GET with a `query`, POST with a `body`. Throws ApiError.
 * @template {keyof Answers} Name
 * @param {Name} name
 * @param {CallOptions} options
 * @returns {Promise<{body: Answers[Name], headers: Headers}>}
 */
export async function call(name, options = {}) {
  let answer = await send(name, options);
  const asks = answer?.response.status === 401 && !options.isBackground;
  if (asks && (await signInAsRequired())) answer = await send(name, options);
  // One without an answer may have been carried out as well.
  if (options.body) tellChange();
  if (!answer) throw new ApiError(0);
  const { response, json } = answer;
  if (!response.ok || json === null) {
    throw new ApiError(response.status, json?.error, response.headers.get("X-Request-Id"));
  }
  return { body: json, headers: response.headers };
}

/**
 * As `call`, but with an idempotency key, and repeated with back-off while the fault is one that passes. The key is kept
 * until the outcome is known, for when the same is asked again.
 * @template {keyof Answers} Name
 * @param {Name} name
 * @param {CallOptions & {body: Record<string, unknown>}} options
 * @param {() => void} onStillTrying
 */
export async function callOnce(name, options, onStillTrying) {
  const key = keyOf(name, options.body);
  const headers = { ...options.headers, "Idempotency-Key": key };
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await call(name, { ...options, headers });
      forgetKey(key);
      return answer;
    } catch (error) {
      if (error instanceof ApiError && !error.isUndecided) forgetKey(key);
      const mayPass = error instanceof ApiError && error.isPassing && navigator.onLine;
      if (!mayPass || attempt === MOST_ATTEMPTS) throw error;
      onStillTrying();
      await pause(Math.max(error.retryAfterSeconds, Math.min(2 ** (attempt - 1) / 2, 8)) * 1000, options.signal);
    }
  }
}

/**
 * @param {string} name
 * @param {CallOptions} options
 * @returns {Promise<{response: Response, json: any} | null>} Null where there was no answer.
 */
async function send(name, { query = {}, body, headers, signal }) {
  const given = Object.entries(query).filter(([, value]) => value);
  const parameters = new URLSearchParams(given.map(([key, value]) => [key, String(value)]));
  const url = `/api/${name}${parameters.size ? `?${parameters}` : ""}`;
  /** @type {Record<string, string>} */
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
    if (isAbort(error)) throw error;
    return null;
  }
  return { response, json: await response.json().catch(() => null) };
}
