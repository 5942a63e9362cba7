// Owns which accounts can be offered. Must not know how.

import { environment } from "../backend/environment.js";
import { documentName, idOf, runQuery } from "../backend/firestore.js";

const MOST_RICHEST = 5;
const MOST_MATCHING = 20;
// The last character there is: each name of the prefix comes before it.
const LAST = "\u{10FFFF}";

const CREDITS = { fieldPath: "credits" };
const BY_NAME = { field: { fieldPath: "__name__" }, direction: "ASCENDING" };

// Leaves out accounts whose credits are no number, which would come first.
const HAS_CREDITS = { fieldFilter: { field: CREDITS, op: "GREATER_THAN_OR_EQUAL", value: { integerValue: "0" } } };

/** The accounts with the most credits, none where they cannot be listed. */
export const richestAccounts = () =>
  offered({ where: HAS_CREDITS, orderBy: [{ field: CREDITS, direction: "DESCENDING" }], limit: MOST_RICHEST });

/**
 * The first accounts whose names begin so, none where they cannot be listed.
 * @param {string} prefix
 */
export const matchingAccounts = async (prefix) => offered({ ...(await beginning(prefix)), limit: MOST_MATCHING });

/**
 * A part of all accounts whose names begin so, by name; the token of the next part is the last name.
 * @param {string} prefix
 * @param {number} limit
 * @param {string | null} after
 * @returns {Promise<Part<KnownAccount>>}
 */
export async function listAccounts(prefix, limit, after) {
  const startAt = after && { values: [{ referenceValue: await documentName("users", after) }], before: false };
  const items = await accounts({
    ...(await beginning(prefix)),
    orderBy: [BY_NAME],
    limit,
    ...(startAt && { startAt }),
  });
  return { items, nextPageToken: items.length === limit ? items[limit - 1].userId : null };
}

/** @param {string} prefix */
async function beginning(prefix) {
  if (!prefix) return {};
  const [from, to] = await Promise.all([prefix, prefix + LAST].map((id) => documentName("users", id)));
  const bound = (/** @type {string} */ op, /** @type {string} */ referenceValue) => ({
    fieldFilter: { field: { fieldPath: "__name__" }, op, value: { referenceValue } },
  });
  const filters = [bound("GREATER_THAN_OR_EQUAL", from), bound("LESS_THAN", to)];
  return { where: { compositeFilter: { op: "AND", filters } } };
}

/** @param {object} query */
async function offered(query) {
  const { emulators } = await environment();
  return emulators.firestore ? accounts(query).catch(() => []) : [];
}

/**
 * Accounts of the embedded Firestore.
 * @param {object} query
 * @returns {Promise<KnownAccount[]>}
 */
async function accounts(query) {
  const select = { fields: [CREDITS] };
  const documents = await runQuery({ ...query, from: [{ collectionId: "users" }], select });
  return documents.map(({ name, fields }) => ({
    userId: idOf(name),
    credits: Number(fields?.credits?.integerValue ?? 0),
  }));
}
