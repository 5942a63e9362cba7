// Owns which accounts can be offered. Must not know how.

import { environment } from "../backend/environment.js";
import { idOf, listDocuments } from "../backend/firestore.js";

/**
 * The first accounts of the embedded Firestore, none where there is no such thing.
 * @returns {Promise<KnownAccount[]>}
 */
export async function knownAccounts() {
  const { emulators } = await environment();
  if (!emulators.firestore) return [];
  const { documents } = await listDocuments("users").catch(() => ({ documents: [] }));
  return documents.map(({ name, fields }) => ({
    userId: idOf(name),
    credits: Number(fields?.credits?.integerValue ?? 0),
  }));
}
