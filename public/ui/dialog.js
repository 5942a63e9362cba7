// Owns modal dialogs. Must not know what they say.

import { render } from "/vendor/lit-html/lit-html.js";
import { focusOn } from "./elements.js";

/**
 * Show a dialog and resolve when it is closed.
 * @param {{kind: string, labelledBy: string, isLightDismissed?: boolean}} look `isLightDismissed` has a click beside
 *   the dialog close it.
 * @param {(dialog: Dialog) => () => unknown} make Makes the state of the dialog and returns its view.
 * @returns {Promise<void>}
 */
export function showDialog({ kind, labelledBy, isLightDismissed = false }, make) {
  const element = document.createElement("dialog");
  element.className = kind;
  element.setAttribute("aria-labelledby", labelledBy);
  /** @type {(() => unknown) | null} */
  let view = null;
  const update = () => {
    if (view) render(view(), element);
  };
  const closed = new AbortController();
  view = make({ update, close: () => element.close(), signal: closed.signal });
  update();
  if (isLightDismissed) {
    element.addEventListener("click", (event) => {
      if (event.target === element) element.close();
    });
  }
  document.body.append(element);
  element.showModal();
  if (isLightDismissed) {
    // It is read from its start; a form keeps the focus in its first field.
    focusOn(element);
    element.scrollTop = 0;
  }
  return new Promise((resolve) => {
    const end = () => {
      closed.abort();
      element.remove();
      resolve();
    };
    element.addEventListener("close", end, { once: true });
  });
}
