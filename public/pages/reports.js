// Owns the page of the weekly reports: one week in numbers, all weeks as plots, and what is unusual on top.

import { call } from "../api.js";
import { plot } from "../charts.js";
import { card, h, pageHeader, table } from "../dom.js";
import { actionButton, badge, command, emptyState, load } from "../feedback.js";
import { day, duration, number, percent, signed, words } from "../format.js";
import { field } from "../forms.js";
import { fire, run as runCommand } from "../triggers.js";

const MOST_WEEKS = 52;
const HALF_WEEK_SECONDS = 302_400;

export function render({ signal, emulators, argument }) {
  const content = h("div", { class: "stack" });
  const outcome = h("div", {});
  const show = (week) => load(content, () => reports(week, signal), { signal, lines: 10 });
  const run = actionButton("Run the report now", outcome, async () => {
    await fire("weeklyReport");
    await show(null);
    return h("p", { class: "done" }, "The report of the last whole week is written.");
  });
  show(argument);
  const parts = [
    pageHeader("Reports", "Week by week, with what is unusual on top.", ...(emulators.functions ? [run] : [])),
    outcome,
    content,
  ];
  if (emulators.functions) {
    const filled = h("div", { class: "outcome", role: "status" });
    const fill = actionButton("Fill nine weeks", filled, async () => {
      await runCommand("history");
      await show(null);
      return h("p", { class: "done" }, "Nine weeks of requests are there, each with its report.");
    });
    const text = h(
      "p",
      {},
      "Fill the running Firestore with nine weeks of requests, the last of them odd, here or in a second terminal: ",
    );
    parts.push(card("A history to look at", text, command("make history"), fill, filled));
  }
  return parts;
}

async function reports(week, signal) {
  const { body } = await call("listWeeklyReports", { query: { pageSize: MOST_WEEKS }, signal });
  const newestFirst = body.reports;
  if (newestFirst.length === 0) {
    return emptyState("No report yet", "The first is written on Monday at 00:00 UTC, or when it is run.");
  }
  const select = h(
    "select",
    { name: "week" },
    newestFirst.map((report) =>
      h(
        "option",
        { value: report.week, selected: report.week === week },
        `${report.week}, from ${day(report.weekStart)}`,
      ),
    ),
  );
  const summary = h("div", { class: "stack" });
  const detail = h("div", { class: "stack" });
  const choose = () => {
    const report = newestFirst.find((each) => each.week === select.value);
    history.replaceState(null, "", `#reports/${report.week}`);
    summary.replaceChildren(anomalies(report), totals(report));
    detail.replaceChildren(...weekDetail(report));
  };
  select.addEventListener("change", choose);
  choose();
  return [
    h("div", { class: "filters" }, field("Week", select)),
    summary,
    trends([...newestFirst].reverse(), signal),
    detail,
  ];
}

function weekDetail(report) {
  return [
    h(
      "div",
      { class: "columns even" },
      ["Model", "Style", "Color", "Size"].map((dimension) =>
        card(`By ${dimension.toLowerCase()}`, breakdown(dimension, report[`by${dimension}`])),
      ),
    ),
    h(
      "div",
      { class: "columns even" },
      card("Top accounts", topAccounts(report)),
      card("Slowest pictures", slowest(report)),
    ),
  ];
}

function anomalies({ anomalies: found, insufficientHistory }) {
  if (found.length === 0) {
    const text = insufficientHistory
      ? "There is no earlier week to compare with."
      : "Nothing is unlike the weeks before.";
    return h("section", { class: "notice good" }, h("h2", {}, "Nothing unusual"), h("p", {}, text));
  }
  const items = found.map((anomaly) =>
    h(
      "li",
      { class: "anomaly", "data-severity": anomaly.severity },
      h(
        "span",
        { class: "badges" },
        badge(words(anomaly.severity), anomaly.severity === "critical" ? "bad" : "warn"),
        badge(words(anomaly.status), "neutral"),
      ),
      h("span", {}, anomaly.message),
    ),
  );
  return h("section", { class: "card anomalies" }, h("h2", {}, `${found.length} unusual`), h("ul", {}, items));
}

function totals(report) {
  const changed = report.changeFromPreviousWeek;
  const figures = [
    ["Requests", number(report.requests), changed && signed(changed.requests)],
    [
      "Success rate",
      percent(report.successRate),
      changed?.successRate != null && `${signed(changed.successRate * 100, (points) => points.toFixed(1))} points`,
    ],
    ["Failed", number(report.failed), changed && signed(changed.failed)],
    ["Credits net", number(report.creditsNet), changed && signed(changed.creditsNet)],
    [
      "Active accounts",
      number(report.activeAccounts),
      changed?.activeAccounts != null && signed(changed.activeAccounts),
    ],
    ["New accounts", number(report.newAccounts), changed && signed(changed.newAccounts)],
    ["Mean duration", duration(report.meanDurationMs), null],
    ["Pending", number(report.pending), null],
  ];
  const tiles = figures.map(([name, value, difference]) =>
    h(
      "div",
      { class: "figure" },
      h("dt", {}, name),
      h("dd", {}, value),
      difference && h("dd", { class: "difference" }, `${difference} on the week before`),
    ),
  );
  return h("dl", { class: "figures" }, tiles);
}

function breakdown(dimension, byValue) {
  const rows = Object.entries(byValue).sort(([, one], [, other]) => other.requests - one.requests);
  if (rows.length === 0) return emptyState("No requests", "Nobody asked for a picture in this week.");
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

function topAccounts({ topAccounts: accounts }) {
  if (accounts.length === 0) return emptyState("Nobody", "No account was charged in this week.");
  return table(
    "Accounts that were charged most",
    [
      { title: "Account", cell: (account) => h("code", {}, account.userId) },
      { title: "Requests", cell: (account) => number(account.requests), number: true },
      { title: "Credits", cell: (account) => number(account.credits), number: true },
      { title: "Before", cell: (account) => number(account.previousCredits), number: true },
    ],
    accounts,
  );
}

function slowest({ slowest: pictures }) {
  if (pictures.length === 0) return emptyState("None", "No picture was completed in this week.");
  return table(
    "Pictures that took longest",
    [
      {
        title: "Generation",
        cell: (each) => h("code", { title: each.generationRequestId }, each.generationRequestId.slice(0, 16)),
      },
      { title: "Took", cell: (each) => duration(each.durationMs), number: true },
    ],
    pictures,
  );
}

function trends(oldestFirst, signal) {
  const times = oldestFirst.map((report) => Date.parse(report.weekStart) / 1000);
  const step = Math.ceil(oldestFirst.length / 6);
  const shown = oldestFirst.map((report, number) =>
    (oldestFirst.length - 1 - number) % step === 0 ? report.week.slice(5) : "",
  );
  const ticks = {
    at: times,
    labels: shown,
    names: oldestFirst.map((report) => report.week),
    margin: HALF_WEEK_SECONDS,
  };
  const numbers = (title, value, show) =>
    table(
      `${title} by week`,
      [
        { title: "Week", cell: (report) => report.week },
        { title, cell: (report) => show(value(report)), number: true },
        { title: "Unusual", cell: (report) => number(report.anomalies.length), number: true },
      ],
      oldestFirst,
    );
  const chart = (title, label, kind, color, value, show, range) => {
    const values = oldestFirst.map(value);
    const last = oldestFirst.at(-1);
    const odd = oldestFirst.filter((report) => report.anomalies.length > 0).map((report) => report.week);
    const unusual = odd.length ? `unusual: ${odd.join(", ")}` : "no week unusual";
    const summary = `${show(value(last))} in ${last.week}; ${unusual}.`;
    const marks = oldestFirst.map((report) => (report.anomalies.length > 0 ? value(report) : null));
    const lines = [
      { label, values, color, kind, show },
      { label: "Unusual week", values: marks, color: "--bad", kind: "marks", show },
    ];
    return plot({ title, summary, times, lines, range, ticks, data: numbers(label, value, show) }, signal);
  };
  return h(
    "div",
    { class: "columns even" },
    h(
      "section",
      { class: "card" },
      chart(
        "Success rate",
        "Success rate",
        "line",
        "--accent",
        (report) => report.successRate,
        percent,
        () => [0, 1.05],
      ),
    ),
    h(
      "section",
      { class: "card" },
      chart("Volume", "Requests", "bars", "--accent", (report) => report.requests, number, null),
    ),
  );
}
