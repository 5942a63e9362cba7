// Owns which accounts can be offered. Must not know how.

import { environment } from "../backend/environment.js";
import { documentName, idOf, runQuery } from "../backend/firestore.js";

const MOST_RICHEST = 5;
const MOST_MATCHING = 20;
// The last character there is: each name of the prefix comes before it.
const LAST = "\u{10FFFF}";

/** The accounts with the most credits. */
export const richestAccounts = () =>
  accounts({ orderBy: [{ field: { fieldPath: "credits" }, direction: "DESCENDING" }], limit: MOST_RICHEST });

/**
 * The first accounts whose names begin so.
 * @param {string} prefix
 */
export async function matchingAccounts(prefix) {
  if (!prefix) return accounts({ limit: MOST_MATCHING });
  const [from, to] = await Promise.all([prefix, prefix + LAST].map((id) => documentName("users", id)));
  const bound = (/** @type {string} */ op, /** @type {string} */ referenceValue) => ({
    fieldFilter: { field: { fieldPath: "__name__" }, op, value: { referenceValue } },
  });
  const filters = [bound("GREATER_THAN_OR_EQUAL", from), bound("LESS_THAN", to)];
  return accounts({ where: { compositeFilter: { op: "AND", filters } }, limit: MOST_MATCHING });
}

/**
 * Accounts of the embedded Firestore, none where there is no such thing.
 * @param {object} query
 * @returns {Promise<KnownAccount[]>}
 */
async function accounts(query) {
  const { emulators } = await environment();
  if (!emulators.firestore) return [];
  const from = [{ collectionId: "users" }];
  const select = { fields: [{ fieldPath: "credits" }] };
  const documents = await runQuery({ ...query, from, select }).catch(() => []);
  return documents.map(({ name, fields }) => ({
    userId: idOf(name),
    credits: Number(fields?.credits?.integerValue ?? 0),
  }));
}
