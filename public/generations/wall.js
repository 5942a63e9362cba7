// Owns how the list of an account's generations looks. Must not know how they are asked for.

import { html } from "/vendor/lit-html/lit-html.js";
import { repeat } from "/vendor/lit-html/directives/repeat.js";
import { words } from "../format.js";
import { card } from "../ui/elements.js";
import { emptyState } from "../ui/feedback.js";
import { selectField } from "../ui/form.js";
import { loadedView, moreFoot } from "../ui/loaded.js";
import { STATUSES } from "./generation.js";
import { tile } from "./picture.js";

/**
 * @param {Gallery} gallery
 * @param {Catalog | undefined} catalog What can be filtered by, once it is known.
 * @param {Finder} finder
 */
export const galleryCard = (gallery, catalog, finder) =>
  card("Gallery", [
    filterForm(gallery, catalog),
    loadedView(gallery.list, { kind: "stack", lines: 4 }, (value) => tiles(gallery, value?.items, finder)),
  ]);

/**
 * @param {Gallery} gallery
 * @param {Catalog | undefined} catalog
 */
function filterForm(gallery, catalog) {
  const select = (/** @type {string} */ name, /** @type {string[]} */ ids) =>
    selectField(gallery.filters, name, words(name), [
      ["", "Any"],
      ...ids.map((id) => /** @type {[string, string]} */ ([id, name === "size" ? id : words(id)])),
    ]);
  const ids = (/** @type {{id: string}[] | undefined} */ items) => (items ?? []).map((item) => item.id);
  return html`
    <form
      class="filters"
      @change=${() => gallery.refresh({ isQuiet: false })}
      @submit=${(/** @type {Event} */ event) => event.preventDefault()}
    >
      ${select("status", catalog ? STATUSES : [])} ${select("model", ids(catalog?.models))}
      ${select("style", ids(catalog?.styles))} ${select("color", ids(catalog?.colors))}
      ${select("size", ids(catalog?.sizes))}
    </form>
  `;
}

/**
 * @param {Gallery} gallery
 * @param {Generation[] | undefined} items
 * @param {Finder} finder
 */
function tiles(gallery, items, finder) {
  if (!items) return emptyState("No account chosen", "Choose one above to see its pictures.");
  if (items.length === 0) {
    return gallery.isFiltered
      ? emptyState("Nothing fits", "No generation fits all of these filters.")
      : emptyState("No pictures yet", "What this account creates is kept here.");
  }
  const id = (/** @type {Generation} */ generation) => generation.generationRequestId;
  const show = (/** @type {Generation} */ generation) => finder.show(generation);
  return html`
    <ul class="gallery">
      ${repeat(items, id, (generation) => html`<li>${tile(generation, show)}</li>`)}
    </ul>
    ${moreFoot(gallery.list, ".tile")}
  `;
}
