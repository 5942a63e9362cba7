// Owns making elements. Text is always text: nothing here reads markup. Must not know any page.

/** Make an element: `on…` are listeners, `true` is an empty attribute, and null and false are left out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A table with a caption; columns are `{title, cell, number}`, and `cell` turns a row into a node or a text. */
export function table(caption, columns, rows) {
  const kind = (column) => (column.number ? "number" : null);
  const head = columns.map((column) => h("th", { scope: "col", class: kind(column) }, column.title));
  const body = rows.map((row) =>
    h(
      "tr",
      {},
      columns.map((column) => h("td", { class: kind(column) }, column.cell(row) ?? "–")),
    ),
  );
  const contents = h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, head)), h("tbody", {}, body));
  // It can be wider than a phone, and is then moved by the keyboard as well.
  return h("div", { class: "table", tabindex: "0", role: "region", "aria-label": caption }, contents);
}

/** A labelled control with room for its fault. */
export function field(label, control, hint = null) {
  control.id ||= `field-${crypto.randomUUID()}`;
  const fault = h("p", { class: "fault", id: `${control.id}-fault`, hidden: true });
  const note = hint && h("p", { class: "hint", id: `${control.id}-hint` }, hint);
  control.setAttribute("aria-describedby", [fault.id, note?.id].filter(Boolean).join(" "));
  return h(
    "div",
    { class: "field", "data-field": control.name },
    h("label", { for: control.id }, label),
    control,
    note,
    fault,
  );
}

/** A group of native radio buttons that look like what they stand for; items are `{value, content}`. */
export function choices(name, legend, items, kind) {
  const id = `choices-${name}`;
  const options = items.map((item, number) =>
    h(
      "label",
      { class: "choice", "data-value": item.value },
      h("input", { type: "radio", name, value: item.value, required: true, checked: number === 0 }),
      item.content,
    ),
  );
  return h(
    "fieldset",
    { class: `field choices ${kind}`, "data-field": name, "aria-describedby": `${id}-fault` },
    h("legend", {}, legend),
    h("div", { class: "options" }, options),
    h("p", { class: "fault", id: `${id}-fault`, hidden: true }),
  );
}

/** A heading with what can be done beside it. */
export function pageHeader(title, text, ...actions) {
  return h(
    "div",
    { class: "page-header" },
    h("div", {}, h("h1", { tabindex: "-1" }, title), h("p", { class: "lead" }, text)),
    actions.length > 0 && h("div", { class: "actions" }, actions),
  );
}

/** A section on a card of its own. */
export function card(title, ...children) {
  return h("section", { class: "card" }, h("h2", {}, title), children);
}

/** Call `run` now and every so many milliseconds while the page is looked at, until `signal` is aborted. */
export async function repeat(milliseconds, signal, run) {
  while (!signal.aborted) {
    if (!document.hidden) await run();
    await pause(milliseconds, signal);
  }
}

/** Wait, but not beyond the end of `signal`. */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
