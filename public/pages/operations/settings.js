// Owns how the failure rates are set. Must not know where they are kept.

import { html } from "/vendor/lit-html/lit-html.js";
import { card } from "../../ui/elements.js";
import { emptyState } from "../../ui/feedback.js";
import { field, onSubmit } from "../../ui/form.js";
import { loadedView } from "../../ui/loaded.js";

/** @param {FailureRates} rates */
export const ratesCard = ({ list }) =>
  card("Failure rate", [
    html`<p class="hint">
      How often each simulated model fails. It takes effect within 30 seconds, as every change of the catalog does.
    </p>`,
    loadedView(list, {}, (rates) =>
      rates.length > 0
        ? html`<div class="rates">${rates.map(rateForm)}</div>`
        : emptyState("No models", "The catalog has no model yet."),
    ),
  ]);

/** @param {FailureRate} rate */
const rateForm = (rate) => html`
  <form class="rate" @submit=${onSubmit(rate.form, () => rate.save())}>
    ${field(
      rate.form,
      "rate",
      `${rate.name}, %`,
      (bound) => html`<input ${bound} type="number" min="0" max="100" step="any" placeholder="default" />`,
    )}
    <button
      class="primary"
      aria-label="Save the failure rate of ${rate.name}"
      aria-disabled=${rate.form.sending.disabled}
    >
      Save
    </button>
    <button
      type="button"
      aria-label="Use the default failure rate for ${rate.name}"
      aria-disabled=${rate.resetting.disabled}
      @click=${() => rate.reset()}
    >
      Use the default
    </button>
    <p class="hint" role="status">${rate.outcome}</p>
  </form>
`;
