// Owns the last calls, as long as the host remembers them, and how they look. Must not know the other cards.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { isAbort } from "../../backend/errors.js";
import { repeat } from "../../backend/timing.js";
import { recentCalls } from "../../backend/triggers.js";
import { duration, number } from "../../format.js";
import { badge, card, table } from "../../ui/elements.js";
import { emptyState, errorPanel, requestLink } from "../../ui/feedback.js";

const LIVE_MILLISECONDS = 2000;
const OVERLAPPED = "Shared: the call ran beside others, and Firestore does not say which of them read and wrote what.";
const TIME = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

export class Calls {
  /** @type {ServedCall[] | null | undefined} Null where the host does not keep them, undefined until that is known. */
  list = undefined;
  isReachable = true;
  /** Whether what the console itself reads is listed as well. */
  hasPageReads = false;

  /** @param {Page} page */
  constructor({ signal, update }) {
    this.update = update;
    repeat(LIVE_MILLISECONDS, signal, async () => {
      try {
        this.list = await recentCalls(signal);
        this.isReachable = true;
      } catch (error) {
        if (isAbort(error)) return;
        this.isReachable = false;
      }
      update();
    });
  }

  /** @param {boolean} isWanted */
  listPageReads(isWanted) {
    this.hasPageReads = isWanted;
    this.update();
  }
}

/** @param {Calls} calls */
export function callsCard(calls) {
  const { list, isReachable, hasPageReads } = calls;
  if (list === null) return nothing;
  const shown = list?.filter((each) => hasPageReads || !each.isPageRead);
  const content = isReachable ? [callList(shown), pageReadsChoice(calls)] : unreachable();
  return card("Recent calls", html`<div class="stack">${content}</div>`);
}

/** @param {Calls} calls */
const pageReadsChoice = (calls) => html`
  <label class="check">
    <input
      type="checkbox"
      .checked=${calls.hasPageReads}
      @change=${(/** @type {{target: HTMLInputElement}} */ { target }) => calls.listPageReads(target.checked)}
    />
    Also what this console reads for itself
  </label>
`;

const unreachable = () => errorPanel(new Error("The host could not be reached."));

/** @param {ServedCall[] | undefined} list */
function callList(list) {
  if (!list) return nothing;
  if (list.length === 0) return emptyState("No calls yet", "Each call of a function is listed here.");
  return html`
    <div class="window">${table("Recent calls, newest first", columnsFor(list), list)}</div>
    ${list.some((each) => each.overlapped) ? html`<p class="hint">${OVERLAPPED}</p>` : nothing}
  `;
}

/** @param {number} status */
export const statusBadge = (status) => badge(String(status), status < 400 ? "good" : status < 500 ? "warn" : "bad");

/**
 * Reads and writes have columns where at least one call tells them.
 * @param {ServedCall[]} list
 * @returns {Column<ServedCall>[]}
 */
const columnsFor = (list) => [
  { title: "Time", cell: (each) => TIME.format(new Date(each.at)) },
  { title: "Status", cell: (each) => statusBadge(each.status) },
  { title: "Function", cell: (each) => html`<span class="id" title=${each.function}>${each.function}</span>` },
  { title: "Method", cell: (each) => each.method, isExtra: true },
  { title: "Took", cell: (each) => duration(each.durationMs), number: true },
  ...(list.some((each) => each.firestore ?? each.overlapped) ? COST : []),
  { title: "Request", cell: (each) => each.requestId && requestLink(each.requestId), isExtra: true },
];

/**
 * What a call read or wrote, or why that is not known.
 * @param {ServedCall} call
 * @param {"reads" | "writes"} kind
 */
export const cost = ({ firestore, overlapped }, kind) => (overlapped ? "shared" : number(firestore?.[kind]));

/** @type {Column<ServedCall>[]} */
const COST = [
  { title: "Reads", cell: (each) => cost(each, "reads"), number: true },
  { title: "Writes", cell: (each) => cost(each, "writes"), number: true },
];
