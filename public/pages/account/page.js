// Owns the page of an account: how its parts work together. Must not know any other page.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { accountBar } from "../../accounts/bar.js";
import { AccountChoice } from "../../accounts/choice.js";
import { whenAccountChanges } from "../../accounts/chosen.js";
import { Finder } from "../../generations/finder.js";
import { pageHeader } from "../../ui/elements.js";
import { LoadedList } from "../../ui/loaded.js";
import { grantCard, openingCard } from "./cards.js";
import { Grant, Opening } from "./grants.js";
import { statementView } from "./ledger.js";
import { secretAction, secretCard } from "./secret.js";
import { readStatement } from "./statement.js";

/** @type {MakePage} */
export function make(page) {
  const statement = new LoadedList(page, (pageToken) => readStatement(pageToken, page.signal));
  const choice = new AccountChoice(page, () => {
    secret.outcome = nothing;
    statement.load();
  });
  const secret = secretAction(page, choice);
  const finder = new Finder(page);
  const grant = new Grant(page, choice);
  const opening = new Opening(page, (userId) => choice.choose(userId));
  statement.load();
  whenAccountChanges(page.signal, () => statement.renew());
  return () => html`
    ${pageHeader("Account", "What it has, where it went, and more of it.")} ${accountBar(choice)}
    <div class="columns even">${grantCard(grant)} ${openingCard(opening)}</div>
    ${statementView(statement, finder)} ${secretCard(secret)}
  `;
}
