// Owns how success and volume look week by week. Must not know where reports come from.

import { html } from "/vendor/lit-html/lit-html.js";
import { number, percent } from "../../format.js";
import { table } from "../../ui/elements.js";
import { emptyState } from "../../ui/feedback.js";
import { plot } from "../../ui/plot.js";

const HALF_WEEK_SECONDS = 302_400;

/**
 * From the ten percent below the least share to all, so that a drop of a few points is seen.
 * @param {number} least
 * @returns {[number, number]}
 */
const shareRange = (least) => [Math.max(0, Math.floor(least * 10 - 0.5) / 10), 1.02];

/** @type {Trend[]} */
const TRENDS = [
  {
    title: "Success rate",
    label: "Success rate",
    kind: "line",
    value: (report) => report.successRate,
    show: percent,
    anomaly: "failureRate",
    look: { tick: (share) => `${Math.round(share * 100)}%`, range: shareRange },
  },
  {
    title: "Volume",
    label: "Requests",
    kind: "bars",
    value: (report) => report.requests,
    show: number,
    anomaly: "requests",
    look: { isCount: true },
  },
];

/**
 * @param {WeeklyReport[]} oldestFirst
 * @param {WeeklyReport} chosen
 */
export function trends(oldestFirst, chosen) {
  if (oldestFirst.length < 2) {
    const text = "From the second report on, success and volume are plotted week by week.";
    return html`<section class="card">${emptyState("One week so far", text)}</section>`;
  }
  const cards = TRENDS.map((trend) => html`<section class="card">${trendPlot(oldestFirst, chosen, trend)}</section>`);
  return html`<div class="columns even">${cards}</div>`;
}

/**
 * @param {WeeklyReport[]} oldestFirst
 * @param {WeeklyReport} chosen
 * @param {Trend} trend
 */
function trendPlot(oldestFirst, chosen, { title, label, kind, value, show, anomaly, look }) {
  const isOdd = (/** @type {WeeklyReport} */ report) => report.anomalies.some((found) => found.kind === anomaly);
  const odd = oldestFirst.filter(isOdd).map((report) => report.week);
  const ticks = weekTicks(oldestFirst);
  const marks = oldestFirst.map((report) => (isOdd(report) ? value(report) : null));
  return plot({
    title,
    summary: `${show(value(chosen))} in ${chosen.week}; ${odd.length ? `unusual: ${odd.join(", ")}` : "no week unusual"}.`,
    data: table(
      `${label} by week`,
      [
        { title: "Week", cell: (report) => report.week },
        { title: label, cell: (report) => show(value(report)), number: true },
        { title: "Unusual", cell: (report) => (isOdd(report) ? "Yes" : "No") },
      ],
      oldestFirst,
    ),
    shown: {
      ...look,
      times: ticks.at,
      lines: [
        { label, values: oldestFirst.map(value), color: "--accent", kind, show },
        { label: "Unusual", values: marks, color: "--bad", kind: "marks", show },
      ],
      ticks,
      chosen: oldestFirst.indexOf(chosen),
    },
  });
}

/**
 * Six labels at most, the last week among them.
 * @param {WeeklyReport[]} oldestFirst
 */
function weekTicks(oldestFirst) {
  const step = Math.ceil(oldestFirst.length / 6);
  const isLabelled = (/** @type {number} */ place) => (oldestFirst.length - 1 - place) % step === 0;
  return {
    at: oldestFirst.map((report) => Date.parse(report.weekStart) / 1000),
    labels: oldestFirst.map((report, place) => (isLabelled(place) ? report.week.slice(5) : "")),
    names: oldestFirst.map((report) => report.week),
    margin: HALF_WEEK_SECONDS,
  };
}
