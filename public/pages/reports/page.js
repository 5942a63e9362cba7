// Owns the page of the weekly reports: which week is shown, and how reports come to be. Must not know any other page.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { messageOf } from "../../backend/errors.js";
import { fire, run } from "../../backend/triggers.js";
import { Finder } from "../../generations/finder.js";
import { card, pageHeader } from "../../ui/elements.js";
import { announce } from "../../ui/feedback.js";
import { Action, actionButton } from "../../ui/once.js";
import { Failures, failuresAsked, failuresView } from "./failures.js";
import { Reports } from "./reports.js";
import { reportsView } from "./week.js";

/** @type {MakePage} */
export function make(page) {
  const finder = new Finder(page);
  const asked = failuresAsked(page.argument);
  if (asked) {
    const failures = new Failures(page, asked);
    return () => html`${header(nothing)} ${failuresView(failures, finder)}`;
  }
  const reports = new Reports(page);
  const runs = page.emulators.functions ? developerRuns(page, reports) : null;
  reports.show(page.argument);
  return () => html`
    ${header(runs ? actionButton("Run the report now", runs.report) : nothing)}
    <div>${runs?.report.outcome}</div>
    ${reportsView(reports, finder)} ${runs ? sampleData(runs.history, runs.copied) : nothing}
  `;
}

/** @param {unknown} actions */
const header = (actions) => pageHeader("Reports", "Week by week, with what is unusual on top.", actions);

/**
 * What a developer can run from here; a deployed page has none of it.
 * @param {Page} page
 * @param {Reports} reports
 */
function developerRuns(page, reports) {
  const done = (/** @type {string} */ text) => html`<p class="done">${text}</p>`;
  const report = new Action(page.update, async () => {
    await fire("weeklyReport");
    await reports.show(null, { isQuiet: true });
    return done("The report of the last whole week is written.");
  });
  const history = new Action(page.update, async () => {
    try {
      await run("history");
    } catch (error) {
      if (!messageOf(error).includes("already a history")) throw error;
      return html`<p class="hint">There is a history already; <code>make dev RESET=1</code> deletes it.</p>`;
    }
    await reports.show(null, { isQuiet: true });
    return done("Nine weeks of requests are there, each with its report.");
  });
  return { report, history, copied: new CopiedCommand(page, "make history") };
}

/** A command to run elsewhere, and whether it was copied. */
class CopiedCommand {
  isCopied = false;

  /**
   * @param {Page} page
   * @param {string} text
   */
  constructor(page, text) {
    this.page = page;
    this.text = text;
  }

  async copy() {
    await navigator.clipboard.writeText(this.text);
    this.isCopied = true;
    this.page.update();
    announce("Copied");
  }
}

/**
 * @param {Action} history
 * @param {CopiedCommand} command
 */
const sampleData = (history, command) =>
  card(
    "Sample data",
    html`
      <p>Fill the running Firestore with nine weeks of requests, the last of them odd, here or in a second terminal:</p>
      <span class="command">
        <code>${command.text}</code>
        <button type="button" class="small" @click=${() => command.copy()}>
          ${command.isCopied ? "Copied" : "Copy"}
        </button>
      </span>
      ${actionButton("Fill nine weeks", history)}
      <div class="outcome" role="status">${history.outcome}</div>
    `,
  );
