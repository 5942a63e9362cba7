// Owns how loading, emptiness, errors and progress look and sound on every page. Must not know any page.

import { h } from "./dom.js";

/** Tell screen readers. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

export function skeleton(lines = 3) {
  const bars = Array.from({ length: lines }, () => h("div", { class: "bar" }));
  return h("div", { class: "skeleton", role: "status" }, h("span", { class: "visually-hidden" }, "Loading …"), bars);
}

export function emptyState(title, text, ...actions) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), h("p", {}, text), actions);
}

/** What went wrong, with the id under which the log has it, and another try where one is offered. */
export function errorPanel(error, retry = null) {
  const shown = error.violations?.filter((fault) => !fault.isShown) ?? [];
  return h(
    "div",
    { class: "error", role: "alert" },
    h("p", { class: "error-title" }, error.message),
    shown.length > 0 &&
      h(
        "ul",
        {},
        shown.map((fault) => h("li", {}, `${fault.field} ${fault.description}`)),
      ),
    error.requestId && h("p", { class: "request-id" }, "Request ", h("code", {}, error.requestId)),
    retry && h("button", { type: "button", onclick: retry }, "Try again"),
  );
}

const newest = new WeakMap();

/** Show in `container` what `make` resolves to: a skeleton before, an error with another try if it fails. */
export async function load(container, make, { lines = 3, signal = null, isQuiet = false } = {}) {
  const turn = Symbol("turn");
  newest.set(container, turn);
  const isCurrent = () => newest.get(container) === turn && !signal?.aborted;
  container.setAttribute("aria-busy", "true");
  if (!isQuiet) container.replaceChildren(skeleton(lines));
  try {
    const made = await make();
    if (isCurrent()) container.replaceChildren(...[made].flat().filter(Boolean));
  } catch (error) {
    if (isCurrent()) container.replaceChildren(errorPanel(error, () => load(container, make, { lines, signal })));
  }
  if (isCurrent()) container.removeAttribute("aria-busy");
}

/** Put each fault of an error beside its control, and the focus on the first. */
export function showFaults(form, error) {
  clearFaults(form);
  for (const violation of error.violations ?? []) {
    const place = form.querySelector(`[data-field="${CSS.escape(violation.field)}"]`);
    if (!place) continue;
    violation.isShown = true;
    const fault = place.querySelector(".fault");
    fault.textContent = `It ${violation.description}.`;
    fault.hidden = false;
    const control = place.querySelector("input, textarea, select");
    control?.setAttribute("aria-invalid", "true");
  }
  form.querySelector("[aria-invalid]")?.focus();
}

export function clearFaults(form) {
  for (const fault of form.querySelectorAll(".fault")) fault.hidden = true;
  for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
}

/** A button that does something once at a time and shows beside it, in `output`, how it ended. */
export function actionButton(label, output, act, kind = null) {
  const button = h("button", { type: "button", class: kind }, label);
  button.addEventListener("click", async () => {
    button.disabled = true;
    output.replaceChildren(h("p", { class: "hint" }, "Working …"));
    try {
      const made = await act();
      output.replaceChildren(...[made].flat().filter(Boolean));
    } catch (error) {
      output.replaceChildren(errorPanel(error));
    } finally {
      button.disabled = false;
    }
  });
  return button;
}

/** A command to run, and a button that copies it. */
export function command(text) {
  const copy = h("button", { type: "button", class: "small" }, "Copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = "Copied";
    announce("Copied");
  });
  return h("span", { class: "command" }, h("code", {}, text), copy);
}

export const badge = (text, kind) => h("span", { class: `badge ${kind}` }, text);
