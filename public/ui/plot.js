// Owns plots of named points, such as weeks, drawn by uPlot in the colours of the page. Must not know what is plotted.

import { html } from "/vendor/lit-html/lit-html.js";
import { figure } from "./elements.js";

const HEIGHT = 200;
// Steps of an axis of counts: there is no half a request.
const WHOLE = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

/** uPlot is a classic script that sets a global name; only a page with plots loads it. */
const loading = new Promise((resolve, reject) => {
  const script = document.createElement("script");
  script.src = "/vendor/uplot/uPlot.iife.min.js";
  script.addEventListener("load", resolve);
  script.addEventListener("error", () => reject(new Error("uPlot could not be loaded.")));
  document.head.append(script);
});

/**
 * A plot in a figure.
 * @param {{title: string, summary: string, data: unknown, shown: Plotted}} given
 */
export const plot = ({ title, summary, data, shown }) =>
  figure(
    title,
    summary,
    html`<time-plot class="plot" role="img" aria-label="${title}. ${summary}" .shown=${shown}></time-plot>`,
    data,
  );

/** An element that draws what it is given as often as that, its width or the theme changes. */
class TimePlot extends HTMLElement {
  /** @type {Plotted | null} */
  #shown = null;
  /** @type {uPlot | null} */
  #chart = null;
  #gone = new AbortController();
  #resized = new ResizeObserver(() => this.#fit());

  /** @param {Plotted} shown */
  set shown(shown) {
    this.#shown = shown;
    if (this.#chart) this.#draw();
  }

  async connectedCallback() {
    this.#gone = new AbortController();
    const { signal } = this.#gone;
    await loading;
    if (signal.aborted) return;
    const draw = () => this.#draw();
    document.addEventListener("themechange", draw, { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw, { signal });
    this.#resized.observe(this);
  }

  disconnectedCallback() {
    this.#gone.abort();
    this.#resized.disconnect();
    this.#chart?.destroy();
    this.#chart = null;
  }

  #fit() {
    if (!this.#chart) this.#draw();
    else if (this.#chart.width !== this.clientWidth) this.#chart.setSize({ width: this.clientWidth, height: HEIGHT });
  }

  #draw() {
    if (!this.#shown || this.clientWidth === 0) return;
    this.#chart?.destroy();
    const { times, lines } = this.#shown;
    this.#chart = new uPlot(options(this, this.#shown), [times, ...lines.map((line) => line.values)], this);
  }
}

customElements.define("time-plot", TimePlot);

/**
 * @param {HTMLElement} place
 * @param {Plotted} shown
 * @returns {uPlot.Options}
 */
function options(place, { times, lines, tick = lines[0].show, range, ticks, isCount, chosen = times.length - 1 }) {
  const color = resolver(place);
  const readChosen = (/** @type {uPlot} */ chart) => {
    if (chart.legend.idx == null) chart.setLegend({ idx: chosen }, false);
  };
  return {
    width: place.clientWidth,
    height: HEIGHT,
    cursor: { y: false, drag: { x: false, y: false } },
    legend: { live: true },
    hooks: {
      ready: [readChosen],
      setLegend: [readChosen],
      drawClear: [(chart) => highlight(chart, times[chosen], ticks.margin, color("--raised"))],
    },
    scales: {
      // Weeks are as wide as their bars, the first and the last too.
      x: { range: (_, least, most) => [least - ticks.margin, most + ticks.margin] },
      y: { range: (_, least, most) => range?.(least, most) ?? [Math.min(0, least), Math.max(1, most * 1.1)] },
    },
    axes: axes(color, tick, ticks, isCount),
    series: [
      { label: "Week", value: (_, at) => ticks.names[ticks.at.indexOf(at)] ?? "–" },
      ...lines.map((line) => series(line, color)),
    ],
  };
}

/**
 * @param {(name: string) => string} color
 * @param {(value: number) => string} tick
 * @param {Ticks} ticks
 * @param {boolean} [isCount]
 * @returns {uPlot.Axis[]}
 */
function axes(color, tick, ticks, isCount) {
  const axis = {
    stroke: color("--muted"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
  };
  const times = { ...axis, grid: { show: false }, size: 32, space: 70 };
  return [
    { ...times, splits: () => ticks.at, values: () => ticks.labels },
    { ...axis, size: 52, values: (_, splits) => splits.map(tick), ...(isCount && { incrs: WHOLE }) },
  ];
}

/**
 * Lay a band behind the week that is looked at.
 * @param {uPlot} chart
 * @param {number} at
 * @param {number} margin
 * @param {string} fill
 */
function highlight(chart, at, margin, fill) {
  const [left, right] = [at - margin, at + margin].map((edge) => chart.valToPos(edge, "x", true));
  chart.ctx.fillStyle = fill;
  chart.ctx.fillRect(left, chart.bbox.top, right - left, chart.bbox.height);
}

/**
 * @param {Line} line
 * @param {(name: string) => string} color
 * @returns {uPlot.Series}
 */
function series({ label, color: name, kind, show }, color) {
  const stroke = color(name);
  const { bars } = /** @type {Required<uPlot.Series.PathBuilderFactories>} */ (uPlot.paths);
  /** @type {uPlot.Series} */
  const common = { label, stroke, width: 2, value: (_, value) => (value === null ? "–" : show(value)) };
  switch (kind) {
    case "bars":
      return {
        ...common,
        width: 0,
        fill: stroke,
        paths: bars({ size: [0.6, 36], radius: 0.15 }),
        points: { show: false },
      };
    case "marks":
      return {
        ...common,
        value: (_, value) => (value === null ? "no" : "yes"),
        paths: () => null,
        points: { show: true, size: 11, fill: stroke, stroke: color("--surface") },
      };
    case "line":
      return { ...common, points: { show: true, size: 6, fill: stroke } };
  }
}

/**
 * Properties hold colours of both themes, which only an element that uses them resolves.
 * @param {HTMLElement} place
 */
function resolver(place) {
  return (/** @type {string} */ name) => {
    const probe = document.createElement("span");
    probe.hidden = true;
    probe.style.color = `var(${name})`;
    place.append(probe);
    const color = getComputedStyle(probe).color;
    probe.remove();
    return color;
  };
}
