// Owns how loading, emptiness, errors and progress look and sound on every page. Must not know any page.

import { h } from "./dom.js";
import { once } from "./forms.js";

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
  const violations = error.violations ?? [];
  return h(
    "div",
    { class: "error", role: "alert" },
    h("p", { class: "error-title" }, error.message),
    violations.length > 0 &&
      h(
        "ul",
        {},
        violations.map((fault) => h("li", {}, `${fault.field} ${fault.description}`)),
      ),
    error.requestId && h("p", { class: "request-id" }, "Request ", h("code", {}, error.requestId)),
    retry && h("button", { type: "button", onclick: retry }, "Try again"),
  );
}

const newest = new WeakMap();

/**
 * Show in `container` what `make` resolves to: a skeleton before, an error with another try if it fails. Quietly, what
 * is there stays until then, so that nothing on the page jumps.
 */
export async function load(container, make, { lines = 3, signal = null, isQuiet = false } = {}) {
  const turn = Symbol("turn");
  newest.set(container, turn);
  const isCurrent = () => newest.get(container) === turn && !signal?.aborted;
  container.setAttribute("aria-busy", "true");
  if (!isQuiet || container.childElementCount === 0) container.replaceChildren(skeleton(lines));
  try {
    const made = await make();
    if (isCurrent()) container.replaceChildren(...[made].flat().filter(Boolean));
  } catch (error) {
    if (isCurrent()) container.replaceChildren(errorPanel(error, () => load(container, make, { lines, signal })));
  }
  if (isCurrent()) container.removeAttribute("aria-busy");
}

/** A button that does something once at a time and shows beside it, in `output`, how it ended. */
export function actionButton(label, output, act, kind = null) {
  const button = h("button", { type: "button", class: kind }, label);
  button.addEventListener("click", () =>
    once(button, async () => {
      output.replaceChildren(h("p", { class: "hint" }, "Working …"));
      try {
        const made = await act();
        output.replaceChildren(...[made].flat().filter(Boolean));
      } catch (error) {
        output.replaceChildren(errorPanel(error));
      }
    }),
  );
  return button;
}

/** A button at the end of a list that is not all of it. */
export function moreButton(act) {
  const button = h("button", { type: "button", onclick: () => once(button, act) }, "Show more");
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
