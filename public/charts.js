// Owns plots over time, drawn by uPlot in the colours of the page. Must not know what is plotted.

import { h } from "./dom.js";
import { axisMoment, moment } from "./format.js";

const HEIGHT = 200;
const LEAST_SECONDS = 60;
// Steps of an axis of counts: there is no half a request.
const WHOLE = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

/**
 * A plot in a figure. `times` are in seconds; `lines` are `{label, values, color, kind, show}` of the kind step, line,
 * bars or marks, where `color` names a property of the stylesheet, and `isCount` says that all are whole numbers. The
 * point at `chosen`, the last unless told, is the one whose values are read while the pointer is elsewhere.
 * The same numbers stand in a table beside it, since a canvas says nothing to a screen reader; `summary` says in a
 * sentence what is seen.
 */
export function plot({ title, summary, data, ...shown }, signal) {
  const place = h("div", { class: "plot", role: "img", "aria-label": `${title}. ${summary}` });
  const details = h("details", { class: "numbers" }, h("summary", {}, "Show as a table"), data);
  const figure = h("figure", {}, h("figcaption", {}, h("strong", {}, title), h("span", {}, summary)), place, details);
  const gone = new AbortController();
  const ended = AbortSignal.any([signal, gone.signal]);
  let chart = null;
  const draw = () => {
    if (place.clientWidth === 0) return;
    chart?.destroy();
    chart = new uPlot(options(place, shown), [shown.times, ...shown.lines.map((line) => line.values)], place);
  };
  const resized = new ResizeObserver(() => {
    // Another has taken its place.
    if (!place.isConnected) return gone.abort();
    if (chart && chart.width === place.clientWidth) return;
    chart ? chart.setSize({ width: place.clientWidth, height: HEIGHT }) : draw();
  });
  resized.observe(place);
  document.addEventListener("themechange", draw, { signal: ended });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw, { signal: ended });
  ended.addEventListener("abort", () => (resized.disconnect(), chart?.destroy()));
  return figure;
}

function options(
  place,
  { times, lines, tick = lines[0].show, range = null, ticks = null, isCount = false, chosen = times.length - 1 },
) {
  const color = resolver(place);
  const axis = {
    stroke: color("--muted"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
  };
  const readChosen = (chart) => chart.legend.idx == null && chart.setLegend({ idx: chosen }, false);
  return {
    width: place.clientWidth,
    height: HEIGHT,
    cursor: { y: false, drag: { x: false, y: false } },
    legend: { live: true },
    hooks: {
      ready: [readChosen],
      setLegend: [readChosen],
      drawClear: ticks ? [(chart) => highlight(chart, times[chosen], ticks.margin, color("--raised"))] : [],
    },
    // Weeks are as wide as their bars, the first and the last too.
    scales: {
      x: {
        range: (_, least, most) =>
          ticks ? [least - ticks.margin, most + ticks.margin] : [Math.min(least, most - LEAST_SECONDS), most],
      },
      y: { range: range ?? ((_, least, most) => [Math.min(0, least), Math.max(1, most * 1.1)]) },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 32,
        space: 70,
        ...(ticks
          ? { splits: () => ticks.at, values: () => ticks.labels }
          : { values: (_, splits, __, ___, step) => splits.map((at) => axisMoment(at * 1000, step)) }),
      },
      { ...axis, size: 52, values: (_, splits) => splits.map(tick), ...(isCount && { incrs: WHOLE }) },
    ],
    series: [
      ticks
        ? { label: "Week", value: (_, at) => ticks.names[ticks.at.indexOf(at)] ?? "–" }
        : { label: "Time", value: (_, at) => (at === null ? "–" : moment(at * 1000)) },
      ...lines.map((line) => series(line, color)),
    ],
  };
}

/** Lay a band behind the week that is looked at. */
function highlight(chart, at, margin, fill) {
  const [left, right] = [at - margin, at + margin].map((edge) => chart.valToPos(edge, "x", true));
  chart.ctx.fillStyle = fill;
  chart.ctx.fillRect(left, chart.bbox.top, right - left, chart.bbox.height);
}

function series({ label, color: name, kind, show }, color) {
  const stroke = color(name);
  const common = { label, stroke, width: 2, value: (_, value) => (value === null ? "–" : show(value)) };
  const { stepped, bars } = uPlot.paths;
  if (kind === "step")
    return { ...common, fill: color(`${name}-soft`), paths: stepped({ align: 1 }), points: { show: false } };
  if (kind === "bars")
    return {
      ...common,
      width: 0,
      fill: stroke,
      paths: bars({ size: [0.6, 36], radius: 0.15 }),
      points: { show: false },
    };
  if (kind === "marks")
    return {
      ...common,
      value: (_, value) => (value === null ? "no" : "yes"),
      paths: () => null,
      points: { show: true, size: 11, fill: stroke, stroke: color("--surface") },
    };
  return { ...common, points: { show: true, size: 6, fill: stroke } };
}

/** Properties hold colours of both themes, which only an element that uses them resolves. */
function resolver(place) {
  return (name) => {
    const probe = h("span", { hidden: true });
    probe.style.color = `var(${name})`;
    place.append(probe);
    const color = getComputedStyle(probe).color;
    probe.remove();
    return color;
  };
}
