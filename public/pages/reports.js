// Owns the page of the weekly reports: one week in numbers, all weeks as plots, and what is unusual on top.

import { call } from "../api.js";
import { plot } from "../charts.js";
import { card, h, idCode, pageHeader, table } from "../dom.js";
import { actionButton, badge, command, emptyState, load } from "../feedback.js";
import { day, duration, number, percent, signed, words } from "../format.js";
import { field } from "../forms.js";
import { generationButton } from "../gallery.js";
import { fire, run as runCommand } from "../triggers.js";

const MOST_WEEKS = 52;
const HALF_WEEK_SECONDS = 302_400;
const NAMED = new Set(["model", "style", "color"]);

export function render({ signal, emulators, argument }) {
  const content = h("div", { class: "sections" });
  const outcome = h("div", {});
  const show = (week, isQuiet) => load(content, () => reports(week, signal), { signal, lines: 10, isQuiet });
  const run = actionButton("Run the report now", outcome, async () => {
    await fire("weeklyReport");
    await show(null, true);
    return h("p", { class: "done" }, "The report of the last whole week is written.");
  });
  show(argument, false);
  const parts = [
    pageHeader("Reports", "Week by week, with what is unusual on top.", ...(emulators.functions ? [run] : [])),
    outcome,
    content,
  ];
  if (emulators.functions) {
    const filled = h("div", { class: "outcome", role: "status" });
    const fill = actionButton("Fill nine weeks", filled, async () => {
      await runCommand("history");
      await show(null, true);
      return h("p", { class: "done" }, "Nine weeks of requests are there, each with its report.");
    });
    const text = h(
      "p",
      {},
      "Fill the running Firestore with nine weeks of requests, the last of them odd, here or in a second terminal: ",
    );
    parts.push(card("Sample data", text, command("make history"), fill, filled));
  }
  return parts;
}

async function reports(week, signal) {
  const { body } = await call("listWeeklyReports", { query: { pageSize: MOST_WEEKS }, signal });
  const newestFirst = body.reports;
  if (newestFirst.length === 0) {
    return emptyState("No report yet", "The first is written on Monday at 00:00 UTC, or when it is run.");
  }
  const absent =
    week !== null &&
    newestFirst.every((report) => report.week !== week) &&
    h("p", { class: "notice" }, `There is no report of ${week} here; this is the latest.`);
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
  const content = h("div", { class: "sections" });
  const oldestFirst = newestFirst.toReversed();
  const choose = () => {
    const report = newestFirst.find((each) => each.week === select.value);
    history.replaceState(null, "", `#reports/${report.week}`);
    content.replaceChildren(
      anomalies(report),
      totals(report),
      trends(oldestFirst, report, signal),
      ...weekDetail(report, signal),
    );
  };
  select.addEventListener("change", () => (absent && absent.remove(), choose()));
  choose();
  return [h("div", { class: "filters" }, field("Week", select)), absent, content];
}

function weekDetail(report, signal) {
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
      card("Slowest pictures", slowest(report, signal)),
    ),
  ];
}

function anomalies({ anomalies: found, insufficientHistory }) {
  if (found.length === 0) {
    return insufficientHistory
      ? notice("neutral", "Not judged yet", "There is no earlier week to compare with.")
      : notice("good", "Nothing unusual", "Like the weeks before.");
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
      h("span", {}, sentence(anomaly)),
    ),
  );
  const title = found.length === 1 ? "One thing is unusual" : `${found.length} things are unusual`;
  return h("section", { class: "card anomalies" }, h("h2", {}, title), h("ul", {}, items));
}

const notice = (kind, title, text) => h("section", { class: `notice ${kind}` }, h("h2", {}, title), h("p", {}, text));

/** The sentence of an anomaly, in which what failed is called as in the tables below. */
function sentence({ message, dimension, value }) {
  if (!NAMED.has(dimension)) return message;
  const [kind, name] = [words(dimension), words(value)];
  const full = name.startsWith(`${kind} `) ? name : `${kind} ${name.toLowerCase()}`;
  return message.replace(`${kind} ${value}`, () => full);
}

function totals(report) {
  const changed = report.changeFromPreviousWeek;
  const figures = [
    ["Requests", number(report.requests), changed && signed(changed.requests)],
    ["Completed", number(report.completed), changed && signed(changed.completed)],
    ["Failed", number(report.failed), changed && signed(changed.failed)],
    ["Cancelled", number(report.cancelled), null],
    ["Pending", number(report.pending), null],
    [
      "Success rate",
      percent(report.successRate),
      changed?.successRate != null && `${signed(changed.successRate * 100, (points) => points.toFixed(1))} points`,
    ],
    ["Mean duration", duration(report.meanDurationMs), null],
    ["Credits net", number(report.creditsNet), changed && signed(changed.creditsNet)],
    [
      "Active accounts",
      number(report.activeAccounts),
      changed?.activeAccounts != null && signed(changed.activeAccounts),
    ],
    ["New accounts", number(report.newAccounts), changed && signed(changed.newAccounts)],
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
      { title: "Account", cell: (account) => idCode(account.userId) },
      { title: "Requests", cell: (account) => number(account.requests), number: true },
      { title: "Credits", cell: (account) => number(account.credits), number: true },
      { title: "Before", cell: (account) => number(account.previousCredits), number: true },
    ],
    accounts,
  );
}

function slowest({ slowest: pictures }, signal) {
  if (pictures.length === 0) return emptyState("None", "No picture was completed in this week.");
  return table(
    "Pictures that took longest",
    [
      { title: "Generation", cell: (each) => generationButton(each.generationRequestId, signal) },
      { title: "Took", cell: (each) => duration(each.durationMs), number: true },
    ],
    pictures,
  );
}

function trends(oldestFirst, chosen, signal) {
  if (oldestFirst.length < 2) {
    const text = "From the second report on, success and volume are plotted week by week.";
    return h("section", { class: "card" }, emptyState("One week so far", text));
  }
  const success = {
    title: "Success rate",
    label: "Success rate",
    kind: "line",
    value: (report) => report.successRate,
    show: percent,
    tick: (share) => `${Math.round(share * 100)}%`,
    range: () => [0, 1.05],
    // An anomaly is marked in the plot in which it is seen.
    anomaly: "failureRate",
  };
  const volume = {
    title: "Volume",
    label: "Requests",
    kind: "bars",
    value: (report) => report.requests,
    show: number,
    isCount: true,
    anomaly: "requests",
  };
  const cards = [success, volume].map((each) =>
    h("section", { class: "card" }, trend(oldestFirst, chosen, each, signal)),
  );
  return h("div", { class: "columns even" }, cards);
}

function trend(oldestFirst, chosen, { title, label, kind, value, show, tick, range, isCount, anomaly }, signal) {
  const step = Math.ceil(oldestFirst.length / 6);
  const ticks = {
    at: oldestFirst.map((report) => Date.parse(report.weekStart) / 1000),
    labels: oldestFirst.map((report, place) =>
      (oldestFirst.length - 1 - place) % step === 0 ? report.week.slice(5) : "",
    ),
    names: oldestFirst.map((report) => report.week),
    margin: HALF_WEEK_SECONDS,
  };
  const isOdd = (report) => report.anomalies.some((found) => found.kind === anomaly);
  const odd = oldestFirst.filter(isOdd).map((report) => report.week);
  const data = table(
    `${label} by week`,
    [
      { title: "Week", cell: (report) => report.week },
      { title: label, cell: (report) => show(value(report)), number: true },
      { title: "Unusual", cell: (report) => (isOdd(report) ? "Yes" : "No") },
    ],
    oldestFirst,
  );
  const marks = oldestFirst.map((report) => (isOdd(report) ? value(report) : null));
  return plot(
    {
      title,
      summary: `${show(value(chosen))} in ${chosen.week}; ${odd.length ? `unusual: ${odd.join(", ")}` : "no week unusual"}.`,
      times: ticks.at,
      lines: [
        { label, values: oldestFirst.map(value), color: "--accent", kind, show },
        { label: "Unusual", values: marks, color: "--bad", kind: "marks", show },
      ],
      tick,
      range,
      ticks,
      isCount,
      chosen: oldestFirst.indexOf(chosen),
      data,
    },
    signal,
  );
}
