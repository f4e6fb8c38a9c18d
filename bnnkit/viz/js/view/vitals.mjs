// The playground's charts: accuracy over the epochs, and the vital signs in their healthy bands.

import { axes, line, ticks } from "./chart.mjs";
import { h, svg } from "./dom.mjs";

export const LINES = { bep: "btl-line-plus", local: "btl-line-minus btl-dashes", frozen: "btl-line-soft" };
export const NAMES = { bep: "BEP", local: "local rule", frozen: "frozen" };
const percent = (error) => 100 * (1 - error);

// Errors after each epoch as points; training errors were taken during it.
function points({ test, train }, which) {
  return which === "test" ? test.map((error, e) => [e, percent(error)]) : train.map((error, e) => [e + 0.5, percent(error)]);
}

export function accuracyChart({ runs, before }, { which, epochs, width }) {
  const lines = runs.map((run) => [points(run, which), LINES[run.credit]]);
  if (before) lines.unshift([points(before, which), `${LINES.bep} btl-before`]);
  const low = Math.min(...lines.flatMap(([xy]) => xy.map(([, y]) => y)), 50);
  const floor = Math.max(0, 10 * Math.floor(low / 10));
  const chart = axes({
    width, height: 220, x: [0, epochs], y: [floor, 100], xTicks: ticks(0, epochs, width < 420 ? 4 : 8), yTicks: ticks(floor, 100, 4),
    xLabel: "epoch", yLabel: which === "test" ? "new points right, %" : "training points right, %",
    label: `Accuracy on the ${which} points over ${epochs} epochs; the table below has the numbers`,
  });
  chart.add(lines.filter(([xy]) => xy.length).map(([xy, kind]) => line(chart, xy, kind)));
  return chart.element;
}

// One small chart a vital sign: its band, the run, and the run before it.
export function signCharts({ signs, looks, beforeLooks, n }, { bands, epochs, width }) {
  const across = width < 420 ? 1 : width < 640 ? 2 : 3;
  const wide = Math.floor((width - 8 * (across - 1)) / across);
  return signs.map((name, sign) => h("div", {}, signChart({ name, sign, looks, beforeLooks, bands, epochs, width: wide })));
}

function signChart({ name, sign, looks, beforeLooks, bands, epochs, width }) {
  const path = (entries) => entries.filter(({ values }) => values[sign] !== null).map(({ at, values }) => [at / 10, values[sign]]);
  const now = path(looks);
  const past = path(beforeLooks);
  const area = (bands ?? []).filter(([, ranges]) => ranges[sign]).map(([at, ranges]) => [at / 10, ...ranges[sign]]);
  const top = Math.max(0.5, ...now.map(([, y]) => y), ...area.map(([, , high]) => high));
  const high = sign < 2 || name.startsWith("error") ? 1 : top;
  const last = now.length ? now[now.length - 1][1] : null;
  const chart = axes({
    width, height: 96, x: [0, epochs], y: [0, high], xTicks: ticks(0, epochs, 3), yTicks: ticks(0, high, 2), yLabel: name,
    label: `${name}: ${last === null ? "nothing yet" : `now ${short(last)}`}${area.length ? `, usual ${short(area[area.length - 1][1])} to ${short(area[area.length - 1][2])}` : ""}`,
  });
  if (area.length) {
    const edge = [...area.map(([x, , up]) => [x, up]), ...area.map(([x, down]) => [x, down]).reverse()];
    chart.add(svg("path", { class: "btl-shade", d: `M${edge.map(([x, y]) => `${chart.X(x).toFixed(1)} ${chart.Y(Math.min(y, high)).toFixed(1)}`).join("L")}Z` }));
  }
  if (past.length) chart.add(line(chart, past, `${LINES.bep} btl-before`));
  if (now.length) chart.add(line(chart, now, LINES.bep));
  return chart.element;
}

export function short(x) {
  return x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2);
}

// "First to leave its band: open gates, after 0.1 epochs: 0.00, usually 0.60 to 0.79."
export function tellDepartures(left, signs) {
  if (left.length === 0) return "All vital signs stayed in the bands of healthy networks.";
  const one = ({ sign, value, band }) => `${signs[sign]} ${short(value)} (usually ${short(band[0])} to ${short(band[1])})`;
  const [first, ...later] = left;
  const words = `Moved first, after ${first.at / 10} epochs: ${first.signs.map(one).join("; ")}.`;
  if (later.length === 0) return words;
  return `${words} Then ${later.map(({ at, signs: some }) => `${some.map(({ sign }) => signs[sign]).join(" and ")} (epoch ${at / 10})`).join(", ")}.`;
}
