// Owns rendering a page: its view is a function of its state and is rendered again when the state has changed.
// Must not know any page.

import { nothing, render } from "/vendor/lit-html/lit-html.js";
import { focusOn } from "./elements.js";

/**
 * Show a page in place of the one before.
 * @param {HTMLElement} place
 * @param {MakePage} make
 * @param {Omit<Page, "update">} given
 */
export function showPage(place, make, given) {
  /** @type {(() => unknown) | null} */
  let view = null;
  const update = () => {
    if (view && !given.signal.aborted) renderKeepingFocus(place, view());
  };
  view = make({ ...given, update });
  render(nothing, place);
  update();
}

/**
 * Where the element that has the focus goes, the focus goes to the `data-keeps-focus` around it.
 * @param {HTMLElement} place
 * @param {unknown} content
 */
function renderKeepingFocus(place, content) {
  const keeper = document.activeElement?.closest("[data-keeps-focus]");
  render(content, place);
  if (keeper instanceof HTMLElement && !keeper.contains(document.activeElement)) focusOn(keeper);
}
