// Owns how the request for a picture looks. Must not know what becomes of it.

import { html } from "/vendor/lit-html/lit-html.js";
import { focusAccountFault } from "../../accounts/bar.js";
import { credits, words } from "../../format.js";
import { choices, field, focusFault, onSubmit } from "../../ui/form.js";

const MOST_CHARACTERS = 2000;

/** @param {PictureRequest} request */
export function requestForm(request) {
  const { form, price, choice } = request;
  const send = async (/** @type {HTMLFormElement} */ element) => {
    const faulty = await request.submit();
    if (faulty === "account") focusAccountFault();
    if (faulty === "form") focusFault(element);
  };
  return html`
    <form class="stack" novalidate @submit=${onSubmit(form, send)}>
      ${looks(request)} ${promptField(request)}
      <button class="primary wide" aria-disabled=${form.sending.disabled}>Create for ${credits(price)}</button>
      <p class="hint" ?hidden=${choice.credits === null || choice.credits >= price}>
        This account has ${credits(choice.credits ?? 0)}. ${grantLink("link")}
      </p>
    </form>
  `;
}

/** @param {string} kind */
export const grantLink = (kind) => html`<a class=${kind} href="#account">Grant credits</a>`;

/** @param {PictureRequest} request */
function looks({ form, catalog, sizes }) {
  const models = catalog.models.map((item) => ({ value: item.id, content: item.name }));
  const styles = catalog.styles.map((item) => ({ value: item.id, content: words(item.name) }));
  const colors = catalog.colors.map((item) => ({ value: item.id, content: swatch(item) }));
  const shapes = sizes.map((item) => ({ value: item.id, content: sizeContent(item) }));
  return [
    choices(form, "model", "Model", models, "segments"),
    choices(form, "style", "Style", styles, "chips"),
    choices(form, "color", "Color", colors, "swatches"),
    choices(form, "size", "Size", shapes, "sizes"),
  ];
}

/** @param {PictureRequest} request */
function promptField({ form }) {
  const count = html`<span class="count">${form.values.prompt.length} of ${MOST_CHARACTERS} characters</span>`;
  const control = (/** @type {unknown} */ bound) =>
    html`<textarea ${bound} rows="4" dir="auto" maxlength=${MOST_CHARACTERS}></textarea>`;
  return field(form, "prompt", "Prompt", control, count);
}

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
