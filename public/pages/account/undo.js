// Owns taking back a grant: the question, and how it ended. Must not know the ledger.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { call } from "../../backend/api.js";
import { credits } from "../../format.js";
import { written } from "../../ui/elements.js";
import { announce, errorPanel } from "../../ui/feedback.js";
import { showDialog } from "../../ui/dialog.js";
import { Once } from "../../ui/once.js";

/**
 * Ask whether to take back a grant, and do so. The ledger reads itself again after any change.
 * @param {string} userId
 * @param {Entry} grant
 */
export const askToUndo = (userId, grant) =>
  showDialog({ kind: "narrow", labelledBy: "undo-title" }, (dialog) => {
    /** @type {unknown} */
    let error = null;
    const taking = new Once(dialog.update);
    const take = () =>
      taking.run(async () => {
        error = null;
        try {
          const { body } = await call("revokeGrant", { body: { userId, transactionId: grant.id } });
          announce(`${credits(body.revokedCredits)} taken back: ${userId} has ${credits(body.currentCredits)}.`);
          dialog.close();
        } catch (thrown) {
          error = thrown;
        }
      });
    return () => html`
      <div class="stack">
        <h2 id="undo-title">Take back ${credits(grant.credits)}?</h2>
        <p>The whole grant leaves ${written(userId)}, if it still has as many.</p>
        ${error ? errorPanel(error) : nothing}
        <div class="actions end">
          <button type="button" @click=${dialog.close}>Keep it</button>
          <button type="button" class="primary" aria-disabled=${taking.disabled} @click=${take}>Take back</button>
        </div>
      </div>
    `;
  });
