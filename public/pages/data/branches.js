// Owns how the tree of the embedded Firestore looks. Must not know how it is read.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { guard } from "/vendor/lit-html/directives/guard.js";
import { repeat } from "/vendor/lit-html/directives/repeat.js";
import { number } from "../../format.js";
import { written } from "../../ui/elements.js";
import { fieldList } from "./values.js";

/** @param {CollectionNode[]} collections */
export const collectionsView = (collections) => repeat(collections, (each) => each.id, collectionView);

/**
 * A listener for `toggle`. Where reading fails, the next poll says so.
 * @param {CollectionNode | DocumentNode} node
 */
const onToggle = (node) => (/** @type {{currentTarget: HTMLDetailsElement}} */ event) => {
  node.setOpen(event.currentTarget.open).catch(() => {});
};

/** @param {CollectionNode} collection */
function collectionView(collection) {
  const { id, shown, hasMore } = collection;
  return html`
    <details ?open=${collection.isOpen} @toggle=${onToggle(collection)}>
      <summary>
        <span class="collection">${written(id)}</span
        ><span class="count">${shown ? count(shown.length, hasMore) : ""}</span>
      </summary>
      <div class="branch">
        <div>${repeat(shown ?? [], (each) => each.id, documentView)}</div>
        ${hasMore ? moreButton(collection) : nothing}
      </div>
    </details>
  `;
}

/**
 * @param {number} length
 * @param {boolean} hasMore
 */
const count = (length, hasMore) => `${number(length)}${hasMore ? " or more" : ""}`;

/** @param {CollectionNode} collection */
function moreButton(collection) {
  const show = async (/** @type {Event} */ event) => {
    const list = /** @type {HTMLElement} */ (event.currentTarget).previousElementSibling;
    const shown = list?.childElementCount ?? 0;
    await collection.showMore();
    list?.children[shown]?.querySelector("summary")?.focus();
  };
  return html`
    <button type="button" class="small" aria-disabled=${collection.more.disabled} @click=${show}>Show more</button>
  `;
}

/** @param {DocumentNode} document */
function documentView(document) {
  const { id, changes, collections, found } = document;
  // The name alternates, since an animation starts again only under another name.
  const changed = changes === 0 ? nothing : changes % 2 === 1 ? "changed" : "changed again";
  return html`
    <details class=${changed} ?open=${document.isOpen} @toggle=${onToggle(document)}>
      <summary><code>${written(id)}</code></summary>
      <div class="branch">
        <div>${guard([found], () => fieldsView(found))}</div>
        <div>${collectionsView(collections.shown ?? [])}</div>
      </div>
    </details>
  `;
}

/** @param {DocumentNode["found"]} found */
function fieldsView(found) {
  if (!found) return nothing;
  return found.createTime
    ? fieldList(found.fields ?? {})
    : html`<p class="hint">No document of its own; only what is below it.</p>`;
}
