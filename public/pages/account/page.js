// Owns the page of an account: how its parts work together. Must not know any other page.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { accountBar } from "../../accounts/bar.js";
import { AccountChoice } from "../../accounts/choice.js";
import { accountAddress, accountOf, chooseAccount, currentAccount, whenAccountChanges } from "../../accounts/chosen.js";
import { Finder } from "../../generations/finder.js";
import { pageHeader } from "../../ui/elements.js";
import { grantCard } from "./cards.js";
import { Grant } from "./grants.js";
import { csvAction, statementView } from "./ledger.js";
import { secretAction, secretCard } from "./secret.js";
import { Ledger } from "./statement.js";

/** @type {MakePage} */
export function make(page) {
  // The address chooses the account; without one in it, it is that of the account that was chosen before.
  if (page.argument) chooseAccount(accountOf(page.argument));
  else if (currentAccount()) history.replaceState(null, "", accountAddress(currentAccount()));
  const ledger = new Ledger(page);
  const choice = new AccountChoice(page, () => {
    if (accountAddress(currentAccount()) !== location.hash) {
      history.pushState(null, "", accountAddress(currentAccount()));
    }
    secret.outcome = nothing;
    csv.outcome = nothing;
    ledger.list.load();
  });
  const csv = csvAction(page, ledger);
  const secret = secretAction(page, choice);
  const finder = new Finder(page);
  const grant = new Grant(page, choice);
  ledger.list.load();
  whenAccountChanges(page.signal, () => ledger.list.renew());
  const all = html`<a class="link" href="#accounts">All accounts</a>`;
  return () => html`
    ${pageHeader("Account", "What it has, where it went, and more of it.", all)} ${accountBar(choice)}
    <div class="columns even">${grantCard(grant)} ${secretCard(secret)}</div>
    ${statementView(ledger, csv, finder)}
  `;
}
