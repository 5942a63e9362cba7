// Owns the page for operators: how its parts work together. Must not know any other page.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { fire } from "../../backend/triggers.js";
import { number } from "../../format.js";
import { card, pageHeader } from "../../ui/elements.js";
import { Action, actionButton } from "../../ui/once.js";
import { auditView, lastAudit } from "./audit.js";
import { verifyBooks } from "./books.js";
import { callCard, foundCall, loggingCard } from "./call.js";
import { Calls, callsCard } from "./calls.js";
import { FailureRates } from "./rates.js";
import { ratesCard } from "./settings.js";

/** @type {MakePage} */
export function make(page) {
  const { emulators, argument: requestId } = page;
  const rates = emulators.firestore ? new FailureRates(page) : null;
  const books = new Action(page.update, (say) => verifyBooks(page.signal, say));
  const audit = lastAudit(page);
  const reconcile = emulators.functions ? new Action(page.update, fireReconcile) : null;
  const calls = emulators.functions ? new Calls(page) : null;
  const found = requestId && emulators.functions ? foundCall(page, requestId) : null;
  return () => html`
    ${pageHeader("Operations", "What an operator looks at, and sets.")}
    ${requestId ? (found ? callCard(requestId, found) : loggingCard(requestId)) : nothing}
    ${rates ? ratesCard(rates) : nothing}
    <div class="columns even">
      ${actionCard(
        "Books",
        "Compares every balance with its ledger and its generations. Runs every night by itself.",
        "Verify the books",
        books,
        auditView(audit),
      )}
      ${
        reconcile
          ? actionCard(
              "Reconcile",
              "Refunds what a dead process left unfinished. Runs every five minutes by itself.",
              "Reconcile now",
              reconcile,
            )
          : nothing
      }
    </div>
    ${calls ? callsCard(calls) : nothing}
  `;
}

/** What a run of reconcile did, by the names in its answer: of one, and of several. @type {Record<string, [string, string]>} */
const DONE = {
  refunded: ["generation refunded", "generations refunded"],
  takenBack: ["generation put back into the queue", "generations put back into the queue"],
  enqueued: ["task enqueued again", "tasks enqueued again"],
  picturesDeleted: ["picture deleted", "pictures deleted"],
  webhooksEnqueued: ["webhook enqueued again", "webhooks enqueued again"],
};

async function fireReconcile() {
  const figures = await fire("reconcile");
  const done = Object.keys(DONE)
    .filter((name) => figures[name] > 0)
    .map((name) => `${number(figures[name])} ${DONE[name][figures[name] === 1 ? 0 : 1]}`);
  return html`<p class="done">${done.length > 0 ? `Done: ${done.join(", ")}.` : "Done: nothing was overdue."}</p>`;
}

/**
 * @param {string} title
 * @param {string} hint
 * @param {string} label
 * @param {Action} action
 * @param {unknown} [before]
 */
const actionCard = (title, hint, label, action, before = nothing) =>
  card(
    title,
    html`
      <p class="hint">${hint}</p>
      ${before} ${actionButton(label, action)}
      <div class="outcome" role="status">${action.outcome}</div>
    `,
  );
