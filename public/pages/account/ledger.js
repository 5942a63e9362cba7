// Owns how a statement looks: the balance as a plot, and the ledger as a table with its filters and totals.
// Must not know where it comes from.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { guard } from "/vendor/lit-html/directives/guard.js";
import { credits, moment, number, signed, words } from "../../format.js";
import { generationButton } from "../../generations/finder.js";
import { refundReason } from "../../generations/generation.js";
import { badge, card, table, written } from "../../ui/elements.js";
import { emptyState } from "../../ui/feedback.js";
import { field, selectField } from "../../ui/form.js";
import { loadedView, moreFoot } from "../../ui/loaded.js";
import { Action, actionButton } from "../../ui/once.js";
import { steps } from "../../ui/steps.js";
import { changeOf } from "./statement.js";

const KINDS = { deduction: "neutral", refund: "info", grant: "good", revocation: "warn" };
/** @type {Entry["type"][]} */
const TYPES = ["deduction", "refund", "grant", "revocation"];

/**
 * @param {Ledger} ledger
 * @param {Action} csv
 * @param {Finder} finder
 */
export function statementView(ledger, csv, finder) {
  const { list } = ledger;
  // A filter that is refused can be changed.
  const isRefused = ledger.isFiltered && list.error !== undefined;
  return [isRefused ? filterForm(ledger, csv) : nothing, sections(ledger, csv, finder)];
}

/**
 * @param {Ledger} ledger
 * @param {Action} csv
 * @param {Finder} finder
 */
const sections = (ledger, csv, finder) =>
  loadedView(ledger.list, { kind: "sections", lines: 8 }, (statement) => {
    if (!statement) {
      return emptyState("No account chosen", html`Choose one above, or <a href="#accounts">create one</a>.`);
    }
    const { userId, currentCredits, items } = statement;
    if (currentCredits === null) {
      return emptyState(
        "No such account",
        html`There is no account ${written(userId)} yet: choose another, or <a href="#accounts">create it</a>.`,
      );
    }
    // A plot is drawn anew only when there is another statement.
    const balance = guard([statement], () => balancePlot(ledger, statement));
    return html`
      <div class="sections">
        <section class="card">${balance}</section>
        ${card("Ledger", [
          filterForm(ledger, csv),
          totalsView(ledger, statement.totals),
          html`<div class="ledger">${ledgerTable(ledger, items, finder)}</div>`,
          moreFoot(ledger.list, "tbody tr"),
        ])}
      </div>
    `;
  });

/**
 * Saves the entries that fit as a file; what writes it is loaded when it is first needed.
 * @param {Page} page
 * @param {Ledger} ledger
 */
export const csvAction = (page, ledger) =>
  new Action(page.update, async (say) => {
    const { userId, totals } = ledger.list.value ?? {};
    if (!userId) return nothing;
    const { query } = ledger;
    const all = number(sum(Object.values(totals ?? {}), (total) => total.entries));
    const { saveLedger } = await import("./csv.js");
    const count = await saveLedger(userId, query, page.signal, (read) => say(`${number(read)} of ${all} entries …`));
    return html`<p class="done">${number(count)} ${count === 1 ? "entry" : "entries"} saved.</p>`;
  });

/**
 * @template Item
 * @param {Item[]} items
 * @param {(item: Item) => number} value
 */
const sum = (items, value) => items.reduce((total, item) => total + value(item), 0);

/**
 * @param {Ledger} ledger
 * @param {Action} csv
 */
function filterForm(ledger, csv) {
  const day = (/** @type {string} */ name, /** @type {string} */ label) =>
    field(ledger.filters, name, label, (bound) => html`<input ${bound} type="date" />`);
  /** @type {[string, string][]} */
  const types = [["", "Any"], ...TYPES.map((type) => /** @type {[string, string]} */ ([type, words(type)]))];
  return html`
    <form
      class="filters"
      @change=${() => ledger.list.load({ isQuiet: true })}
      @submit=${(/** @type {Event} */ event) => event.preventDefault()}
    >
      ${selectField(ledger.filters, "type", "Type", types)} ${day("from", "From")} ${day("to", "To")}
      <div class="field">${actionButton("Save as CSV", csv)}</div>
    </form>
    <div class="outcome" role="status">${csv.outcome}</div>
  `;
}

/**
 * @param {Ledger} ledger
 * @param {Totals} totals
 */
function totalsView(ledger, totals) {
  const shown = TYPES.flatMap((type) => {
    const total = totals[type];
    return total ? [{ type, entries: total.entries, change: changeOf({ type, credits: total.credits }) }] : [];
  });
  if (shown.length === 0) return nothing;
  const line = (/** @type {(typeof shown)[number]} */ { type, entries, change }) =>
    html`<li>${number(entries)} ${type}${entries === 1 ? "" : "s"}: <strong>${signed(change)}</strong></li>`;
  return html`
    <ul class="totals" aria-label=${ledger.isFiltered ? "Totals of what fits" : "Totals of the ledger"}>
      ${shown.map(line)}
      <li>Together: <strong>${signed(sum(shown, (each) => each.change))}</strong></li>
    </ul>
  `;
}

/**
 * @param {Ledger} ledger
 * @param {Statement} statement
 */
function balancePlot(ledger, { items, currentCredits, nextPageToken }) {
  const { type, to } = ledger.filters.values;
  const dated = items.filter((entry) => entry.timestamp).reverse();
  if (dated.length === 0) {
    const why = ledger.isFiltered
      ? "No entry fits."
      : "No entry in the ledger yet: the balance is that of the opening.";
    return emptyState(credits(currentCredits ?? 0), why);
  }
  if (type)
    return emptyState(credits(currentCredits ?? 0), "The balance is drawn where entries of any type are shown.");
  const first = dated[0].balanceAfter - changeOf(dated[0]);
  const last = to ? dated[dated.length - 1].balanceAfter : (currentCredits ?? 0);
  const points = dated.map((entry) => ({ at: Date.parse(entry.timestamp ?? ""), value: entry.balanceAfter }));
  const ends = points.map((point) => point.at).slice(-1);
  const period = `${nextPageToken ? "the last " : ""}${items.length} ${items.length === 1 ? "entry" : "entries"}`;
  return steps({
    title: "Balance over time",
    summary: `${credits(last)} ${to ? "at the end" : "now"}, from ${number(first)}, over ${period}.`,
    data: balanceTable(items),
    // The clocks of this machine and of the server may differ.
    points: [
      { at: points[0].at, value: first },
      ...points,
      { at: Math.max(to ? 0 : Date.now(), ...ends), value: last },
    ],
  });
}

/** @param {Entry[]} entries */
const balanceTable = (entries) =>
  table(
    "Balance after each entry",
    [
      { title: "Time", cell: (entry) => moment(entry.timestamp) },
      { title: "Balance", cell: (entry) => number(entry.balanceAfter), number: true },
    ],
    entries,
  );

/**
 * @param {Ledger} ledger
 * @param {Entry[]} entries
 * @param {Finder} finder
 */
function ledgerTable({ isFiltered, list }, entries, finder) {
  const revoked = new Set(entries.filter(({ type }) => type === "revocation").map(({ id }) => grantOf(id)));
  const undo = (/** @type {Entry} */ entry) =>
    entry.type === "grant" && !revoked.has(entry.id) ? undoButton(list.value?.userId ?? "", entry) : nothing;
  if (entries.length === 0) {
    return isFiltered
      ? emptyState("Nothing fits", "No entry fits all of these filters.")
      : emptyState("No entries", "Charges, refunds and grants are listed here.");
  }
  return table(
    "Ledger, newest first",
    [
      { title: "Time", cell: (entry) => moment(entry.timestamp) },
      { title: "Credits", cell: (entry) => signed(changeOf(entry)), number: true },
      { title: "Balance", cell: (entry) => number(entry.balanceAfter), number: true },
      // What an entry is for says as much on a phone.
      { title: "Type", cell: (entry) => badge(words(entry.type), KINDS[entry.type]), isExtra: true },
      { title: "For", cell: (entry) => [purpose(entry, finder), undo(entry)] },
    ],
    entries,
  );
}

/**
 * @param {Entry} entry
 * @param {Finder} finder
 */
const purpose = ({ type, reason, generationRequestId: id }, finder) => html`
  <div class="purpose">
    ${type === "revocation" ? "Taken back: " : nothing}
    ${type === "refund" ? refundReason(reason) : reason && written(reason)} ${id ? generationButton(id, finder) : ""}
  </div>
`;

/** @param {string} revocationId */
const grantOf = (revocationId) => revocationId.replace(/_revocation$/, "_grant");

/**
 * Asks before it takes back a grant; what asks is loaded when it is first needed.
 * @param {string} userId
 * @param {Entry} grant
 */
const undoButton = (userId, grant) => html`
  <button
    type="button"
    class="link"
    aria-label="Undo the grant of ${credits(grant.credits)}"
    @click=${async () => (await import("./undo.js")).askToUndo(userId, grant)}
  >
    Undo
  </button>
`;
