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

/**
 * A table with a caption; columns are `{title, cell, number, isExtra}`: `cell` turns a row into a node or a text, and
 * what is extra has no room on a phone.
 */
export function table(caption, columns, rows) {
  const kind = ({ number, isExtra }) => [number && "number", isExtra && "extra"].filter(Boolean).join(" ") || null;
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

/** An id, cut where there is no room for all of it. */
export const idCode = (id) => h("code", { class: "id", title: id }, id);

/** Put the focus on something that takes none by itself, such as a new row. */
export function focusOn(element) {
  element.tabIndex = -1;
  element.focus();
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
