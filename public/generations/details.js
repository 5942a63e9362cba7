// Owns the dialog with the facts of a generation. Must not know which page it is on.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { credits, duration, moment, visible, words } from "../format.js";
import { showDialog } from "../ui/dialog.js";
import { badge, factList } from "../ui/elements.js";
import { errorPanel } from "../ui/feedback.js";
import { failure } from "./generation.js";
import { picture } from "./picture.js";

/** @type {Record<Generation["status"], string>} */
const KINDS = { completed: "good", failed: "bad", cancelled: "neutral", queued: "info", processing: "info" };

/**
 * Show the facts of a generation.
 * @param {Generation} generation
 */
export function openDetails(generation) {
  const frame = html`<div class="picture-frame">${picture(generation)}</div>`;
  open(
    "picture",
    frame,
    html`<p class="prompt" dir="auto">${visible(generation.prompt)}</p>
      ${facts(generation)}`,
  );
}

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
export const openError = (error) => open("narrow", nothing, errorPanel(error));

/**
 * @param {string} kind
 * @param {unknown} frame
 * @param {unknown} content
 */
const open = (kind, frame, content) =>
  showDialog(
    { kind, labelledBy: "dialog-title", isLightDismissed: true },
    ({ close }) =>
      () => html`
        ${frame}
        <div class="stack">
          <h2 id="dialog-title">Generation</h2>
          ${content}
          <div class="actions end"><button type="button" @click=${close}>Close</button></div>
        </div>
      `,
  );
