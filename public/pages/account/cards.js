// Owns how the forms for credits look. Must not know what they send.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { focusAccountFault } from "../../accounts/bar.js";
import { card } from "../../ui/elements.js";
import { errorPanel } from "../../ui/feedback.js";
import { field, focusFault, onSubmit } from "../../ui/form.js";
import { MOST_CREDITS } from "./grants.js";

/** @param {Grant} grant */
export function grantCard(grant) {
  const { form } = grant;
  const reason = field(
    form,
    "reason",
    "Reason",
    (bound) => html`<input ${bound} maxlength="200" dir="auto" placeholder="granted" autocomplete="off" />`,
  );
  return creditsCard("Grant credits", grant, [amountField(form), reason]);
}

/** @param {Form} form */
export const amountField = (form) =>
  field(
    form,
    "credits",
    "Credits",
    (bound) => html`<input ${bound} type="number" min="1" max=${MOST_CREDITS} step="1" />`,
  );

/**
 * @param {string} label
 * @param {Grant | Opening} state
 * @param {unknown} fields
 */
export function creditsCard(label, state, fields) {
  const { form } = state;
  const send = async (/** @type {HTMLFormElement} */ element) => {
    await state.send();
    if (form.hasFaults) focusFault(element);
    else if (state.outcome.kind === "nothing") focusAccountFault();
  };
  return card(
    label,
    html`
      <form class="stack" novalidate @submit=${onSubmit(form, send)}>
        <div class="pair">${fields}</div>
        <div><button class="primary" aria-disabled=${form.sending.disabled}>${label}</button></div>
        <div class="outcome">${outcomeView(state.outcome)}</div>
      </form>
    `,
  );
}

/** @param {GrantOutcome} outcome */
function outcomeView(outcome) {
  switch (outcome.kind) {
    case "nothing":
      return nothing;
    case "busy":
      return html`<p class="hint">The service is busy; still trying …</p>`;
    case "done":
      return html`<p class="done">${outcome.text}</p>`;
    case "failed":
      return errorPanel(outcome.error);
  }
}
