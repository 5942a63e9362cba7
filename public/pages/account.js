// Owns the page of an account: its balance over time, its ledger, and how it is given credits.

import { accountBar, currentAccount } from "../accounts.js";
import { call, callOnce } from "../api.js";
import { plot } from "../charts.js";
import { card, focusOn, h, pageHeader, table } from "../dom.js";
import { announce, badge, emptyState, errorPanel, load, moreButton } from "../feedback.js";
import { clearFaults, field, focusFault, once, showFault, showFaults } from "../forms.js";
import { credits, moment, number, signed, words } from "../format.js";
import { generationButton } from "../gallery.js";

const PAGE_SIZE = 20;
const MOST_CREDITS = 1_000_000;
const KINDS = { deduction: "neutral", refund: "info", grant: "good" };

export function render({ signal }) {
  const statement = h("div", { class: "sections" });
  const show = (isQuiet) => load(statement, () => firstPage(signal), { signal, lines: 8, isQuiet });
  const bar = accountBar(() => show(false), signal);
  const refresh = () => (bar.refresh(), show(true));
  show(false);
  return [
    pageHeader("Account", "What it has, where it went, and more of it."),
    bar.element,
    h("div", { class: "columns even" }, grantForm(bar, refresh, signal), openingForm(bar, signal)),
    statement,
  ];
}

async function firstPage(signal) {
  const userId = currentAccount();
  if (!userId) return emptyState("No account chosen", "Choose one above, or create one.");
  const query = { userId, pageSize: PAGE_SIZE };
  const answer = await call("getUserCredits", { query, signal }).catch((error) => {
    if (error.status !== 404) throw error;
  });
  if (!answer) return emptyState("No such account", `Nobody has opened ${userId} yet: choose another, or create it.`);
  const { currentCredits } = answer.body;
  const entries = [];
  const content = h("div", { class: "sections" });
  const show = ({ transactions, nextPageToken }) => {
    entries.push(...transactions);
    const foot = h("div", { class: "more" });
    const more = async () => {
      const shown = entries.length;
      try {
        show((await call("getUserCredits", { query: { ...query, pageToken: nextPageToken }, signal })).body);
        focusOn(content.querySelectorAll(".ledger tbody tr")[shown]);
      } catch (error) {
        foot.replaceChildren(errorPanel(error, more));
      }
    };
    if (nextPageToken) foot.append(moreButton(more));
    const history = withBalances(entries, currentCredits);
    content.replaceChildren(
      h("section", { class: "card" }, balancePlot(history, currentCredits, Boolean(nextPageToken), signal)),
      card("Ledger", h("div", { class: "ledger" }, ledgerTable(history, signal)), foot),
    );
  };
  show(answer.body);
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
      // The clocks of this machine and of the server may differ.
      times: [seconds[0] - 1, ...seconds, Math.max(Date.now() / 1000, seconds.at(-1))],
      isCount: true,
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

function ledgerTable(history, signal) {
  if (history.length === 0) return emptyState("No entries", "Charges, refunds and grants are listed here.");
  return table(
    "Ledger, newest first",
    [
      { title: "Time", cell: (entry) => moment(entry.timestamp) },
      { title: "Credits", cell: (entry) => signed(change(entry)), number: true },
      { title: "Balance", cell: (entry) => number(entry.after), number: true },
      { title: "Type", cell: (entry) => badge(words(entry.type), KINDS[entry.type]) },
      {
        title: "For",
        cell: ({ reason, generationRequestId: id }) => reason ?? (id && generationButton(id, signal)),
        isExtra: true,
      },
    ],
    history,
  );
}

/** A card with a form; `grant` checks it, sends what it asks for, and returns what to say, null where a fault is shown. */
function creditsForm(label, fields, grant, signal) {
  const outcome = h("div", { class: "outcome" });
  const submit = h("button", { class: "primary" }, label);
  const form = h(
    "form",
    { class: "stack", novalidate: true },
    h("div", { class: "pair" }, fields),
    h("div", {}, submit),
    outcome,
  );
  const stillTrying = () => outcome.replaceChildren(h("p", { class: "hint" }, "The service is busy; still trying …"));
  const send = async () => {
    clearFaults(form);
    outcome.replaceChildren();
    try {
      const said = await grant(form, (body) => callOnce("grantCredits", { body, signal }, stillTrying));
      if (!said) return void focusFault(form);
      outcome.replaceChildren(h("p", { class: "done" }, said));
      announce(said);
    } catch (error) {
      if (error.name !== "AbortError" && !showFaults(form, error)) outcome.replaceChildren(errorPanel(error));
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    once(submit, send);
  });
  return card(label, form);
}

function amountInput() {
  return h("input", { name: "credits", type: "number", min: "1", max: MOST_CREDITS, step: "1", value: "50" });
}

/** Whether the amount of a form can be granted; if not, the form says so. */
function hasAmount(form) {
  const amount = form.elements.credits;
  if (amount.value && amount.validity.valid) return true;
  showFault(form, "credits", `Give a whole number from 1 to ${number(MOST_CREDITS)}.`);
  return false;
}

function grantForm(bar, refresh, signal) {
  const reason = h("input", { name: "reason", maxlength: "200", placeholder: "granted", autocomplete: "off" });
  const grant = async (form, send) => {
    if (!hasAmount(form) || !bar.isChosen()) return null;
    const body = { userId: currentAccount(), credits: form.elements.credits.valueAsNumber };
    if (reason.value.trim()) body.reason = reason.value.trim();
    const { userId, grantedCredits, currentCredits } = (await send(body)).body;
    refresh();
    return `${credits(grantedCredits)} granted: ${userId} has ${credits(currentCredits)}.`;
  };
  return creditsForm("Grant credits", [field("Credits", amountInput()), field("Reason", reason)], grant, signal);
}

/** The first grant opens an account. */
function openingForm(bar, signal) {
  const name = h("input", { name: "userId", maxlength: "128", autocomplete: "off", spellcheck: "false" });
  const open = async (form, send) => {
    const userId = name.value.trim();
    if (!userId) showFault(form, "userId", "Give the account a name.");
    if (!hasAmount(form) || !userId) return null;
    if (await exists(userId, signal)) {
      showFault(form, "userId", "There is an account of this name; grant credits to it instead.");
      return null;
    }
    const { body } = await send({ userId, credits: form.elements.credits.valueAsNumber, reason: "opening" });
    form.reset();
    bar.choose(userId);
    return `Account ${userId} is open with ${credits(body.currentCredits)}.`;
  };
  return creditsForm("Create account", [field("Name", name), field("Credits", amountInput())], open, signal);
}

async function exists(userId, signal) {
  try {
    await call("getUserCredits", { query: { userId, pageSize: 1 }, signal });
    return true;
  } catch (error) {
    if (error.status === 404) return false;
    throw error;
  }
}
