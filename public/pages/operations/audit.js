// Owns the result of the last nightly audit, and how it looks. Must not know who asks for it.

import { html } from "/vendor/lit-html/lit-html.js";
import { call } from "../../backend/api.js";
import { moment, number } from "../../format.js";
import { Loaded, loadedView } from "../../ui/loaded.js";
import { faultTables } from "./books.js";

/**
 * The last audit; null where there was none yet.
 * @param {Page} page
 */
export function lastAudit(page) {
  /** @type {Loaded<AuditResult | null>} */
  const audit = new Loaded(page, async () => (await call("getAudit", { signal: page.signal })).body.audit);
  audit.load();
  return audit;
}

/** @param {Loaded<AuditResult | null>} audit */
export const auditView = (audit) => loadedView(audit, { kind: "audit", lines: 1 }, resultView);

/** @param {AuditResult | null} audit */
function resultView(audit) {
  if (!audit) return html`<p class="hint">There was no nightly audit yet.</p>`;
  const { figures, breachCount, unverifiedCount, startedAt, endedAt } = audit;
  const isSound = breachCount + unverifiedCount === 0;
  const when = endedAt ? `Nightly audit, ${moment(endedAt)}` : `Nightly audit since ${moment(startedAt)}, not finished`;
  const found = `${number(breachCount)} breaches, ${number(unverifiedCount)} accounts not verified`;
  return html`
    <p class=${isSound ? "done" : "failed"}>
      ${when}: ${number(figures.accounts)} accounts, ${isSound ? "no breach" : found}.
    </p>
    ${faultTables(audit)}
  `;
}
