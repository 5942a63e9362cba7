// Owns what an account has and where it went: its ledger with the balance after each entry. Must not know how it looks.

import { currentAccount } from "../../accounts/chosen.js";
import { call } from "../../backend/api.js";
import { ApiError } from "../../backend/errors.js";

const PAGE_SIZE = 20;

/**
 * Read a page of the ledger of the account that is looked at; null where there is none.
 * @param {string | null} pageToken
 * @param {AbortSignal} signal
 * @returns {Promise<Statement | null>}
 */
export async function readStatement(pageToken, signal) {
  const userId = currentAccount();
  if (!userId) return null;
  try {
    const { body } = await call("getUserCredits", { query: { userId, pageSize: PAGE_SIZE, pageToken }, signal });
    const { currentCredits, transactions, nextPageToken } = body;
    return { userId, currentCredits, items: transactions, nextPageToken };
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
    return { userId, currentCredits: null, items: [], nextPageToken: null };
  }
}

/**
 * Entries come newest first, so that the balance after each follows from the one that the account has now.
 * @param {Entry[]} entries
 * @param {number} currentCredits
 * @returns {BalancedEntry[]}
 */
export function withBalances(entries, currentCredits) {
  let balance = currentCredits;
  return entries.map((entry) => {
    const change = entry.type === "deduction" ? -entry.credits : entry.credits;
    const after = balance;
    balance -= change;
    return { ...entry, change, before: balance, after };
  });
}
