// Digits with one bit a pixel: drag the threshold, guess what nearest neighbour still gets.

import { decode } from "../core/codec.mjs";
import { best, binarize, countPlus } from "../core/threshold.mjs";
import { axes, dot, line, text, ticks } from "./chart.mjs";
import { colour, frame, h, keepDrawn, key, share, slider, status, svg } from "./dom.mjs";
import { guessPart } from "./guess.mjs";

const LEVELS = 16;

export function render({ model, el }) {
  const { shape, data } = decode(model.get("images"));
  const [count, side] = shape;
  const curve = model.get("curve");
  const names = model.get("labels");
  const pixels = Array.from({ length: count }, (_, i) => data.subarray(i * side * side, (i + 1) * side * side));
  const pairs = pixels.map((_, i) => ({ grey: picture(side, "in grey"), bits: picture(side, "in one bit a pixel"), name: names[i] }));
  const gallery = h("div", { class: "btl-digits" }, pairs.map(({ grey, bits, name }) =>
    h("figure", {}, grey, bits, h("figcaption", {}, name))));
  const say = status();
  const plot = h("div", { class: "btl-plot", hidden: true });
  const range = slider({
    label: "Threshold", min: 0, max: curve.length - 1, value: model.get("at"),
    format: (i) => `pixel > ${curve[i][0]}`,
    oninput: (i) => share(model, "at", i),
  });
  const part = guessPart(model, () => { plot.hidden = false; tell(); });
  frame(el, model.get("title"), gallery, range.element, part.element, plot, say);

  function tell() {
    const [threshold, accuracy] = curve[model.get("at")];
    const ink = pixels.reduce((sum, image) => sum + countPlus(binarize(image, threshold)), 0) / data.length;
    const share100 = `${(100 * ink).toFixed(0)} % of these pixels are +1`;
    const known = model.get("guess") === null ? "" : ` Nearest neighbour: ${accuracy.toFixed(1)} %.`;
    say.textContent = `pixel > ${threshold}: ${share100}.${known}`;
  }

  function paint() {
    const [plus, minus, ink] = [colour(el, "plus"), colour(el, "minus"), colour(el, "ink")];
    const threshold = curve[model.get("at")][0];
    pixels.forEach((image, i) => {
      fill(pairs[i].grey, side, (k) => [ink, image[k] / LEVELS]);
      const signs = binarize(image, threshold);
      fill(pairs[i].bits, side, (k) => [signs[k] > 0 ? plus : minus, 1]);
    });
  }

  function draw(width) {
    paint();
    if (model.get("guess") === null) return;
    const legend = h(
      "p", { class: "btl-legend" }, key("btl-dots", `grey pixels, ${model.get("grey").toFixed(1)} %`),
      key("btl-dashes", `your guess, ${model.get("guess").toFixed(1)} %`),
    );
    plot.replaceChildren(curvePicture(model, curve, width), legend);
  }

  const onChange = () => {
    range.show(model.get("at"));
    tell();
    drawn.redraw();
  };
  model.on("change:at", onChange);
  model.on("change:guess", onChange);
  tell();
  const drawn = keepDrawn(gallery, draw);
  return () => { drawn.stop(); part.stop(); };
}

function picture(side, words) {
  return h("canvas", { width: side, height: side, role: "img", "aria-label": words });
}

function fill(canvas, side, paint) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, side, side);
  for (let k = 0; k < side * side; k++) {
    const [style, alpha] = paint(k);
    context.fillStyle = style;
    context.globalAlpha = alpha;
    context.fillRect(k % side, Math.floor(k / side), 1, 1);
  }
}

function curvePicture(model, curve, width) {
  const [at, guess, grey] = [model.get("at"), model.get("guess"), model.get("grey")];
  const values = [...curve.map((point) => point[1]), guess, grey];
  const low = Math.floor((Math.min(...values) - 2) / 5) * 5;
  const [first, last] = [curve[0][0], curve[curve.length - 1][0]];
  const [threshold, accuracy] = curve[at];
  const chart = axes({
    width, height: 230, x: [first, last], y: [low, 100],
    xTicks: ticks(first, last, width < 420 ? 4 : 8), yTicks: ticks(low, 100, 4),
    xLabel: "threshold", yLabel: "accuracy of nearest neighbour, %",
    label: `Accuracy against threshold; the best is ${best(curve)[1].toFixed(1)} % at ${best(curve)[0]}`,
  });
  const late = threshold > (first + last) / 2;
  const across = (y, kind) => svg("path", { class: kind, d: `M${chart.box.left} ${chart.Y(y)}H${chart.box.right}` });
  chart.add(
    across(grey, "btl-line-soft"), across(guess, "btl-line-guess"),
    line(chart, curve, "btl-line"),
    dot(chart, threshold, accuracy, "btl-dot-truth", 6),
    text(chart.X(threshold) + (late ? -10 : 10), chart.Y(accuracy) - 10, accuracy.toFixed(1), late ? "end" : "start", "btl-text btl-text-strong"),
  );
  return chart.element;
}

export default { render };
