// Owns the request of the form as code, which is loaded when it is first opened. Must not know how a snippet is written.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { Loaded, loadedView } from "../../ui/loaded.js";

/** @param {Page} page */
export function codeDetails(page) {
  const code = new Loaded(page, async () => {
    const { RequestCode, requestCode } = await import("../../generations/code.js");
    const state = new RequestCode(page.update, "request-code");
    return (/** @type {AskedPicture} */ body) => requestCode(state, body);
  });
  const load = (/** @type {{target: HTMLDetailsElement}} */ { target }) => {
    if (target.open && !code.value && !code.isBusy) code.load();
  };
  return (/** @type {AskedPicture} */ body) => html`
    <details class="code" @toggle=${load}>
      <summary>The request as code</summary>
      ${code.turn === 0 ? nothing : loadedView(code, { kind: "stack" }, (view) => view(body))}
    </details>
  `;
}
