// Owns how one week looks in numbers, with what is unusual on top. Must not know where reports come from.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { guard } from "/vendor/lit-html/directives/guard.js";
import { day, duration, moment, number, percent, signed, words } from "../../format.js";
import { generationButton } from "../../generations/finder.js";
import { card, idCode, table } from "../../ui/elements.js";
import { emptyState } from "../../ui/feedback.js";
import { selectField } from "../../ui/form.js";
import { loadedView } from "../../ui/loaded.js";
import { anomaliesView } from "./anomalies.js";
import { CURRENT } from "./reports.js";
import { trends } from "./trends.js";

/** @type {Dimension[]} */
const DIMENSIONS = ["Model", "Style", "Color", "Size"];

/**
 * @param {Reports} reports
 * @param {Finder} finder
 */
export const reportsView = (reports, finder) =>
  loadedView(reports.list, { kind: "sections", lines: 10 }, (newestFirst) => {
    const report = newestFirst.find((each) => each.week === reports.form.values.week);
    const isCurrent = reports.form.values.week === CURRENT;
    const absent = reports.absentWeek;
    return html`
      ${weekPicker(reports, newestFirst)}
      ${absent ? html`<p class="notice">There is no report of ${absent} here; this is the latest.</p>` : nothing}
      ${isCurrent ? soFarView(reports, finder) : report ? wholeWeek(report, newestFirst, finder) : NO_REPORT}
    `;
  });

const NO_REPORT = emptyState("No report yet", "The first is written on Monday at 00:00 UTC, or when it is run.");

/**
 * @param {WeeklyReport} report
 * @param {WeeklyReport[]} newestFirst
 * @param {Finder} finder
 */
const wholeWeek = (report, newestFirst, finder) => html`
  <div class="sections">
    <p class="hint">As of ${moment(report.generatedAt)}.</p>
    ${anomaliesView(report)} ${totals(report)}
    ${guard([newestFirst, report], () => trends(newestFirst.toReversed(), report))} ${details(report, finder)}
  </div>
`;

/**
 * The running week, whose figures still change.
 * @param {Reports} reports
 * @param {Finder} finder
 */
const soFarView = ({ soFar }, finder) =>
  loadedView(
    soFar,
    { kind: "sections", lines: 10 },
    (report) => html`
      <section class="notice">
        <h2>Not final</h2>
        <p>
          ${report.week} as of ${moment(report.generatedAt)}; it ends on ${day(report.weekEnd)} at 00:00 UTC. It is not
          stored, and not compared with the weeks before.
        </p>
        <button type="button" class="small" @click=${() => soFar.load({ isQuiet: true })}>Count again</button>
      </section>
      ${totals(report)} ${details(report, finder)}
    `,
  );

/**
 * @param {WeeklyReport} report
 * @param {Finder} finder
 */
const details = (report, finder) => html`
  ${breakdowns(report)}
  <div class="columns even">
    ${card("Top accounts", topAccounts(report))} ${card("Slowest pictures", slowest(report, finder))}
  </div>
`;

/**
 * @param {Reports} reports
 * @param {WeeklyReport[]} newestFirst
 */
function weekPicker(reports, newestFirst) {
  /** @type {[string, string][]} */
  const weeks = newestFirst.map(({ week, weekStart }) => [week, `${week}, from ${day(weekStart)}`]);
  weeks.unshift([CURRENT, "This week so far"]);
  if (newestFirst.length === 0) weeks.unshift(["", "None"]);
  const picker = selectField(reports.form, "week", "Week", weeks);
  return html`<div class="filters" @change=${() => reports.pick()}>${picker}</div>`;
}

/** @param {WeeklyReport} report */
const breakdowns = (report) => html`
  <div class="columns even">
    ${DIMENSIONS.map((dimension) =>
      card(`By ${dimension.toLowerCase()}`, breakdown(dimension, report[`by${dimension}`])),
    )}
  </div>
`;

/** @param {WeeklyReport} report */
function totals(report) {
  const changed = report.changeFromPreviousWeek;
  const points = (/** @type {number} */ value) => value.toFixed(1);
  const success = changed?.successRate == null ? null : `${signed(changed.successRate * 100, points)} points`;
  const accounts = changed?.activeAccounts;
  // The last of each says whether the difference is good or bad, where it is either.
  /** @type {[string, string, string | null, (number | null)?][]} */
  const figures = [
    ["Requests", number(report.requests), changed && signed(changed.requests)],
    ["Completed", number(report.completed), changed && signed(changed.completed), changed?.completed],
    ["Failed", number(report.failed), changed && signed(changed.failed), changed && -changed.failed],
    ["Cancelled", number(report.cancelled), null],
    ["Pending", number(report.pending), null],
    ["Success rate", percent(report.successRate), success, changed?.successRate],
    ["Mean duration", duration(report.meanDurationMs), null],
    ["Credits net", number(report.creditsNet), changed && signed(changed.creditsNet), changed?.creditsNet],
    ["Active accounts", number(report.activeAccounts), accounts == null ? null : signed(accounts)],
    ["New accounts", number(report.newAccounts), changed && signed(changed.newAccounts)],
  ];
  return html`<dl class="figures">${figures.map((each) => figure(...each))}</dl>`;
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string | null} difference
 * @param {number | null} gain
 */
function figure(name, value, difference, gain = 0) {
  const kind = Math.sign(gain ?? 0);
  const changed = difference
    ? html`<dd class="difference" data-gain=${kind}>${difference} on the week before</dd>`
    : nothing;
  const content = [html`<dt>${name}</dt>`, html`<dd>${value}</dd>`, changed];
  return html`<div class="figure">${content}</div>`;
}

/**
 * @param {Dimension} dimension
 * @param {WeeklyReport["byModel"]} byValue
 */
function breakdown(dimension, byValue) {
  const rows = Object.entries(byValue).sort(([, one], [, other]) => other.requests - one.requests);
  if (rows.length === 0) return emptyState("No requests", "There was no request in this week.");
  return table(
    `By ${dimension.toLowerCase()}`,
    [
      { title: dimension, cell: ([value]) => (dimension === "Size" ? value : words(value)) },
      { title: "Requests", cell: ([, of]) => number(of.requests), number: true },
      { title: "Failed", cell: ([, of]) => number(of.failed), number: true },
      { title: "Success", cell: ([, of]) => percent(of.successRate), number: true },
      { title: "Credits", cell: ([, of]) => number(of.creditsNet), number: true },
    ],
    rows,
  );
}

/** @param {WeeklyReport} report */
function topAccounts({ topAccounts: accounts }) {
  if (accounts.length === 0) return emptyState("No accounts", "No account was charged in this week.");
  return table(
    "Accounts that were charged most",
    [
      { title: "Account", cell: (account) => idCode(account.userId) },
      { title: "Requests", cell: (account) => number(account.requests), number: true },
      { title: "Credits", cell: (account) => number(account.credits), number: true },
      { title: "Before", cell: (account) => number(account.previousCredits), number: true },
    ],
    accounts,
  );
}

/**
 * @param {WeeklyReport} report
 * @param {Finder} finder
 */
function slowest({ slowest: pictures }, finder) {
  if (pictures.length === 0) return emptyState("None", "No picture was completed in this week.");
  return table(
    "Pictures that took longest",
    [
      { title: "Generation", cell: (each) => generationButton(each.generationRequestId, finder) },
      { title: "Took", cell: (each) => duration(each.durationMs), number: true },
    ],
    pictures,
  );
}
