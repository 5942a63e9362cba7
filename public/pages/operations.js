// Owns the page for operators: how often models fail, unfinished requests, the books, and the last calls.

import { call } from "../api.js";
import { card, h, idCode, pageHeader, repeat, table } from "../dom.js";
import { actionButton, announce, badge, emptyState, errorPanel, load } from "../feedback.js";
import { idOf, listDocuments, setNumber } from "../firestore.js";
import { credits, duration, number, words } from "../format.js";
import { field, once } from "../forms.js";
import { fire } from "../triggers.js";

const LIVE_MILLISECONDS = 2000;
const TIME = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

export function render({ signal, emulators }) {
  const cards = [booksCard(signal)];
  if (emulators.functions) cards.push(reconcileCard());
  const parts = [
    pageHeader("Operations", "What an operator looks at, and sets."),
    h("div", { class: "columns even" }, cards),
  ];
  if (emulators.firestore) parts.splice(1, 0, failureRateCard(signal));
  if (emulators.functions) parts.push(callsCard(signal));
  return parts;
}

function failureRateCard(signal) {
  const list = h("div", {});
  load(
    list,
    async () => {
      const { documents } = await listDocuments("models");
      if (documents.length === 0) return emptyState("No models", "The catalog has no model yet.");
      return h("div", { class: "rates" }, documents.map(rateForm));
    },
    { signal },
  );
  const hint = h(
    "p",
    { class: "hint" },
    "How often each simulated model fails. It takes effect within 30 seconds, as every change of the catalog does.",
  );
  return card("Failure rate", hint, list);
}

/** 0.07 is 7 %, and not the 7.000000000000001 that the product is. */
const inPercent = (share) => Number((share * 100).toPrecision(12));

function rateForm(model) {
  const id = idOf(model.name);
  const set = model.fields.failureRate;
  const name = model.fields.name?.stringValue ?? id;
  const current = set ? inPercent(Number(set.doubleValue ?? set.integerValue)) : "";
  const input = h("input", {
    type: "number",
    name: "rate",
    min: "0",
    max: "100",
    step: "any",
    value: String(current),
    placeholder: "default",
  });
  const outcome = h("p", { class: "hint", role: "status" });
  const save = async (value) => {
    try {
      await setNumber(`models/${id}`, "failureRate", value);
      outcome.textContent = value === null ? "The default applies." : `Saved: ${inPercent(value)} %.`;
    } catch (error) {
      outcome.textContent = error.message;
    }
  };
  const reset = () => {
    input.value = "";
    return save(null);
  };
  const submit = h("button", { class: "primary", "aria-label": `Save the failure rate of ${name}` }, "Save");
  const byDefault = h(
    "button",
    { type: "button", "aria-label": `Use the default failure rate for ${name}` },
    "Use the default",
  );
  byDefault.addEventListener("click", () => once(byDefault, reset));
  const form = h("form", { class: "rate" }, field(`${name}, %`, input), submit, byDefault, outcome);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    once(submit, () => save(input.value === "" ? null : input.valueAsNumber / 100));
  });
  return form;
}

function reconcileCard() {
  const outcome = h("div", { class: "outcome", role: "status" });
  const button = actionButton("Reconcile now", outcome, async () => {
    await fire("reconcile");
    return h("p", { class: "done" }, "Done: what was left pending past its time is refunded.");
  });
  return card(
    "Reconcile",
    h("p", { class: "hint" }, "Refunds what a dead process left unfinished. Runs every five minutes by itself."),
    button,
    outcome,
  );
}

function booksCard(signal) {
  const outcome = h("div", { class: "outcome", role: "status" });
  const button = actionButton("Verify the books", outcome, () => verify(outcome, signal));
  return card(
    "Books",
    h("p", { class: "hint" }, "Compares every balance with its ledger and its generations."),
    button,
    outcome,
  );
}

async function verify(outcome, signal) {
  const sums = {};
  const breaches = [];
  let pageToken = null;
  do {
    const { body } = await call("verifyBooks", { query: { pageToken, pageSize: 100 }, signal });
    for (const [name, value] of Object.entries(body.figures)) sums[name] = (sums[name] ?? 0) + value;
    breaches.push(...body.breaches);
    pageToken = body.nextPageToken;
    outcome.replaceChildren(h("p", { class: "hint" }, `${number(sums.accounts)} accounts so far …`));
  } while (pageToken);
  const facts = {
    Accounts: number(sums.accounts),
    "Ledger entries": number(sums.entries),
    Generations: number(sums.generations),
    Overdue: number(sums.overdue),
    "Opened with": credits(sums.openedCredits),
    Granted: credits(sums.grantedCredits),
    Deducted: credits(sums.deductedCredits),
    Refunded: credits(sums.refundedCredits),
    "Held now": credits(sums.heldCredits),
  };
  const verdict =
    breaches.length === 0 ? "The books balance." : `The books do not balance: ${number(breaches.length)} breaches.`;
  announce(verdict);
  const list = h(
    "dl",
    { class: "facts" },
    Object.entries(facts).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
  return [
    h("p", { class: breaches.length === 0 ? "done" : "failed" }, verdict),
    list,
    breaches.length > 0 && breachTable(breaches),
  ];
}

function breachTable(breaches) {
  return table(
    "Breaches",
    [
      { title: "Account", cell: (breach) => idCode(breach.userId) },
      { title: "Kind", cell: (breach) => words(breach.kind) },
      { title: "Where", cell: (breach) => breach.where && idCode(breach.where) },
      { title: "What", cell: (breach) => breach.message },
    ],
    breaches,
  );
}

/** The last calls, as long as the host remembers them; a host that does not has no such card. */
function callsCard(signal) {
  const list = h("div", {});
  const shown = card("Recent calls", list);
  let last = null;
  repeat(LIVE_MILLISECONDS, signal, async () => {
    try {
      const response = await fetch("/__/calls", { signal });
      if (response.status === 404) return void shown.remove();
      const text = await response.text();
      if (text !== last) showCalls(list, JSON.parse(text).calls);
      last = text;
    } catch (error) {
      if (error.name === "AbortError") return;
      list.replaceChildren(errorPanel(new Error("The host could not be reached.")));
      last = null;
    }
  });
  return shown;
}

/** Show calls; where there is a table of the same columns only its rows change, so that it stays where it is moved. */
function showCalls(list, calls) {
  if (calls.length === 0) {
    list.replaceChildren(emptyState("No calls yet", "Each call of a function is listed here."));
    return;
  }
  const made = callTable(calls);
  const [before, after] = [list, made].map((each) => each.querySelector("thead")?.textContent);
  if (before === after) list.querySelector("tbody").replaceWith(made.querySelector("tbody"));
  else list.replaceChildren(made);
}

function callTable(calls) {
  const kind = (status) => (status < 400 ? "good" : status < 500 ? "warn" : "bad");
  const columns = [
    { title: "Time", cell: (each) => TIME.format(new Date(each.at)) },
    { title: "Status", cell: (each) => badge(String(each.status), kind(each.status)) },
    { title: "Function", cell: (each) => h("span", { class: "id", title: each.function }, each.function) },
    { title: "Method", cell: (each) => each.method, isExtra: true },
    { title: "Took", cell: (each) => duration(each.durationMs), number: true },
  ];
  if (calls.some((each) => each.firestore)) {
    columns.push({ title: "Reads", cell: (each) => number(each.firestore?.reads), number: true });
    columns.push({ title: "Writes", cell: (each) => number(each.firestore?.writes), number: true });
  }
  columns.push({ title: "Request", cell: (each) => each.requestId && idCode(each.requestId), isExtra: true });
  return h("div", { class: "window" }, table("Recent calls, newest first", columns, calls));
}
