// Axes in SVG, drawn at the page's own pixels so that text keeps its size on a phone.

import { svg } from "./dom.mjs";

// Returns { element, X, Y, add }: X and Y take data to pixels, add() draws inside the axes.
export function axes({ width, height, x, y, xTicks = [], yTicks = [], xLabel = "", yLabel = "", label }) {
  const box = { left: 44, right: width - 12, top: yLabel ? 22 : 10, bottom: height - (xLabel ? 40 : 22) };
  const X = (value) => box.left + ((value - x[0]) / (x[1] - x[0])) * (box.right - box.left);
  const Y = (value) => box.bottom - ((value - y[0]) / (y[1] - y[0])) * (box.bottom - box.top);
  const inside = svg("g");
  const element = svg(
    "svg",
    { class: "btl-chart", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    xTicks.map((tick) => text(X(tick.at ?? tick), box.bottom + 16, tick.text ?? tick, "middle")),
    yTicks.map((tick) => svg("path", { class: "btl-grid", d: `M${box.left} ${Y(tick.at ?? tick)}H${box.right}` })),
    yTicks.map((tick) => text(box.left - 6, Y(tick.at ?? tick) + 4, tick.text ?? tick, "end")),
    svg("path", { class: "btl-axis", d: `M${box.left} ${box.bottom}H${box.right}` }),
    xLabel ? text((box.left + box.right) / 2, height - 6, xLabel, "middle") : null,
    yLabel ? text(4, 12, yLabel, "start") : null,
    inside,
  );
  return { element, X, Y, box, add: (...shapes) => inside.append(...shapes.flat(Infinity)) };
}

export function text(x, y, words, anchor = "start", kind = "btl-text") {
  return svg("text", { x, y, "text-anchor": anchor, class: kind }, String(words));
}

export function line(chart, points, kind) {
  const d = points.map(([x, y], i) => `${i ? "L" : "M"}${chart.X(x).toFixed(1)} ${chart.Y(y).toFixed(1)}`);
  return svg("path", { class: kind, d: d.join("") });
}

export function dot(chart, x, y, kind, r = 5) {
  return svg("circle", { class: kind, cx: chart.X(x), cy: chart.Y(y), r });
}

// About `count` round numbers from low to high.
export function ticks(low, high, count = 4) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) {
    found.push(Number((k * step).toPrecision(12)));
  }
  return found;
}
