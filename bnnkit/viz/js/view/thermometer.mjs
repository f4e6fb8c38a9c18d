// A signal, its quantile thresholds, and the bits that come out.

import { quantiles, thermometer } from "../core/thermometer.mjs";
import { axes, dot, line, text, ticks } from "./chart.mjs";
import { frame, h, keepDrawn, key, share, slider, status, svg } from "./dom.mjs";

export function render({ model, el }) {
  const signal = model.get("signal");
  const plot = h("div", { class: "btl-plot" });
  const say = status();
  const bits = slider({
    label: "Bits", min: 1, max: model.get("most"), value: model.get("bits"),
    oninput: (n) => share(model, "bits", n),
  });
  const place = slider({
    label: "Time", min: 0, max: signal.length - 1, value: model.get("at"),
    oninput: (t) => share(model, "at", t),
  });
  const legend = h("p", { class: "btl-legend" }, key("btl-plus", "+1: above the threshold"), key("btl-minus", "−1"));
  frame(el, model.get("title"), h("div", { class: "btl-row" }, bits.element, place.element), plot, legend, say);

  function tell() {
    const x = signal[model.get("at")];
    const thresholds = quantiles(signal, model.get("bits"));
    const code = thermometer(x, thresholds);
    const above = code.filter((s) => s > 0).length;
    const words = code.map((s) => (s > 0 ? "+1" : "−1")).join(" ");
    say.textContent = `Time ${model.get("at")}: x = ${number(x)} exceeds ${above} of ${thresholds.length} thresholds: ${words}.`;
  }

  function draw(width) {
    const thresholds = quantiles(signal, model.get("bits"));
    const at = model.get("at");
    const rows = thresholds.length;
    const high = Math.max(9, Math.min(20, 160 / rows));
    const bottom = 190;
    const [low, top] = [Math.min(...signal), Math.max(...signal)];
    const room = (top - low) * 0.06 || 1;
    const chart = axes({
      width, height: bottom, x: [-0.5, signal.length - 0.5], y: [low - room, top + room], yTicks: ticks(low, top, 4),
      label: `A signal of ${signal.length} values with ${rows} thresholds`, yLabel: "signal and thresholds",
    });
    const height = bottom + rows * high + 26;
    chart.element.setAttribute("height", height);
    chart.element.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const wide = chart.X(1) - chart.X(0);
    const start = bottom - 8;
    chart.add(
      thresholds.map((y) => svg("path", { class: "btl-line-soft", d: `M${chart.box.left} ${chart.Y(y)}H${chart.box.right}` })),
      svg("rect", { class: "btl-now", x: chart.X(at - 0.5), width: wide, y: chart.box.top, height: start + rows * high - chart.box.top }),
      line(chart, signal.map((x, t) => [t, x]), "btl-line"), dot(chart, at, signal[at], "btl-dot-truth", 5),
      signal.map((x, t) => thermometer(x, thresholds).map((s, k) => svg("rect", {
        class: s > 0 ? "btl-plus" : "btl-minus", x: chart.X(t - 0.5), width: Math.max(0.5, wide - 1),
        y: start + (rows - 1 - k) * high, height: high - 1,
      }))),
      text(chart.box.left - 6, start + 10, `bit ${rows}`, "end"),
      rows > 1 ? text(chart.box.left - 6, start + rows * high - 2, "bit 1", "end") : "",
      text((chart.box.left + chart.box.right) / 2, height - 6, "time", "middle"),
    );
    plot.replaceChildren(chart.element);
  }

  const drawn = keepDrawn(plot, draw);
  const redraw = () => {
    bits.show(model.get("bits"));
    place.show(model.get("at"));
    tell();
    drawn.redraw();
  };
  for (const name of ["bits", "at"]) model.on(`change:${name}`, redraw);
  tell();
  return () => {
    drawn.stop();
    for (const name of ["bits", "at"]) model.off(`change:${name}`, redraw);
  };
}

function number(x) {
  return String(Number(x.toPrecision(4))).replace("-", "−");
}

export default { render };
