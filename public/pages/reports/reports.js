// Owns which weekly reports there are and which week is looked at. Must not know how they look.

import { call } from "../../backend/api.js";
import { Form } from "../../ui/form.js";
import { Loaded } from "../../ui/loaded.js";

const MOST_WEEKS = 52;
/** In place of a week: the running one so far. */
export const CURRENT = "current";

export class Reports {
  /** @type {string | null} A week that was asked for and has no report. */
  absentWeek = null;
  /** @type {string | null} */
  #asked = null;

  /** @param {Page} page */
  constructor(page) {
    /** @type {Loaded<WeeklyReport>} */
    this.soFar = new Loaded(page, async () => {
      return (await call("getWeeklyReport", { query: { week: CURRENT }, signal: page.signal })).body;
    });
    this.form = new Form(page.update, "reports", { week: "" });
    this.list = new Loaded(page, async () => {
      const { body } = await call("listWeeklyReports", { query: { pageSize: MOST_WEEKS }, signal: page.signal });
      this.#begin(body.reports);
      return body.reports;
    });
  }

  /**
   * Read the reports, newest first, and look at one week, the latest where it is null or has no report.
   * @param {string | null} week
   */
  show(week, { isQuiet = false } = {}) {
    this.#asked = week;
    return this.list.load({ isQuiet });
  }

  /** Look at the week that was picked. */
  pick() {
    this.absentWeek = null;
    const { week } = this.form.values;
    history.replaceState(null, "", `#reports/${week}`);
    if (week === CURRENT) this.soFar.load();
    this.form.update();
  }

  /** @param {WeeklyReport[]} newestFirst */
  #begin(newestFirst) {
    const isPresent = this.#asked === CURRENT || newestFirst.some((report) => report.week === this.#asked);
    if (newestFirst.length === 0 && !isPresent) return;
    this.form.values.week = isPresent && this.#asked ? this.#asked : newestFirst[0].week;
    const absent = isPresent ? null : this.#asked;
    this.pick();
    this.absentWeek = absent;
  }
}
