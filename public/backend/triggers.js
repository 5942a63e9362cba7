// Owns firing scheduled functions, running commands and reading the last calls, which only a developer's machine
// offers. Must not know what they do.

import { environment } from "./environment.js";
import { ApiError } from "./errors.js";
import { tellChange } from "./live.js";

const REGION = "us-central1";

/**
 * Fire a scheduled function and wait for its end; resolves to its answer. Throws ApiError.
 * @param {string} name
 * @returns {Promise<Record<string, any>>}
 */
export async function fire(name) {
  const { projectId, emulators } = await environment();
  const url = `http://${emulators.functions}/functions/projects/${projectId}/triggers/${REGION}-${name}-0`;
  let response;
  try {
    response = await fetch(url, { method: "POST" });
  } catch {
    throw new Error("The functions could not be reached.");
  }
  tellChange();
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, answer.error, response.headers.get("X-Request-Id"));
  return answer;
}

/**
 * Run a command of the project and wait for its end.
 * @param {string} name
 */
export async function run(name) {
  let response;
  try {
    response = await fetch(`/__/run/${name}`, { method: "POST" });
  } catch {
    throw new Error("The functions host could not be reached.");
  }
  if (response.status === 409) throw new Error("It is running already.");
  if (!response.ok) throw new Error(`It cannot be run from here (${response.status}).`);
  const { exitCode, output } = await response.json();
  tellChange();
  if (exitCode !== 0) throw new Error(output.trim().split("\n").pop());
}

/**
 * The last calls, newest first; null where the host does not keep them.
 * @param {AbortSignal} signal
 * @returns {Promise<ServedCall[] | null>}
 */
export async function recentCalls(signal) {
  const response = await fetch("/__/calls", { signal });
  return response.status === 404 ? null : (await response.json()).calls;
}

/**
 * The calls with an id, and the log lines in which it stands, oldest first.
 * @param {string} requestId
 * @param {AbortSignal} signal
 * @returns {Promise<{calls: ServedCall[], lines: string[]}>}
 */
export async function callOf(requestId, signal) {
  const response = await fetch(`/__/calls?${new URLSearchParams({ requestId })}`, { signal });
  if (!response.ok) throw new ApiError(response.status);
  return response.json();
}
