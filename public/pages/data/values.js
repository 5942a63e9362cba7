// Owns how the values of a document look, each with its type. Must not know which document it is.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { written } from "../../ui/elements.js";

/**
 * @param {Record<string, FirestoreValue>} fields
 * @returns {Template}
 */
export function fieldList(fields) {
  const names = Object.keys(fields).sort();
  if (names.length === 0) return html`<p class="hint">No fields.</p>`;
  const entries = names.map((name) => [html`<dt>${written(name)}</dt>`, html`<dd>${typed(fields[name])}</dd>`]);
  return html`<dl class="fields">${entries}</dl>`;
}

/**
 * A value of Firestore's REST API, `{integerValue: "3"}`, with its type.
 * @param {FirestoreValue} value
 * @returns {Template}
 */
function typed(value) {
  const [[key, content]] = Object.entries(value);
  const type = key.replace("Value", "");
  if (type === "map") return html`<span class="type">map</span>${fieldList(content.fields ?? {})}`;
  if (type === "array") {
    /** @type {FirestoreValue[]} */
    const items = content.values ?? [];
    const list = html`<ol start="0">
      ${items.map((each) => html`<li>${typed(each)}</li>`)}
    </ol>`;
    return html`<span class="type">array of ${items.length}</span>${items.length > 0 ? list : nothing}`;
  }
  return html`<span class="value ${type}">${written(textOf(type, content))}</span><span class="type">${type}</span>`;
}

/**
 * @param {string} type
 * @param {any} content
 */
function textOf(type, content) {
  if (type === "null") return "null";
  if (type === "geoPoint") return `${content.latitude ?? 0}, ${content.longitude ?? 0}`;
  return type === "string" ? `“${content}”` : String(content);
}
