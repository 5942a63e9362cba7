// Owns how the pictures that were asked for look, each from its request to its end. Must not know how they are made.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { repeat } from "/vendor/lit-html/directives/repeat.js";
import { ApiError } from "../../backend/errors.js";
import { visible } from "../../format.js";
import { picture } from "../../generations/picture.js";
import { emptyState, errorPanel } from "../../ui/feedback.js";
import { grantLink } from "./form.js";
import { endOf } from "./making.js";

/** @param {Pictures} pictures */
export function picturesView({ shown }) {
  if (shown.length === 0) {
    return html`<div class="result">${emptyState("Nothing yet", "Pictures appear here, the newest first.")}</div>`;
  }
  const result = (/** @type {Making} */ making) => html`
    <li>
      <div class="result" role="group" aria-label="Picture: ${visible(making.body.prompt)}" data-keeps-focus>
        ${content(making)}
        <p class="asked" dir="auto">${visible(making.body.prompt)}</p>
      </div>
    </li>
  `;
  return html`<ul class="results">
    ${repeat(shown, (making) => making, result)}
  </ul>`;
}

/** @param {Making} making */
function content(making) {
  const { stage } = making;
  switch (stage.kind) {
    case "underWay":
      return progressView(making, stage);
    case "ended":
      return endView(making, stage.generation);
    case "refused": {
      const isShort = stage.error instanceof ApiError && stage.error.reason === "INSUFFICIENT_CREDITS";
      const once = stage.isUndecided ? html`<p>The same request is charged once at most.</p>` : nothing;
      return errorPanel(stage.error, {
        retry: () => making.again(),
        wayOut: isShort ? grantLink("button primary") : once,
      });
    }
  }
}

/**
 * Without a value the progress says that something goes on, but not how far it is.
 * @param {Making} making
 * @param {UnderWay} stage
 */
const progressView = (making, { text, progress, isQueued }) => html`
  <div class="progress">
    <div class="canvas"></div>
    <p>${text}</p>
    <progress max="100" aria-label="Progress" value=${progress || nothing}></progress>
    ${isQueued ? cancelButton(making) : nothing}
    ${making.cancelError === undefined ? nothing : errorPanel(making.cancelError)}
  </div>
`;

/** @param {Making} making */
const cancelButton = (making) => html`
  <button type="button" aria-disabled=${making.cancelling.disabled} @click=${() => making.cancel()}>
    ${making.isCancelled ? "Cancelling …" : "Cancel"}
  </button>
`;

/**
 * @param {Making} making
 * @param {Generation} generation
 */
function endView(making, generation) {
  const { title, refunded } = endOf(generation);
  if (!refunded)
    return html`${picture(generation)}
      <p class="done">${title}</p>`;
  return html`
    <div class="notice">
      <p class="error-title">${title}</p>
      <p>${refunded}</p>
      <button type="button" @click=${() => making.again()}>Try again</button>
    </div>
  `;
}
