// Owns the failed generations of a week, of all accounts, and how their list looks. Must not know reports.

import { html } from "/vendor/lit-html/lit-html.js";
import { call } from "../../backend/api.js";
import { moment, words } from "../../format.js";
import { generationButton } from "../../generations/finder.js";
import { failure } from "../../generations/generation.js";
import { card, idCode, table } from "../../ui/elements.js";
import { emptyState } from "../../ui/feedback.js";
import { LoadedList, loadedView, moreFoot } from "../../ui/loaded.js";

const PAGE_SIZE = 50;
const FAILED = "failed";
// What can be asked for; the first is the whole week.
const DIMENSIONS = ["", "model", "style", "color", "size"];
const WEEK_MILLISECONDS = 7 * 86_400_000;
// What the catalog no longer has; a list cannot be asked for all that is not on offer.
const OTHER = "other";

/**
 * The address of the failed generations of which an anomaly speaks.
 * @param {string} week
 * @param {{dimension: string | null, value: string | null}} anomaly
 */
export function failuresAddress(week, { dimension, value }) {
  const part = dimension && value && value !== OTHER ? `/${dimension}/${encodeURIComponent(value)}` : "";
  return `#reports/${week}/${FAILED}${part}`;
}

/**
 * What such an address asks for, null where it is another one.
 * @param {string | null} argument
 */
export function failuresAsked(argument) {
  const [week, kind, dimension = "", value = ""] = (argument ?? "").split("/");
  const isValid = kind === FAILED && /^\d{4}-W\d{2}$/.test(week) && DIMENSIONS.includes(dimension);
  return isValid ? { week, dimension, value: decodeURIComponent(value) } : null;
}

/** The list, newest first. */
export class Failures {
  /**
   * @param {Page} page
   * @param {{week: string, dimension: string, value: string}} asked
   */
  constructor(page, { week, dimension, value }) {
    this.week = week;
    this.of = value ? `${words(dimension)} ${dimension === "size" ? value : words(value)}` : "";
    const start = mondayOf(week);
    const query = {
      status: "failed",
      ...(value && { [dimension]: value }),
      createdAfter: new Date(start).toISOString(),
      createdBefore: new Date(start + WEEK_MILLISECONDS).toISOString(),
      pageSize: PAGE_SIZE,
    };
    this.list = new LoadedList(page, async (pageToken) => {
      const { body } = await call("listGenerationRequests", { query: { ...query, pageToken }, signal: page.signal });
      return { items: body.generations, nextPageToken: body.nextPageToken ?? null };
    });
    this.list.load();
  }
}

/**
 * The Monday with which an ISO week such as 2026-W46 begins, in Unix milliseconds.
 * @param {string} week
 */
function mondayOf(week) {
  // The fourth of January is always in the first week.
  const fourth = new Date(`${week.slice(0, 4)}-01-04T00:00:00Z`);
  const monday = fourth.getTime() - ((fourth.getUTCDay() + 6) % 7) * 86_400_000;
  return monday + (Number(week.slice(6)) - 1) * WEEK_MILLISECONDS;
}

/**
 * @param {Failures} failures
 * @param {Finder} finder
 */
export const failuresView = ({ week, of, list }, finder) =>
  card(`Failed generations of ${week}${of ? `: ${of}` : ""}`, [
    html`<a class="link" href="#reports/${week}">Back to the report</a>`,
    loadedView(list, { kind: "stack", lines: 6 }, (value) =>
      value?.items.length
        ? [table("Failed generations, newest first", columns(finder), value.items), moreFoot(list, "tbody tr")]
        : emptyState("None", "No generation failed there, or they have been deleted since."),
    ),
  ]);

/**
 * @param {Finder} finder
 * @returns {Column<Generation>[]}
 */
const columns = (finder) => [
  { title: "Time", cell: (each) => moment(each.createdAt) },
  { title: "Account", cell: (each) => idCode(each.userId) },
  { title: "Why", cell: (each) => failure(each.failureReason) },
  { title: "Model", cell: (each) => words(each.model) },
  { title: "Style", cell: (each) => words(each.style), isExtra: true },
  { title: "Color", cell: (each) => words(each.color), isExtra: true },
  { title: "Size", cell: (each) => each.size, isExtra: true },
  { title: "Generation", cell: (each) => generationButton(each.generationRequestId, finder) },
];
