// Owns the dialog with the facts of a generation. Must not know which page it is on.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { credits, duration, moment, visible, words } from "../format.js";
import { showDialog } from "../ui/dialog.js";
import { badge, factList } from "../ui/elements.js";
import { errorPanel } from "../ui/feedback.js";
import { failure } from "./generation.js";
import { picture } from "./picture.js";
import { WatchedGeneration } from "./watched.js";

/** @type {Record<Generation["status"], string>} */
const KINDS = { completed: "good", failed: "bad", cancelled: "neutral", queued: "info", processing: "info" };

/**
 * Show the facts of a generation as they become, and a way to cancel it while it is queued.
 * @param {Generation} first
 */
export const openDetails = (first) =>
  open("picture", (dialog) => {
    const watched = new WatchedGeneration(first, dialog);
    return () => {
      const { generation } = watched;
      const error = watched.cancelError ?? watched.readError;
      return [
        html`<div class="picture-frame">${picture(generation)}</div>`,
        html`<p class="prompt" dir="auto">${visible(generation.prompt)}</p>
          ${facts(generation)} ${error === undefined ? nothing : errorPanel(error)}`,
        generation.status === "queued" ? cancelButton(watched) : nothing,
      ];
    };
  });

/** @param {WatchedGeneration} watched */
const cancelButton = (watched) => html`
  <button type="button" aria-disabled=${watched.cancelling.disabled} @click=${() => watched.cancel()}>Cancel</button>
`;

/** @param {Generation} generation */
function facts(generation) {
  const { createdAt, startedAt, completedAt } = generation;
  const isTimed = startedAt !== null && completedAt !== null;
  return html`<dl>
    ${factList({
      Status: badge(words(generation.status), KINDS[generation.status]),
      Why: generation.failureReason && failure(generation.failureReason),
      Model: words(generation.model),
      Style: words(generation.style),
      Color: words(generation.color),
      Size: generation.size,
      Charged: credits(generation.creditsCharged),
      Refunded: generation.creditsRefunded > 0 ? credits(generation.creditsRefunded) : null,
      Asked: moment(createdAt),
      Took: isTimed ? duration(Date.parse(completedAt) - Date.parse(startedAt)) : null,
      Id: html`<code>${generation.generationRequestId}</code>`,
    })}
  </dl>`;
}

/**
 * Show why a generation could not be read.
 * @param {unknown} error
 */
export const openError = (error) => open("narrow", () => () => [nothing, errorPanel(error), nothing]);

/**
 * @param {string} kind
 * @param {(dialog: Dialog) => () => unknown[]} make Returns the view: the frame, the content and what can be done.
 */
const open = (kind, make) =>
  showDialog({ kind, labelledBy: "dialog-title", isLightDismissed: true }, (dialog) => {
    const view = make(dialog);
    return () => {
      const [frame, content, action] = view();
      return html`
        ${frame}
        <div class="stack">
          <h2 id="dialog-title">Generation</h2>
          ${content}
          <div class="actions end">
            ${action}
            <button type="button" @click=${dialog.close}>Close</button>
          </div>
        </div>
      `;
    };
  });
