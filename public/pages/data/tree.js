// Owns what is known of the embedded Firestore: collections, their documents and what is below those, and which of them
// are open. Must not know how that looks.

import { idOf, listCollections, listNames, readDocument } from "../../backend/firestore.js";
import { Once } from "../../ui/once.js";

const PAGE_SIZE = 50;

/** The collections below a document, or at the top. Nodes are kept by id, so that what is open stays open. */
export class Collections {
  /** @type {CollectionNode[] | null} Null until they are read. */
  shown = null;
  /** @type {Map<string, CollectionNode>} */
  #known = new Map();
  #update;

  /**
   * @param {() => void} update
   * @param {string} path
   */
  constructor(update, path) {
    this.#update = update;
    this.path = path;
  }

  async refresh() {
    const ids = await listCollections(this.path);
    this.shown = ids.map((id) => this.#node(id));
    this.#update();
    await Promise.all(this.shown.map((collection) => collection.refresh()));
  }

  /** @param {string} id */
  #node(id) {
    const node = this.#known.get(id) ?? new CollectionNode(this.#update, `${this.path}/${id}`, id);
    this.#known.set(id, node);
    return node;
  }
}

/** A collection; while it is open the names of its documents are read, which say what has changed. */
export class CollectionNode {
  isOpen = false;
  hasMore = false;
  /** @type {DocumentNode[] | null} Null until they are read. */
  shown = null;
  /** @type {Map<string, DocumentNode>} */
  #known = new Map();
  #wanted = PAGE_SIZE;
  #update;

  /**
   * @param {() => void} update
   * @param {string} path
   * @param {string} id
   */
  constructor(update, path, id) {
    this.#update = update;
    this.path = path;
    this.id = id;
    this.more = new Once(update);
  }

  /** @param {boolean} isOpen */
  setOpen(isOpen) {
    this.isOpen = isOpen;
    return this.refresh();
  }

  showMore() {
    return this.more.run(() => {
      this.#wanted += PAGE_SIZE;
      return this.refresh();
    });
  }

  async refresh() {
    if (!this.isOpen) return;
    const { documents, hasMore } = await listNames(this.path, this.#wanted);
    this.hasMore = hasMore;
    this.shown = documents.map((listed) => this.#node(idOf(listed.name)).take(listed));
    this.#update();
    await Promise.all(this.shown.map((document) => document.refresh()));
  }

  /** @param {string} id */
  #node(id) {
    const node = this.#known.get(id) ?? new DocumentNode(this.#update, `${this.path}/${id}`, id);
    this.#known.set(id, node);
    return node;
  }
}

/** A document; its fields and what is below it are read while it is open, the fields again when it has changed. */
export class DocumentNode {
  isOpen = false;
  /** @type {FirestoreDocument | null} With its fields, null until they are read. */
  found = null;
  /** How often it has changed since it was first listed. */
  changes = 0;
  /** @type {FirestoreDocument | null} Without its fields. */
  #listed = null;
  #update;

  /**
   * @param {() => void} update
   * @param {string} path
   * @param {string} id
   */
  constructor(update, path, id) {
    this.#update = update;
    this.id = id;
    this.collections = new Collections(update, path);
  }

  /** @param {FirestoreDocument} listed */
  take(listed) {
    if (this.#listed && this.#listed.updateTime !== listed.updateTime) this.changes++;
    this.#listed = listed;
    return this;
  }

  /** @param {boolean} isOpen */
  setOpen(isOpen) {
    this.isOpen = isOpen;
    return this.refresh();
  }

  async refresh() {
    if (!this.isOpen || !this.#listed) return;
    if (!this.found || this.found.updateTime !== this.#listed.updateTime) {
      this.found = this.#listed.createTime ? await readDocument(this.#listed.name) : this.#listed;
      this.#update();
    }
    await this.collections.refresh();
  }
}
