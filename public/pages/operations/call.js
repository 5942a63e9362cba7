// Owns one call, found by its request id, with its log lines, and how it looks. Must not know the list of calls.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { callOf } from "../../backend/triggers.js";
import { duration, moment } from "../../format.js";
import { card, factList } from "../../ui/elements.js";
import { emptyState } from "../../ui/feedback.js";
import { Loaded, loadedView } from "../../ui/loaded.js";
import { cost, statusBadge } from "./calls.js";

/**
 * The call that the address names, on a developer's machine.
 * @param {Page} page
 * @param {string} requestId
 */
export function foundCall(page, requestId) {
  const found = new Loaded(page, () => callOf(requestId, page.signal));
  found.load();
  return found;
}

/**
 * @param {string} requestId
 * @param {Loaded<{calls: ServedCall[], lines: string[]}>} found
 */
export const callCard = (requestId, found) =>
  card("Request", [
    html`<p><code>${requestId}</code></p>`,
    loadedView(found, { kind: "stack" }, ({ calls, lines }) => [
      calls.length > 0 ? calls.map(callFacts) : emptyState("Not kept", "The host has forgotten this call."),
      lines.length > 0 ? logLines(lines) : html`<p class="hint">No log line is kept of it.</p>`,
    ]),
    html`<a class="link" href="#operations">Back to all calls</a>`,
  ]);

/**
 * Deployed, the lines are in Cloud Logging.
 * @param {string} requestId
 */
export const loggingCard = (requestId) =>
  card("Request", [
    html`<p>The log lines of this call are in Cloud Logging, by the filter</p>`,
    html`<p><code>jsonPayload.requestId="${requestId}"</code></p>`,
  ]);

/** @param {ServedCall} call */
const callFacts = (call) => html`
  <dl class="facts">
    ${factList({
      Function: `${call.method} ${call.function}`,
      Status: statusBadge(call.status),
      Time: moment(call.at),
      Took: duration(call.durationMs),
      Reads: call.firestore || call.overlapped ? cost(call, "reads") : null,
      Writes: call.firestore || call.overlapped ? cost(call, "writes") : null,
    })}
  </dl>
  ${call.overlapped ? html`<p class="hint">It ran beside other calls, and its cost cannot be told from theirs.</p>` : nothing}
`;

/** @param {string[]} lines */
const logLines = (lines) =>
  html`<pre class="log" tabindex="0" role="region" aria-label="Log lines">${lines.join("\n")}</pre>`;
