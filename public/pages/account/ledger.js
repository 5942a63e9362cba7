// Owns how a statement looks: the balance as a plot, and the ledger as a table. Must not know where it comes from.

import { html } from "/vendor/lit-html/lit-html.js";
import { guard } from "/vendor/lit-html/directives/guard.js";
import { credits, moment, number, signed, words } from "../../format.js";
import { generationButton } from "../../generations/finder.js";
import { refundReason } from "../../generations/generation.js";
import { badge, card, table, written } from "../../ui/elements.js";
import { emptyState } from "../../ui/feedback.js";
import { loadedView, moreFoot } from "../../ui/loaded.js";
import { plot } from "../../ui/plot.js";
import { withBalances } from "./statement.js";

const KINDS = { deduction: "neutral", refund: "info", grant: "good" };

/**
 * @param {StatementList} list
 * @param {Finder} finder
 */
export const statementView = (list, finder) =>
  loadedView(list, { kind: "sections", lines: 8 }, (statement) => {
    if (!statement) return emptyState("No account chosen", "Choose one above, or create one.");
    const { userId, currentCredits, items } = statement;
    if (currentCredits === null) {
      return emptyState(
        "No such account",
        html`There is no account ${written(userId)} yet: choose another, or create it.`,
      );
    }
    const history = withBalances(items, currentCredits);
    // A plot is drawn anew only when there is another statement.
    const balance = guard([statement], () => balancePlot(history, currentCredits, Boolean(statement.nextPageToken)));
    return html`
      <div class="sections">
        <section class="card">${balance}</section>
        ${card("Ledger", [html`<div class="ledger">${ledgerTable(history, finder)}</div>`, moreFoot(list, "tbody tr")])}
      </div>
    `;
  });

/**
 * @param {BalancedEntry[]} history
 * @param {number} currentCredits
 * @param {boolean} hasMore
 */
function balancePlot(history, currentCredits, hasMore) {
  const dated = history.filter((entry) => entry.timestamp).reverse();
  if (dated.length === 0) {
    return emptyState(credits(currentCredits), "No entry in the ledger yet: the balance is that of the opening.");
  }
  const seconds = dated.map((entry) => Date.parse(entry.timestamp ?? "") / 1000);
  const period = `${hasMore ? "the last " : ""}${history.length} ${history.length === 1 ? "entry" : "entries"}`;
  return plot({
    title: "Balance over time",
    summary: `${credits(currentCredits)} now, from ${number(dated[0].before)}, over ${period}.`,
    data: balanceTable(history),
    shown: {
      // The clocks of this machine and of the server may differ.
      times: [seconds[0] - 1, ...seconds, Math.max(Date.now() / 1000, ...seconds.slice(-1))],
      isCount: true,
      lines: [
        {
          label: "Credits",
          values: [dated[0].before, ...dated.map((entry) => entry.after), currentCredits],
          color: "--accent",
          kind: "step",
          show: number,
        },
      ],
    },
  });
}

/** @param {BalancedEntry[]} history */
const balanceTable = (history) =>
  table(
    "Balance after each entry",
    [
      { title: "Time", cell: (entry) => moment(entry.timestamp) },
      { title: "Balance", cell: (entry) => number(entry.after), number: true },
    ],
    history,
  );

/**
 * @param {BalancedEntry[]} history
 * @param {Finder} finder
 */
function ledgerTable(history, finder) {
  if (history.length === 0) return emptyState("No entries", "Charges, refunds and grants are listed here.");
  return table(
    "Ledger, newest first",
    [
      { title: "Time", cell: (entry) => moment(entry.timestamp) },
      { title: "Credits", cell: (entry) => signed(entry.change), number: true },
      { title: "Balance", cell: (entry) => number(entry.after), number: true },
      // What an entry is for says as much on a phone.
      { title: "Type", cell: (entry) => badge(words(entry.type), KINDS[entry.type]), isExtra: true },
      { title: "For", cell: (entry) => purpose(entry, finder) },
    ],
    history,
  );
}

/**
 * @param {Entry} entry
 * @param {Finder} finder
 */
const purpose = ({ type, reason, generationRequestId: id }, finder) => html`
  <div class="purpose">
    ${type === "refund" ? refundReason(reason) : reason && written(reason)} ${id ? generationButton(id, finder) : ""}
  </div>
`;
