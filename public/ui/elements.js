// Owns the small views that every page is made of. Must not know any page.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { visible } from "../format.js";

/**
 * A heading with what can be done beside it.
 * @param {string} title
 * @param {string} text
 * @param {unknown} actions
 */
export const pageHeader = (title, text, actions = nothing) => html`
  <div class="page-header">
    <div>
      <h1 tabindex="-1">${title}</h1>
      <p class="lead">${text}</p>
    </div>
    ${actions === nothing ? nothing : html`<div class="actions">${actions}</div>`}
  </div>
`;

/**
 * A section on a card of its own.
 * @param {string} title
 * @param {unknown} content
 */
export const card = (title, content) => html`
  <section class="card">
    <h2>${title}</h2>
    ${content}
  </section>
`;

/**
 * @param {string} text
 * @param {string} kind
 */
export const badge = (text, kind) => html`<span class="badge ${kind}">${text}</span>`;

/**
 * What a user wrote: its direction is its own and does not change that of the text around it.
 * @param {string} text
 */
export const written = (text) => html`<bdi>${visible(text)}</bdi>`;

/**
 * An id, cut where there is no room for all of it.
 * @param {string} id
 */
export const idCode = (id) => html`<code class="id" title=${visible(id)}>${written(id)}</code>`;

/**
 * Names and values; those without a value are left out.
 * @param {Record<string, unknown>} facts
 */
export const factList = (facts) =>
  Object.entries(facts).map(([name, value]) => value && [html`<dt>${name}</dt>`, html`<dd>${value}</dd>`]);

/** @param {Column<any>} column */
const kindOf = ({ number, isExtra }) => [number && "number", isExtra && "extra"].filter(Boolean).join(" ") || nothing;

/**
 * A table with a caption. It can be wider than a phone, and is then scrolled by the keyboard as well.
 * @template Row
 * @param {string} caption
 * @param {Column<Row>[]} columns
 * @param {Row[]} rows
 */
export const table = (caption, columns, rows) => html`
  <div class="table" tabindex="0" role="region" aria-label=${caption}>
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col" class=${kindOf(column)}>${column.title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) => html`
            <tr>
              ${columns.map((column) => html`<td class=${kindOf(column)}>${column.cell(row) ?? "–"}</td>`)}
            </tr>
          `,
        )}
      </tbody>
    </table>
  </div>
`;

/**
 * A drawing with a table of its numbers, since a drawing says nothing to a screen reader.
 * @param {string} title
 * @param {string} summary Says in a sentence what is seen.
 * @param {unknown} drawing
 * @param {unknown} data
 */
export const figure = (title, summary, drawing, data) => html`
  <figure>
    <figcaption><strong>${title}</strong><span>${summary}</span></figcaption>
    ${drawing}
    <details class="numbers">
      <summary>Show as a table</summary>
      ${data}
    </details>
  </figure>
`;

/**
 * Put the focus on an element that takes none by itself, such as a new row.
 * @param {HTMLElement | null | undefined} element
 */
export function focusOn(element) {
  if (!element) return;
  if (element.tabIndex < 0) element.tabIndex = -1;
  element.focus();
}
