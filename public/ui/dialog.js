// Owns modal dialogs. Must not know what they say.

import { render } from "/vendor/lit-html/lit-html.js";

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
  view = make({ update, close: () => element.close() });
  update();
  if (isLightDismissed) {
    element.addEventListener("click", (event) => {
      if (event.target === element) element.close();
    });
  }
  document.body.append(element);
  element.showModal();
  return new Promise((resolve) => {
    const end = () => {
      element.remove();
      resolve();
    };
    element.addEventListener("close", end, { once: true });
  });
}
