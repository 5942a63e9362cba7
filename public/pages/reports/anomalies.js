// Owns how what is unusual in a week looks. Must not know how it was found.

import { html, nothing } from "/vendor/lit-html/lit-html.js";
import { words } from "../../format.js";
import { badge } from "../../ui/elements.js";
import { failuresAddress } from "./failures.js";

const NAMED = new Set(["model", "style", "color"]);

/** @param {WeeklyReport} report */
export function anomaliesView({ week, anomalies, insufficientHistory }) {
  if (anomalies.length === 0) {
    return insufficientHistory
      ? notice("neutral", "Not judged yet", "There is no earlier week to compare with.")
      : notice("good", "Nothing unusual", "Like the weeks before.");
  }
  const title = anomalies.length === 1 ? "One thing is unusual" : `${anomalies.length} things are unusual`;
  return html`
    <section class="card anomalies">
      <h2>${title}</h2>
      <ul>
        ${anomalies.map((anomaly) => item(week, anomaly))}
      </ul>
    </section>
  `;
}

/**
 * @param {string} week
 * @param {WeeklyReport["anomalies"][number]} anomaly
 */
const item = (week, anomaly) => html`
  <li class="anomaly" data-severity=${anomaly.severity}>
    <span class="badges">
      ${badge(words(anomaly.severity), anomaly.severity === "critical" ? "bad" : "warn")}
      ${badge(words(anomaly.status), "neutral")}
    </span>
    <span>
      ${sentence(anomaly)}
      ${
        anomaly.kind === "failureRate"
          ? html`<a class="link" href=${failuresAddress(week, anomaly)}>Show the failed generations</a>`
          : nothing
      }
    </span>
  </li>
`;

/**
 * @param {string} kind
 * @param {string} title
 * @param {string} text
 */
const notice = (kind, title, text) => html`
  <section class="notice ${kind}">
    <h2>${title}</h2>
    <p>${text}</p>
  </section>
`;

/**
 * The sentence of an anomaly, in which what failed is called as in the tables below.
 * @param {WeeklyReport["anomalies"][number]} anomaly
 */
function sentence({ message, dimension, value }) {
  if (!dimension || !value || !NAMED.has(dimension)) return message;
  const [kind, name] = [words(dimension), words(value)];
  const full = name.startsWith(`${kind} `) ? name : `${kind} ${name.toLowerCase()}`;
  return message.replace(`${kind} ${value}`, () => full);
}
