// Owns giving credits to an account: what is checked and sent. Must not know how the form looks.

import { currentAccount } from "../../accounts/chosen.js";
import { callOnce } from "../../backend/api.js";
import { isAbort } from "../../backend/errors.js";
import { credits, number } from "../../format.js";
import { announce } from "../../ui/feedback.js";
import { Form } from "../../ui/form.js";

export const MOST_CREDITS = 1_000_000;

/** The state of a form that ends in a grant. */
export class CreditsForm {
  /** @type {GrantOutcome} */
  outcome = { kind: "nothing" };

  /**
   * @param {Page} page
   * @param {string} name
   * @param {Record<string, string>} values
   */
  constructor(page, name, values) {
    this.page = page;
    this.form = new Form(page.update, name, { credits: "50", ...values });
  }

  /**
   * Check what is typed and send it.
   * @param {() => Promise<string | null>} act Resolves to what is said when it is done, null where a fault is shown.
   */
  async attempt(act) {
    this.form.clearFaults();
    this.#show({ kind: "nothing" });
    try {
      const text = await act();
      if (!text) return;
      this.#show({ kind: "done", text });
      announce(text);
    } catch (error) {
      if (!isAbort(error) && !this.form.takeFaults(error)) this.#show({ kind: "failed", error });
    }
  }

  /** @param {Record<string, unknown>} body */
  async grant(body) {
    const stillTrying = () => this.#show({ kind: "busy" });
    return (await callOnce("grantCredits", { body, signal: this.page.signal }, stillTrying)).body;
  }

  /** Whether the amount can be granted; if not, the field says so. */
  hasAmount() {
    const amount = this.amount;
    if (Number.isInteger(amount) && amount >= 1 && amount <= MOST_CREDITS) return true;
    this.form.setFault("credits", `Give a whole number from 1 to ${number(MOST_CREDITS)}.`);
    return false;
  }

  get amount() {
    return Number(this.form.values.credits || NaN);
  }

  /** @param {GrantOutcome} outcome */
  #show(outcome) {
    this.outcome = outcome;
    this.page.update();
  }
}

/** A grant to the account that is chosen. */
export class Grant extends CreditsForm {
  /**
   * @param {Page} page
   * @param {AccountChoice} choice
   */
  constructor(page, choice) {
    super(page, "grant", { reason: "" });
    this.choice = choice;
  }

  send() {
    return this.attempt(async () => {
      if (!this.hasAmount() || !this.choice.isChosen()) return null;
      const reason = this.form.values.reason.trim();
      const body = { userId: currentAccount(), credits: this.amount, ...(reason && { reason }) };
      const { userId, grantedCredits, currentCredits } = await this.grant(body);
      return `${credits(grantedCredits)} granted: ${userId} has ${credits(currentCredits)}.`;
    });
  }
}
