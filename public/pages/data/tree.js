// Owns what is known of the embedded Firestore: collections, their documents and what is below those, and which of them
// are open. Must not know how that looks.

import { idOf, listCollections, listDocuments } from "../../backend/firestore.js";
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

/** A collection; its documents are read while it is open. */
export class CollectionNode {
  isOpen = false;
  hasMore = false;
  /** @type {DocumentNode[] | null} Null until they are read. */
  shown = null;
  /** @type {Map<string, DocumentNode>} */
  #known = new Map();
  #pageSize = PAGE_SIZE;
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
      this.#pageSize += PAGE_SIZE;
      return this.refresh();
    });
  }

  async refresh() {
    if (!this.isOpen) return;
    const { documents, nextPageToken } = await listDocuments(this.path, this.#pageSize);
    this.hasMore = Boolean(nextPageToken);
    this.shown = documents.map((found) => this.#node(idOf(found.name)).take(found));
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

/** A document; what is below it is read while it is open. */
export class DocumentNode {
  isOpen = false;
  /** @type {FirestoreDocument | null} Replaced only when it has changed. */
  found = null;
  /** How often it has changed since it was first read. */
  changes = 0;
  #text = "";

  /**
   * @param {() => void} update
   * @param {string} path
   * @param {string} id
   */
  constructor(update, path, id) {
    this.id = id;
    this.collections = new Collections(update, path);
  }

  /** @param {FirestoreDocument} found */
  take(found) {
    const text = JSON.stringify([found.fields, found.createTime]);
    if (text === this.#text) return this;
    if (this.found) this.changes++;
    this.#text = text;
    this.found = found;
    return this;
  }

  /** @param {boolean} isOpen */
  setOpen(isOpen) {
    this.isOpen = isOpen;
    return this.refresh();
  }

  async refresh() {
    if (this.isOpen) await this.collections.refresh();
  }
}
