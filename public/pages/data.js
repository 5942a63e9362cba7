// Owns the page that shows what the embedded Firestore holds, as a tree that follows every change. It only reads.

import { h, pageHeader, repeat } from "../dom.js";
import { emptyState, errorPanel, skeleton } from "../feedback.js";
import { idOf, listCollections, listDocuments } from "../firestore.js";
import { once } from "../forms.js";
import { number } from "../format.js";

const PAGE_SIZE = 50;
const LIVE_MILLISECONDS = 1500;

export function render({ signal }) {
  const state = h("p", { class: "live", role: "status" }, "Live");
  const say = (isLive) => {
    const text = isLive ? "Live" : "Not live";
    // Set anew it would be read aloud anew.
    if (state.textContent !== text) state.textContent = text;
    state.classList.toggle("stale", !isLive);
  };
  const tree = h("div", { class: "card tree" }, skeleton(6));
  const root = new Collections("", tree);
  repeat(LIVE_MILLISECONDS, signal, async () => {
    try {
      await root.refresh();
      say(true);
    } catch (error) {
      say(false);
      if (!root.isLoaded) tree.replaceChildren(errorPanel(error));
    }
  });
  return [
    pageHeader("Data", "What the embedded Firestore holds. It follows every change, and changes nothing.", state),
    tree,
  ];
}

/** Show children by key in order, those that stay being left where they are, so that focus and openness stay too. */
function arrange(container, keys, childOf) {
  const wanted = keys.map(childOf);
  if (wanted.length === container.children.length && wanted.every((each, place) => each === container.children[place]))
    return;
  container.replaceChildren(...wanted);
}

class Collections {
  isLoaded = false;
  #known = new Map();

  constructor(path, container) {
    this.path = path;
    this.container = container;
  }

  async refresh() {
    const ids = await listCollections(this.path);
    if (!this.isLoaded) this.container.replaceChildren();
    this.isLoaded = true;
    for (const id of ids) if (!this.#known.has(id)) this.#known.set(id, new Collection(`${this.path}/${id}`, id));
    if (ids.length === 0 && this.path === "") {
      this.container.replaceChildren(emptyState("Empty", "There is no document yet."));
    } else {
      arrange(this.container, ids, (id) => this.#known.get(id).element);
    }
    await Promise.all(ids.map((id) => this.#known.get(id).refresh()));
  }
}

class Collection {
  #documents = new Map();
  #pageSize = PAGE_SIZE;

  constructor(path, id) {
    this.path = path;
    this.count = h("span", { class: "count" });
    this.list = h("div", {});
    this.more = h(
      "button",
      { type: "button", class: "small", hidden: true, onclick: () => this.#showMore() },
      "Show more",
    );
    const summary = h("summary", {}, h("span", { class: "collection" }, id), this.count);
    this.element = h(
      "details",
      { ontoggle: () => this.refresh() },
      summary,
      h("div", { class: "branch" }, this.list, this.more),
    );
  }

  #showMore() {
    return once(this.more, async () => {
      const shown = this.list.childElementCount;
      this.#pageSize += PAGE_SIZE;
      await this.refresh();
      this.list.children[shown]?.querySelector("summary").focus();
    });
  }

  async refresh() {
    if (!this.element.open) return;
    const { documents, nextPageToken } = await listDocuments(this.path, this.#pageSize);
    this.count.textContent = `${number(documents.length)}${nextPageToken ? " or more" : ""}`;
    this.more.hidden = !nextPageToken;
    for (const { name } of documents) {
      const id = idOf(name);
      if (!this.#documents.has(id)) this.#documents.set(id, new Document(`${this.path}/${id}`, id));
    }
    arrange(
      this.list,
      documents.map(({ name }) => idOf(name)),
      (id) => this.#documents.get(id).element,
    );
    await Promise.all(documents.map((found) => this.#documents.get(idOf(found.name)).update(found)));
  }
}

class Document {
  #shown = null;

  constructor(path, id) {
    this.fields = h("div", {});
    const children = h("div", {});
    this.collections = new Collections(path, children);
    this.element = h(
      "details",
      { ontoggle: () => this.#refresh() },
      h("summary", {}, h("code", {}, id)),
      h("div", { class: "branch" }, this.fields, children),
    );
  }

  async update({ fields, createTime }) {
    const text = JSON.stringify([fields, createTime]);
    if (text !== this.#shown) {
      if (this.#shown !== null) this.#flash();
      this.#shown = text;
      this.fields.replaceChildren(
        createTime
          ? fieldList(fields ?? {})
          : h("p", { class: "hint" }, "No document of its own; only what is below it."),
      );
    }
    await this.#refresh();
  }

  async #refresh() {
    if (this.element.open) await this.collections.refresh();
  }

  #flash() {
    this.element.classList.remove("changed");
    void this.element.offsetWidth;
    this.element.classList.add("changed");
  }
}

function fieldList(fields) {
  const names = Object.keys(fields).sort();
  if (names.length === 0) return h("p", { class: "hint" }, "No fields.");
  return h(
    "dl",
    { class: "fields" },
    names.map((name) => [h("dt", {}, name), h("dd", {}, typed(fields[name]))]),
  );
}

/** A value of Firestore's REST API, `{integerValue: "3"}`, with its type. */
function typed(value) {
  const [[key, content]] = Object.entries(value);
  const type = key.replace("Value", "");
  if (type === "map") return [h("span", { class: "type" }, "map"), fieldList(content.fields ?? {})];
  if (type === "array") {
    const items = (content.values ?? []).map((each) => h("li", {}, typed(each)));
    return [
      h("span", { class: "type" }, `array of ${items.length}`),
      items.length > 0 && h("ol", { start: "0" }, items),
    ];
  }
  const text =
    type === "null"
      ? "null"
      : type === "geoPoint"
        ? `${content.latitude ?? 0}, ${content.longitude ?? 0}`
        : String(content);
  return [
    h("span", { class: `value ${type}` }, type === "string" ? `“${text}”` : text),
    h("span", { class: "type" }, type),
  ];
}
