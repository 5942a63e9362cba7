// Owns the controls of forms: labelled fields, choices, the faults beside them, and doing a thing once at a time.
// Must not know any page.

import { h } from "./dom.js";

/** A labelled control with room for its fault, which goes when the control is edited. */
export function field(label, control, hint = null) {
  control.id ||= `field-${crypto.randomUUID()}`;
  const fault = h("p", { class: "fault", id: `${control.id}-fault`, hidden: true });
  const note = hint && h("p", { class: "hint", id: `${control.id}-hint` }, hint);
  control.setAttribute("aria-describedby", [fault.id, note?.id].filter(Boolean).join(" "));
  const element = h(
    "div",
    { class: "field", "data-field": control.name, oninput: () => clearFaults(element) },
    h("label", { for: control.id }, label),
    control,
    note,
    fault,
  );
  return element;
}

/** A group of native radio buttons that look like what they stand for; items are `{value, content}`. */
export function choices(name, legend, items, kind, chosen = null) {
  const id = `choices-${name}`;
  const first = items.find((item) => item.value === chosen) ?? items[0];
  const options = items.map((item) =>
    h(
      "label",
      { class: "choice", "data-value": item.value },
      h("input", { type: "radio", name, value: item.value, required: true, checked: item === first }),
      item.content,
    ),
  );
  const element = h(
    "fieldset",
    {
      class: `field choices ${kind}`,
      "data-field": name,
      "aria-describedby": `${id}-fault`,
      oninput: () => clearFaults(element),
    },
    h("legend", {}, legend),
    h("div", { class: "options" }, options),
    h("p", { class: "fault", id: `${id}-fault`, hidden: true }),
  );
  return element;
}

/** Say beside the control of a field what is wrong with it; false where the form has no such field. */
export function showFault(form, name, text) {
  const place = form.querySelector(`[data-field="${CSS.escape(name)}"]`);
  if (!place) return false;
  const fault = place.querySelector(".fault");
  fault.textContent = text;
  fault.hidden = false;
  place.querySelector("input, textarea, select").setAttribute("aria-invalid", "true");
  return true;
}

/** Put the focus on the first control that has a fault; false where none has. */
export function focusFault(form) {
  const control = form.querySelector("[aria-invalid]");
  control?.focus();
  return control !== null;
}

/** Put each fault of an error beside its control; false where some of the error has no place there. */
export function showFaults(form, error) {
  const { violations = [] } = error;
  const placed = violations.filter(({ field, description }) => showFault(form, field, `It ${description}.`));
  focusFault(form);
  return placed.length > 0 && placed.length === violations.length;
}

export function clearFaults(place) {
  for (const fault of place.querySelectorAll(".fault")) fault.hidden = true;
  for (const control of place.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
}

/** Do what a button is for, once at a time; the button keeps the focus meanwhile, which `disabled` would take away. */
export async function once(button, act) {
  if (button.getAttribute("aria-disabled")) return;
  button.setAttribute("aria-disabled", "true");
  try {
    await act();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}
