// Owns verifying the books, and how the verdict looks. Must not know who asks for it.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { call } from "../../backend/api.js";
import { credits, number, words } from "../../format.js";
import { factList, idCode, table } from "../../ui/elements.js";
import { announce } from "../../ui/feedback.js";

const PAGE_SIZE = 100;

/**
 * Verify the books of all accounts, page by page; resolves to the verdict.
 * @param {AbortSignal} signal
 * @param {(text: string) => void} say
 */
export async function verifyBooks(signal, say) {
  /** @type {Figures | null} */
  let sums = null;
  /** @type {Breach[]} */
  const breaches = [];
  /** @type {Unverified[]} */
  const unverified = [];
  let pageToken = null;
  do {
    /** @type {Answers["verifyBooks"]} */
    const body = (await call("verifyBooks", { query: { pageToken, pageSize: PAGE_SIZE }, signal })).body;
    sums = sums ? added(sums, body.figures) : body.figures;
    breaches.push(...body.breaches);
    unverified.push(...body.unverified);
    pageToken = body.nextPageToken;
    say(`${number(sums.accounts)} accounts so far …`);
  } while (pageToken);
  return verdictView(sums, { breaches, unverified });
}

/**
 * @param {Figures} sums
 * @param {Figures} figures
 */
const added = (sums, figures) =>
  /** @type {Figures} */ (
    Object.fromEntries(
      Object.entries(figures).map(([name, value]) => [name, sums[/** @type {keyof Figures} */ (name)] + value]),
    )
  );

/**
 * @param {Figures} sums
 * @param {Faults} faults
 */
function verdictView(sums, faults) {
  const { breaches, unverified } = faults;
  const isBalanced = breaches.length + unverified.length === 0;
  const found = `${number(breaches.length)} breaches, ${number(unverified.length)} accounts not verified`;
  const verdict = isBalanced ? "The books balance." : `The books do not balance: ${found}.`;
  announce(verdict);
  const facts = factList({
    Accounts: number(sums.accounts),
    "Ledger entries": number(sums.entries),
    Generations: number(sums.generations),
    Overdue: number(sums.overdue),
    "Opened with": credits(sums.openedCredits),
    Granted: credits(sums.grantedCredits),
    Deducted: credits(sums.deductedCredits),
    Refunded: credits(sums.refundedCredits),
    "Held now": credits(sums.heldCredits),
  });
  return html`
    <p class=${isBalanced ? "done" : "failed"}>${verdict}</p>
    <dl class="facts">${facts}</dl>
    ${faultTables(faults)}
  `;
}

/**
 * What is wrong, and what could not be verified; nothing where there is neither.
 * @param {Faults} faults
 */
export const faultTables = ({ breaches, unverified }) => [
  breaches.length > 0 ? breachTable(breaches) : nothing,
  unverified.length > 0 ? unverifiedTable(unverified) : nothing,
];

/** @param {Breach[]} breaches */
const breachTable = (breaches) =>
  table(
    "Breaches",
    [
      { title: "Account", cell: (breach) => idCode(breach.userId) },
      { title: "Kind", cell: (breach) => words(breach.kind) },
      { title: "Where", cell: (breach) => breach.where && idCode(breach.where) },
      { title: "What", cell: (breach) => breach.message },
    ],
    breaches,
  );

/** @param {Unverified[]} unverified */
const unverifiedTable = (unverified) =>
  table(
    "Not verified",
    [
      { title: "Account", cell: (each) => idCode(each.userId) },
      { title: "Why", cell: (each) => each.message },
    ],
    unverified,
  );
