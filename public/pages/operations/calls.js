// Owns the last calls, as long as the host remembers them, and how they look. Must not know the other cards.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { isAbort } from "../../backend/errors.js";
import { repeat } from "../../backend/timing.js";
import { recentCalls } from "../../backend/triggers.js";
import { duration, number } from "../../format.js";
import { badge, card, idCode, table } from "../../ui/elements.js";
import { emptyState, errorPanel } from "../../ui/feedback.js";

const LIVE_MILLISECONDS = 2000;
const TIME = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

export class Calls {
  /** @type {ServedCall[] | null | undefined} Null where the host does not keep them, undefined until that is known. */
  list = undefined;
  isReachable = true;

  /** @param {Page} page */
  constructor({ signal, update }) {
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
}

/** @param {Calls} calls */
export const callsCard = ({ list, isReachable }) =>
  list === null ? nothing : card("Recent calls", html`<div>${isReachable ? callList(list) : unreachable()}</div>`);

const unreachable = () => errorPanel(new Error("The host could not be reached."));

/** @param {ServedCall[] | undefined} list */
function callList(list) {
  if (!list) return nothing;
  if (list.length === 0) return emptyState("No calls yet", "Each call of a function is listed here.");
  return html`<div class="window">${table("Recent calls, newest first", columnsFor(list), list)}</div>`;
}

/** @param {number} status */
const kindOf = (status) => (status < 400 ? "good" : status < 500 ? "warn" : "bad");

/**
 * Reads and writes have columns where at least one call tells them.
 * @param {ServedCall[]} list
 * @returns {Column<ServedCall>[]}
 */
const columnsFor = (list) => [
  { title: "Time", cell: (each) => TIME.format(new Date(each.at)) },
  { title: "Status", cell: (each) => badge(String(each.status), kindOf(each.status)) },
  { title: "Function", cell: (each) => html`<span class="id" title=${each.function}>${each.function}</span>` },
  { title: "Method", cell: (each) => each.method, isExtra: true },
  { title: "Took", cell: (each) => duration(each.durationMs), number: true },
  ...(list.some((each) => each.firestore) ? COST : []),
  { title: "Request", cell: (each) => each.requestId && idCode(each.requestId), isExtra: true },
];

/** @type {Column<ServedCall>[]} */
const COST = [
  { title: "Reads", cell: (each) => number(each.firestore?.reads), number: true },
  { title: "Writes", cell: (each) => number(each.firestore?.writes), number: true },
];
