// One bit, one loss, straight-through steps: the latent never settles, and the bit is right on
// average. The guess comes first; the walk is drawn after it.

import { duty, runningMean, walk } from "../core/staircase.mjs";
import { axes, dot, line, text, ticks } from "./chart.mjs";
import { frame, h, keepDrawn, key, share, slider, status, svg } from "./dom.mjs";
import { guessPart } from "./guess.mjs";

export function render({ model, el }) {
  const two = (x) => x.toFixed(2).replace("-", "−");
  const plot = h("div", { class: "btl-plot" });
  const say = status();
  const target = slider({
    label: "Target c", min: -1, max: 1, step: 0.05, value: model.get("target"), format: two,
    oninput: (c) => share(model, "target", c),
  });
  const rate = slider({
    label: "Step size", min: 0.01, max: 0.3, step: 0.01, value: model.get("rate"), format: two,
    oninput: (x) => share(model, "rate", x),
  });
  const legend = h("p", { class: "btl-legend" }, key("btl-plus", "the bit is +1"), key("btl-minus", "the bit is −1"));
  const dials = h("div", { class: "btl-row" }, target.element, rate.element);
  const shown = h("div", { hidden: true }, dials, plot, legend, say);
  const part = guessPart(model, () => { shown.hidden = false; tell(); });
  frame(el, model.get("title"), part.element, shown);

  const run = () => walk({
    start: model.get("start"), target: model.get("target"), rate: model.get("rate"), steps: model.get("steps"),
  });

  function tell() {
    const { bits } = run();
    const plus = bits.filter((b) => b > 0).length;
    const mean = runningMean(bits)[bits.length - 1];
    say.textContent = `The bit is +1 at ${plus} of ${bits.length} steps (${(100 * duty(bits)).toFixed(1)} %); `
      + `its mean is ${two(mean)}, the target ${two(model.get("target"))}.`;
  }

  function draw(width) {
    const { latents, bits } = run();
    const means = runningMean(bits);
    const last = latents.length - 1;
    const most = Math.min(1, Math.max(0.1, ...latents.map(Math.abs)) * 1.15);
    const common = { width, x: [0, last], xTicks: ticks(0, last, width < 420 ? 4 : 8) };
    const top = axes({
      ...common, height: 160, y: [-most, most], yTicks: ticks(-most, most, 4), yLabel: "latent w",
      label: "The latent over the steps: it swings about zero",
    });
    top.add(
      svg("path", { class: "btl-axis", d: `M${top.box.left} ${top.Y(0)}H${top.box.right}` }),
      line(top, latents.map((w, t) => [t, w]), "btl-line-thin"),
      latents.map((w, t) => dot(top, t, w, bits[t] > 0 ? "btl-plus" : "btl-minus", width < 420 ? 1.6 : 2.4)),
    );
    const c = model.get("target");
    const low = axes({
      ...common, height: 150, y: [-1.1, 1.1], yTicks: [-1, 0, 1], xLabel: "step", yLabel: "mean of the bit so far",
      label: "The mean of the bit so far goes to the target",
    });
    low.add(
      svg("path", { class: "btl-line-guess", d: `M${low.box.left} ${low.Y(c)}H${low.box.right}` }),
      text(low.box.right, low.Y(c) + (c > 0 ? 16 : -6), `target ${two(c)}`, "end", "btl-text btl-text-guess"),
      line(low, means.map((mean, t) => [t, mean]), "btl-line"),
    );
    plot.replaceChildren(top.element, low.element);
  }

  const drawn = keepDrawn(plot, draw);
  const redraw = () => {
    target.show(model.get("target"));
    rate.show(model.get("rate"));
    tell();
    drawn.redraw();
  };
  for (const name of ["target", "rate"]) model.on(`change:${name}`, redraw);
  return () => {
    drawn.stop();
    part.stop();
    for (const name of ["target", "rate"]) model.off(`change:${name}`, redraw);
  };
}

export default { render };
