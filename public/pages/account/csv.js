// Owns the ledger as a file for spreadsheets: all pages of it, as comma-separated values (RFC 4180).
// Must not know who asks for it.

import { readEntries } from "./statement.js";

const PAGE_SIZE = 200;
/** @type {(keyof Entry)[]} */
const COLUMNS = ["timestamp", "type", "credits", "balanceAfter", "reason", "generationRequestId", "id"];
// A spreadsheet takes a text that begins so for a formula, which could send away what stands beside it.
const FORMULA = /^[=+\-@\t\r]/;
const QUOTED = /[",\r\n]/;

/**
 * Read the entries that fit and save them; resolves to how many there were.
 * @param {string} userId
 * @param {EntryQuery} query
 * @param {AbortSignal} signal
 * @param {(count: number) => void} onProgress
 */
export async function saveLedger(userId, query, signal, onProgress) {
  const rows = [line(COLUMNS)];
  let pageToken = null;
  do {
    const options = { ...query, userId, pageSize: PAGE_SIZE, pageToken };
    const { transactions, nextPageToken } = await readEntries(options, signal);
    rows.push(...transactions.map((entry) => line(COLUMNS.map((column) => entry[column]))));
    onProgress(rows.length - 1);
    pageToken = nextPageToken;
  } while (pageToken);
  save(`ledger-${userId}.csv`, rows.join(""));
  return rows.length - 1;
}

/** @param {(string | number | null)[]} values */
export const line = (values) => `${values.map(cell).join(",")}\r\n`;

/** @param {string | number | null} value */
function cell(value) {
  if (typeof value !== "string") return String(value ?? "");
  const text = FORMULA.test(value) ? `'${value}` : value;
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * @param {string} name
 * @param {string} text
 */
function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  // Some browsers read it after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
