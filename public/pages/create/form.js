// Owns how the request for a picture looks. Must not know what becomes of it.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { focusAccountFault } from "../../accounts/bar.js";
import { credits, words } from "../../format.js";
import { badge } from "../../ui/elements.js";
import { choices, field, focusFault } from "../../ui/form.js";

const MOST_CHARACTERS = 2000;
const SAMPLES = [
  "A lighthouse in a storm",
  "Two foxes in fresh snow",
  "A market street at night",
  "A garden on the moon",
];

/** @param {PictureRequest} request */
export function requestForm(request) {
  const { price, choice } = request;
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const element = /** @type {HTMLFormElement} */ (event.currentTarget);
    request.submit((faulty) => (faulty === "account" ? focusAccountFault() : focusFault(element)));
  };
  return html`
    <form class="stack" novalidate @submit=${submit}>
      ${promptField(request)}
      <button class="primary wide" @click=${refuseSecondClick}>Create for ${credits(price)}</button>
      <p class="hint" ?hidden=${choice.credits === null || choice.credits >= price}>
        This account has ${credits(choice.credits ?? 0)}. ${grantLink("link")}
      </p>
      ${samples} ${looks(request)}
    </form>
  `;
}

/** @param {string} kind */
export const grantLink = (kind) => html`<a class=${kind} href="#account">Grant credits</a>`;

/**
 * A double click asks for one picture.
 * @param {MouseEvent} event
 */
function refuseSecondClick(event) {
  if (event.detail > 1) event.preventDefault();
}

/** @param {PictureRequest} request */
function promptField({ form }) {
  const count = html`
    <span class="count">${form.values.prompt.length} of ${MOST_CHARACTERS} characters</span>
    <span class="shortcut">· <kbd>Ctrl</kbd> or <kbd>⌘</kbd> + <kbd>Enter</kbd> creates</span>
  `;
  const send = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || event.repeat || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    /** @type {HTMLTextAreaElement} */ (event.target).form?.requestSubmit();
  };
  const control = (/** @type {unknown} */ bound) =>
    html`<textarea ${bound} rows="3" dir="auto" maxlength=${MOST_CHARACTERS} @keydown=${send}></textarea>`;
  return field(form, "prompt", "Prompt", control, count);
}

const samples = html`
  <div class="samples" role="group" aria-label="Ideas">
    ${SAMPLES.map((text) => html`<button type="button" class="chip" @click=${fillIn}>${text}</button>`)}
  </div>
`;

/**
 * Write a sample into the prompt as if it were typed, so that "undo" of the browser brings back what was there.
 * @param {{currentTarget: HTMLButtonElement}} event
 */
function fillIn({ currentTarget }) {
  const prompt = /** @type {HTMLTextAreaElement} */ (currentTarget.form?.elements.namedItem("prompt"));
  prompt.select();
  document.execCommand("insertText", false, currentTarget.textContent ?? "");
}

/** @param {PictureRequest} request */
function looks({ form, catalog, sizes, isSimulated }) {
  const models = catalog.models.map((item) => ({ value: item.id, content: item.name }));
  const styles = catalog.styles.map((item) => ({ value: item.id, content: words(item.name) }));
  const colors = catalog.colors.map((item) => ({ value: item.id, content: swatch(item) }));
  const shapes = sizes.map((item) => ({ value: item.id, content: sizeContent(item) }));
  return [
    html`<div class="field">
      ${choices(form, "model", "Model", models, "segments")} ${isSimulated ? simulated : nothing}
    </div>`,
    choices(form, "style", "Style", styles, "chips"),
    choices(form, "color", "Color", colors, "swatches"),
    choices(form, "size", "Size", shapes, "sizes"),
  ];
}

const simulated = html`
  <p class="hint simulated">
    ${badge("Simulated", "warn")} Drawn without an image model: the picture does not show what the prompt says.
  </p>
`;

/** @param {Schemas["ItemAnswer"]} item */
const swatch = (item) => html`<span class="swatch" data-color=${item.id}></span><span>${words(item.name)}</span>`;

/** @param {Schemas["SizeAnswer"]} size */
function sizeContent({ width, height, credits: price }) {
  // Set as a property, since the security policy refuses the attribute.
  const shape = `aspect-ratio: ${width} / ${height}; height: ${(28 * height) / 1792 + 6}px`;
  return html`
    <span class="shape-box"><span class="shape" aria-hidden="true" .style=${shape}></span></span>
    <span class="size-name">${width} × ${height}</span>
    <span class="price">${credits(price)}</span>
  `;
}
