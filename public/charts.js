// Owns plots over time, drawn by uPlot in the colours of the page. Must not know what is plotted.

import { h } from "./dom.js";

/**
 * A plot in a figure. `times` are in seconds; `lines` are `{label, values, color, kind, show}` of the kind step, line,
 * bars or marks, where `color` names a property of the stylesheet. The same numbers stand in a table beside it, since
 * a canvas says nothing to a screen reader; `summary` says in a sentence what is seen.
 */
export function plot({ title, summary, times, lines, range = null, ticks = null, data }, signal) {
  const place = h("div", { class: "plot", role: "img", "aria-label": `${title}. ${summary}` });
  const details = h("details", { class: "numbers" }, h("summary", {}, "Show as a table"), data);
  const figure = h("figure", {}, h("figcaption", {}, h("strong", {}, title), h("span", {}, summary)), place, details);
  let chart = null;
  const draw = () => {
    if (place.clientWidth === 0) return;
    chart?.destroy();
    chart = new uPlot(options(place, lines, range, ticks), [times, ...lines.map((line) => line.values)], place);
  };
  const resized = new ResizeObserver(() => {
    if (chart && chart.width === place.clientWidth) return;
    chart ? chart.setSize({ width: place.clientWidth, height: place.clientHeight }) : draw();
  });
  resized.observe(place);
  document.addEventListener("themechange", draw, { signal });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw, { signal });
  signal.addEventListener("abort", () => (resized.disconnect(), chart?.destroy()));
  return figure;
}

function options(place, lines, range, ticks) {
  const color = resolver(place);
  const axis = {
    stroke: color("--muted"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
  };
  const y = lines[0].show;
  return {
    width: place.clientWidth,
    height: place.clientHeight,
    cursor: { y: false, drag: { x: false, y: false } },
    legend: { live: true },
    // Weeks are as wide as their bars, the first and the last too.
    scales: {
      x: { range: (_, least, most) => (ticks ? [least - ticks.margin, most + ticks.margin] : [least, most]) },
      y: { range: range ?? ((_, least, most) => [Math.min(0, least), Math.max(1, most * 1.1)]) },
    },
    axes: [
      { ...axis, grid: { show: false }, ...(ticks && { splits: () => ticks.at, values: () => ticks.labels }) },
      { ...axis, size: 52, values: (_, splits) => splits.map(y) },
    ],
    series: [
      ticks ? { label: "Week", value: (_, at) => ticks.names[ticks.at.indexOf(at)] ?? "–" } : { label: "Time" },
      ...lines.map((line) => series(line, color)),
    ],
  };
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
    return { ...common, paths: () => null, points: { show: true, size: 11, fill: stroke, stroke: color("--surface") } };
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
