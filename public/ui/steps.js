// Owns a plot of a value that changes in steps, as a line. Must not know what is plotted.

import { html, svg } from "/vendor/lit-html/lit-html.js";
import { moment, number } from "../format.js";
import { figure } from "./elements.js";

const WIDTH = 1000;
const HEIGHT = 100;

/**
 * A plot in a figure; each value holds from its time to the next one's.
 * @param {{title: string, summary: string, data: unknown, points: {at: number, value: number}[]}} given Times in Unix
 *   milliseconds, in their order.
 */
export function steps({ title, summary, data, points }) {
  const first = points[0].at;
  const last = points[points.length - 1].at;
  const values = points.map((point) => point.value);
  const most = Math.max(1, ...values);
  const x = (/** @type {number} */ at) => (((at - first) / Math.max(last - first, 1)) * WIDTH).toFixed(1);
  const y = (/** @type {number} */ value) => (HEIGHT * (1 - value / most)).toFixed(1);
  const path = points.map(({ at, value }) => `H${x(at)}V${y(value)}`).join("");
  const drawing = html`
    <div class="steps" role="img" aria-label="${title}. ${summary}">
      <span>${number(most)}</span>
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
        ${svg`<path d="M0 ${y(values[0])}${path}" />`}
      </svg>
      <span>0</span>
      <span>${moment(first)}</span>
      <span>${moment(last)}</span>
    </div>
  `;
  return figure(title, summary, drawing, data);
}
