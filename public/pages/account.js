// Owns the page of an account: its balance over time, its ledger, and how it is given credits.

import { accountBar, chooseAccount, currentAccount } from "../accounts.js";
import { call, callOnce } from "../api.js";
import { plot } from "../charts.js";
import { card, field, h, pageHeader, table } from "../dom.js";
import { announce, badge, clearFaults, emptyState, errorPanel, load, showFaults } from "../feedback.js";
import { credits, moment, number, signed, words } from "../format.js";

const PAGE_SIZE = 50;
const KINDS = { deduction: "neutral", refund: "info", grant: "good" };

export function render({ signal }) {
  const statement = h("div", { class: "stack" });
  const show = () => load(statement, () => firstPage(signal), { signal, lines: 8 });
  const bar = accountBar(show, signal);
  const refresh = () => (bar.refresh(), show());
  const grant = grantForm("Grant credits", null, refresh, signal);
  const open = grantForm("Create account", "Account", refresh, signal);
  show();
  return [
    pageHeader("Account", "What it has, where it went, and more of it."),
    bar.element,
    statement,
    h("div", { class: "columns even" }, card("Grant credits", grant), card("Create account", open)),
  ];
}

async function firstPage(signal) {
  const userId = currentAccount();
  if (!userId) return emptyState("No account chosen", "Choose one above, or create it below.");
  const query = { userId, pageSize: PAGE_SIZE };
  const { body } = await call("getUserCredits", { query, signal });
  const entries = [];
  const content = h("div", { class: "stack" });
  const show = ({ transactions, nextPageToken }) => {
    entries.push(...transactions);
    const foot = h("div", { class: "more" });
    const more = async () => {
      foot.replaceChildren(h("button", { type: "button", disabled: true }, "Show more"));
      try {
        show((await call("getUserCredits", { query: { ...query, pageToken: nextPageToken }, signal })).body);
      } catch (error) {
        foot.replaceChildren(errorPanel(error, more));
      }
    };
    if (nextPageToken) foot.append(h("button", { type: "button", onclick: more }, "Show more"));
    const history = withBalances(entries, body.currentCredits);
    content.replaceChildren(
      h("section", { class: "card" }, balancePlot(history, body.currentCredits, Boolean(nextPageToken), signal)),
      card("Ledger", ledgerTable(history), foot),
    );
  };
  show(body);
  return content;
}

const change = (entry) => (entry.type === "deduction" ? -entry.credits : entry.credits);

/** Entries come newest first, so that the balance after each follows from the one that the account has now. */
function withBalances(entries, currentCredits) {
  let balance = currentCredits;
  return entries.map((entry) => {
    const after = balance;
    balance -= change(entry);
    return { ...entry, before: balance, after };
  });
}

function balancePlot(history, currentCredits, hasMore, signal) {
  const dated = history.filter((entry) => entry.timestamp).reverse();
  if (dated.length === 0) {
    return emptyState(credits(currentCredits), "No entry in the ledger yet: the balance is that of the opening.");
  }
  const seconds = dated.map((entry) => Date.parse(entry.timestamp) / 1000);
  const period = `${hasMore ? "the last " : ""}${history.length} ${history.length === 1 ? "entry" : "entries"}`;
  const summary = `${credits(currentCredits)} now, from ${number(dated[0].before)}, over ${period}.`;
  return plot(
    {
      title: "Balance over time",
      summary,
      times: [seconds[0] - 1, ...seconds, Date.now() / 1000],
      lines: [
        {
          label: "Credits",
          values: [dated[0].before, ...dated.map((entry) => entry.after), currentCredits],
          color: "--accent",
          kind: "step",
          show: number,
        },
      ],
      data: table(
        "Balance after each entry",
        [
          { title: "Time", cell: (entry) => moment(entry.timestamp) },
          { title: "Balance", cell: (entry) => number(entry.after), number: true },
        ],
        history,
      ),
    },
    signal,
  );
}

function ledgerTable(history) {
  if (history.length === 0) return emptyState("No entries", "Charges, refunds and grants are listed here.");
  return table(
    "Ledger, newest first",
    [
      { title: "Time", cell: (entry) => moment(entry.timestamp) },
      { title: "Credits", cell: (entry) => signed(change(entry)), number: true },
      { title: "Balance", cell: (entry) => number(entry.after), number: true },
      { title: "Type", cell: (entry) => badge(words(entry.type), KINDS[entry.type]) },
      {
        title: "Generation",
        cell: (entry) =>
          entry.generationRequestId &&
          h("code", { title: entry.generationRequestId }, entry.generationRequestId.slice(0, 12)),
      },
    ],
    history,
  );
}

/** A form that grants; with `accountLabel` to an account that it names and thereby opens, else to the chosen one. */
function grantForm(label, accountLabel, refresh, signal) {
  const userId =
    accountLabel &&
    h("input", { name: "userId", required: true, maxlength: "128", autocomplete: "off", spellcheck: "false" });
  const amount = h("input", {
    name: "credits",
    type: "number",
    min: "1",
    max: "1000000",
    step: "1",
    value: "50",
    required: true,
  });
  const reason = h("input", {
    name: "reason",
    maxlength: "200",
    value: accountLabel ? "opening" : "",
    placeholder: "granted",
    autocomplete: "off",
  });
  const outcome = h("div", {});
  const submit = h("button", { class: "primary" }, label);
  const form = h(
    "form",
    { class: "stack", novalidate: true },
    userId && field(accountLabel, userId, "Letters, digits and dashes are best."),
    field("Credits", amount),
    field("Reason", reason),
    h("div", {}, submit),
    outcome,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearFaults(form);
    submit.disabled = true;
    const body = { userId: userId ? userId.value.trim() : currentAccount(), credits: amount.valueAsNumber || 0 };
    if (reason.value.trim()) body.reason = reason.value.trim();
    const stillTrying = () => outcome.replaceChildren(h("p", { class: "hint" }, "The service is busy; still trying …"));
    try {
      const { body: granted } = await callOnce("grantCredits", { body, signal }, stillTrying);
      const { grantedCredits, currentCredits } = granted;
      const said = `${credits(grantedCredits)} granted: ${granted.userId} has ${credits(currentCredits)}.`;
      outcome.replaceChildren(h("p", { class: "done" }, said));
      announce(said);
      if (userId) {
        chooseAccount(granted.userId);
        document.querySelector(".account-bar input").value = granted.userId;
      }
      refresh();
    } catch (error) {
      if (error.name === "AbortError") return;
      showFaults(form, error);
      outcome.replaceChildren(errorPanel(error));
    } finally {
      submit.disabled = false;
    }
  });
  return form;
}
