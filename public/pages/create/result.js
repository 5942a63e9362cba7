// Owns how a picture that is being made looks, from nothing to its end. Must not know how it is made.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { ApiError } from "../../backend/errors.js";
import { picture } from "../../generations/picture.js";
import { emptyState, errorPanel } from "../../ui/feedback.js";
import { grantLink } from "./form.js";
import { endOf } from "./making.js";

/** @param {Making} making */
export const resultView = (making) => html`
  <div class="result" role="group" aria-label="Picture" data-keeps-focus>${content(making)}</div>
`;

/** @param {Making} making */
function content(making) {
  const { shown } = making;
  switch (shown.kind) {
    case "nothing":
      return emptyState("Nothing yet", "The picture appears here.");
    case "underWay":
      return progressView(making, shown);
    case "ended":
      return endView(shown.generation);
    case "refused": {
      const isShort = shown.error instanceof ApiError && shown.error.reason === "INSUFFICIENT_CREDITS";
      const once = shown.retry ? html`<p>The same request is charged once at most.</p>` : nothing;
      return errorPanel(shown.error, { retry: shown.retry, wayOut: isShort ? grantLink("button primary") : once });
    }
  }
}

/**
 * Without a value the progress says that something goes on, but not how far it is.
 * @param {Making} making
 * @param {UnderWay} shown
 */
const progressView = (making, { text, progress, isQueued, id }) => html`
  <div class="progress">
    <div class="canvas"></div>
    <p>${text}</p>
    <progress max="100" aria-label="Progress" value=${progress || nothing}></progress>
    ${id && isQueued ? cancelButton(making) : nothing}
    ${making.cancelError === undefined ? nothing : errorPanel(making.cancelError)}
  </div>
`;

/** @param {Making} making */
const cancelButton = (making) => html`
  <button type="button" aria-disabled=${making.cancelling.disabled} @click=${() => making.cancel()}>
    ${making.isCancelled ? "Cancelling …" : "Cancel"}
  </button>
`;

/** @param {Generation} generation */
function endView(generation) {
  const { title, refunded } = endOf(generation);
  if (!refunded)
    return html`${picture(generation)}
      <p class="done">${title}</p>`;
  return html`
    <div class="notice">
      <p class="error-title">${title}</p>
      <p>${refunded}</p>
    </div>
  `;
}
