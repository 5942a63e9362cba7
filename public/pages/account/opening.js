// Owns opening an account with its first credits: what is checked and sent, and how the form looks.
// Must not know where it is shown.

import { html } from "/vendor/lit-html/lit-html.js";
import { call } from "../../backend/api.js";
import { ApiError } from "../../backend/errors.js";
import { credits } from "../../format.js";
import { field } from "../../ui/form.js";
import { amountField, creditsCard } from "./cards.js";
import { CreditsForm } from "./grants.js";

/** A new account: the first grant opens it. */
export class Opening extends CreditsForm {
  /**
   * @param {Page} page
   * @param {(userId: string) => void} onOpen
   */
  constructor(page, onOpen) {
    super(page, "open", { userId: "" });
    this.onOpen = onOpen;
  }

  send() {
    return this.attempt(async () => {
      const { form } = this;
      const userId = form.values.userId.trim();
      if (!userId) form.setFault("userId", "Give the account a name.");
      if (!this.hasAmount() || !userId) return null;
      if (await exists(userId, this.page.signal)) {
        form.setFault("userId", "There is an account of this name; grant credits to it instead.");
        return null;
      }
      const { currentCredits } = await this.grant({ userId, credits: this.amount, reason: "opening" });
      form.reset();
      this.onOpen(userId);
      return `Account ${userId} is open with ${credits(currentCredits)}.`;
    });
  }
}

/**
 * @param {string} userId
 * @param {AbortSignal} signal
 */
async function exists(userId, signal) {
  try {
    await call("getUserCredits", { query: { userId, pageSize: 1 }, signal });
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}

/** @param {Opening} opening */
export function openingCard(opening) {
  const { form } = opening;
  const name = field(
    form,
    "userId",
    "Name",
    (bound) => html`<input ${bound} maxlength="128" dir="auto" autocomplete="off" spellcheck="false" />`,
  );
  return creditsCard("Create account", opening, [name, amountField(form)]);
}
