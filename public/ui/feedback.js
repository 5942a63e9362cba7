// Owns how loading, emptiness and errors look and sound on every page. Must not know any page.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { ApiError, messageOf } from "../backend/errors.js";
import { visible } from "../format.js";

/**
 * Tell screen readers.
 * @param {string} text
 */
export function announce(text) {
  const announcer = document.getElementById("announcer");
  if (announcer) announcer.textContent = text;
}

export const skeleton = (lines = 3) => html`
  <div class="skeleton" role="status">
    <span class="visually-hidden">Loading …</span>
    ${Array.from({ length: lines }, () => html`<div class="bar"></div>`)}
  </div>
`;

/**
 * @param {string} title
 * @param {unknown} text
 */
export const emptyState = (title, text) => html`
  <div class="empty">
    <p class="empty-title">${title}</p>
    <p>${text}</p>
  </div>
`;

/**
 * An id that leads to its call and log lines, also out of a dialog.
 * @param {string} requestId
 */
export const requestLink = (requestId) => html`
  <a
    class="link"
    href="#operations/${requestId}"
    title=${requestId}
    @click=${(/** @type {Event} */ event) => /** @type {Element} */ (event.currentTarget).closest("dialog")?.close()}
    ><code class="id">${requestId}</code></a
  >
`;

/**
 * What went wrong, with the id under which the log has it, and another try or another way out.
 * @param {unknown} error
 * @param {{retry?: () => unknown, wayOut?: unknown}} offered
 */
export function errorPanel(error, { retry, wayOut = nothing } = {}) {
  const { violations, requestId } = error instanceof ApiError ? error : { violations: [], requestId: null };
  return html`
    <div class="error" role="alert">
      <p class="error-title">${visible(messageOf(error))}</p>
      ${
        violations.length > 0
          ? html`<ul>
              ${violations.map((fault) => html`<li>${fault.field} ${fault.description}</li>`)}
            </ul>`
          : nothing
      }
      ${requestId ? html`<p class="request-id">Request ${requestLink(requestId)}</p>` : nothing}
      ${retry ? html`<button type="button" @click=${() => retry()}>Try again</button>` : nothing} ${wayOut}
    </div>
  `;
}
