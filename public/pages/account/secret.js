// Owns the secret that signs an account's webhooks: shown when it is asked for. Must not know any other page.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { focusAccountFault } from "../../accounts/bar.js";
import { currentAccount } from "../../accounts/chosen.js";
import { call } from "../../backend/api.js";
import { moment } from "../../format.js";
import { card, factList, written } from "../../ui/elements.js";
import { announce } from "../../ui/feedback.js";
import { Action, actionButton } from "../../ui/once.js";

/**
 * Read the secret of the chosen account; resolves to how it looks.
 * @param {Page} page
 * @param {AccountChoice} choice
 */
export const secretAction = (page, choice) =>
  new Action(page.update, async () => {
    if (!choice.isChosen()) {
      focusAccountFault();
      return nothing;
    }
    const userId = currentAccount();
    const { body } = await call("getWebhookSecret", { query: { userId }, signal: page.signal });
    // The account may have changed meanwhile.
    if (userId !== currentAccount()) return nothing;
    announce("The secret is shown.");
    return secretView(body);
  });

/** @param {Answers["getWebhookSecret"]} secret */
function secretView({ userId, version, secret, previousSecret, previousSecretEndsAt }) {
  const facts = factList({
    Account: written(userId),
    Version: String(version),
    Secret: html`<code>${secret}</code>`,
    "Previous secret": previousSecret && html`<code>${previousSecret}</code>`,
    "Signs until": previousSecretEndsAt && moment(previousSecretEndsAt),
  });
  return html`<dl class="facts">${facts}</dl>`;
}

/** @param {Action} action */
export const secretCard = (action) =>
  card(
    "Webhooks",
    html`
      <div class="stack">
        <p class="hint">A receiver verifies webhooks with the secret of the account (Standard Webhooks).</p>
        <div>${actionButton("Show secret", action)}</div>
        <div class="outcome">${action.outcome}</div>
      </div>
    `,
  );
