// Owns reading the embedded Firestore over its REST API, and the one setting that is written there.
// Must not be used where there is none: deployed, the page has the functions alone.

import { environment } from "./environment.js";
import { tellChange } from "./live.js";

const OWNER = { Authorization: "Bearer owner" };
const PAGE_SIZE = 50;
// As many as Firestore lists at once.
const MOST_NAMES = 300;

/** @param {string} name */
export const idOf = (name) => name.slice(name.lastIndexOf("/") + 1);

/**
 * The ids of the collections below a document, or of all at the top.
 * @returns {Promise<string[]>}
 */
export async function listCollections(path = "") {
  const answer = await request(`${encoded(path)}:listCollectionIds`, "POST", {});
  return answer.collectionIds ?? [];
}

/**
 * A page of the documents of a collection; a document without `createTime` does not exist but has children.
 * @param {string} path
 * @returns {Promise<{documents: FirestoreDocument[], nextPageToken?: string}>}
 */
export async function listDocuments(path, pageSize = PAGE_SIZE) {
  const answer = await request(`${encoded(path)}?pageSize=${pageSize}&showMissing=true`);
  return { documents: answer.documents ?? [], nextPageToken: answer.nextPageToken };
}

/**
 * The names and times of the first documents of a collection, without their fields, read page by page.
 * @param {string} path
 * @param {number} most
 */
export async function listNames(path, most) {
  /** @type {FirestoreDocument[]} */
  const documents = [];
  let pageToken = "";
  do {
    const pageSize = String(Math.min(most - documents.length, MOST_NAMES));
    const query = new URLSearchParams({ pageSize, pageToken, showMissing: "true", "mask.fieldPaths": "__name__" });
    const answer = await request(`${encoded(path)}?${query}`);
    documents.push(...(answer.documents ?? []));
    pageToken = answer.nextPageToken ?? "";
  } while (pageToken && documents.length < most);
  return { documents, hasMore: pageToken !== "" };
}

/**
 * A document by its whole name, null where there is none any more.
 * @param {string} name
 * @returns {Promise<FirestoreDocument | null>}
 */
export async function readDocument(name) {
  const [answer] = await request(":batchGet", "POST", { documents: [name] });
  return answer.found ?? null;
}

/**
 * The documents that fit a structured query.
 * @param {object} structuredQuery
 * @returns {Promise<FirestoreDocument[]>}
 */
export async function runQuery(structuredQuery) {
  /** @type {{document?: FirestoreDocument}[]} */
  const answers = await request(":runQuery", "POST", { structuredQuery });
  return answers.flatMap(({ document }) => document ?? []);
}

/**
 * The whole name of a document.
 * @param {string} collection
 * @param {string} id
 */
export async function documentName(collection, id) {
  const { projectId } = await environment();
  return `projects/${projectId}/databases/(default)/documents/${collection}/${id}`;
}

/**
 * Set a number of a document, or remove it with null.
 * @param {string} path
 * @param {string} fieldName
 * @param {number | null} value
 */
export async function setNumber(path, fieldName, value) {
  const fields = value === null ? {} : { [fieldName]: { doubleValue: value } };
  await request(`${encoded(path)}?updateMask.fieldPaths=${fieldName}`, "PATCH", { fields });
  tellChange();
}

/** @param {string} path */
const encoded = (path) =>
  path
    .split("/")
    .filter(Boolean)
    .map((part) => `/${encodeURIComponent(part)}`)
    .join("");

/**
 * @param {string} path
 * @param {string} method
 * @param {object} [body]
 */
async function request(path, method = "GET", body) {
  const { projectId, emulators } = await environment();
  const url = `http://${emulators.firestore}/v1/projects/${projectId}/databases/(default)/documents${path}`;
  let response;
  try {
    response = await fetch(url, { method, headers: OWNER, body: body && JSON.stringify(body) });
  } catch {
    throw new Error("The embedded Firestore could not be reached.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error?.message ?? `Firestore answered ${response.status}.`);
  return answer;
}
