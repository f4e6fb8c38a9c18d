// The sign, the stochastic sign and the window of the straight-through estimator.

import { integerProbability, randomWords } from "../core/philox.mjs";
import { probabilityOfPlus, sign, steGradient } from "../core/sign.mjs";
import { axes, dot, line, text } from "./chart.mjs";
import { frame, h, keepDrawn, key, share, slider, status, svg } from "./dom.mjs";
import { guessPart } from "./guess.mjs";

const EDGE = 2.5;
const DRAWS = 40;
const SEED = 1;
const STREAM = 7;

export function render({ model, el }) {
  const plot = h("div", { class: "btl-plot btl-drag" });
  const draws = h("div", { class: "btl-draws", role: "img" });
  const say = status();
  const two = (x) => x.toFixed(2).replace("-", "−");
  const input = slider({
    label: "Input x", min: -EDGE, max: EDGE, step: 0.05, value: model.get("x"), format: two,
    oninput: (x) => share(model, "x", x),
  });
  const window = slider({
    label: "Clip", min: 0.1, max: 2, step: 0.1, value: model.get("clip"), format: two,
    oninput: (clip) => share(model, "clip", clip),
  });
  const legend = h(
    "p", { class: "btl-legend" }, key("btl-ink", "sign(x)"), key("btl-accent", "mean of the stochastic sign"),
    key("btl-shade", "window: the gradient passes"),
  );
  const part = model.get("ask") ? guessPart(model, () => {}) : null;
  frame(
    el, model.get("title"), ...(part ? [part.element] : []), h("div", { class: "btl-row" }, input.element, window.element),
    plot, legend, h("p", {}, `${DRAWS} draws of the stochastic sign at x`), draws, say,
  );

  function tell() {
    const [x, clip] = [model.get("x"), model.get("clip")];
    const p = probabilityOfPlus(x, clip);
    const passes = steGradient(x, 1, clip) ? "passes the gradient" : "stops the gradient";
    const value = sign(x) > 0 ? "+1" : "−1";
    const words = randomWords(SEED, STREAM, DRAWS);
    const plus = Array.from(words, (word) => word < integerProbability(p));
    draws.replaceChildren(...plus.map((up) => h("span", { class: up ? "btl-swatch btl-plus" : "btl-swatch btl-minus" })));
    draws.setAttribute("aria-label", `${plus.filter(Boolean).length} of ${DRAWS} draws are +1`);
    say.textContent = `x = ${two(x)}: sign is ${value}; stochastic sign is +1 with probability ${p.toFixed(2)}, `
      + `mean ${two(2 * p - 1)}; the straight-through estimator ${passes} (true slope: 0 or undefined).`;
  }

  function draw(width) {
    const [x, clip] = [model.get("x"), model.get("clip")];
    const chart = axes({
      width, height: 220, x: [-EDGE, EDGE], y: [-1.4, 1.4], xTicks: [-2, -1, 0, 1, 2], yTicks: [-1, 0, 1],
      xLabel: "x", label: `Sign, stochastic sign and window at x = ${two(x)}, clip ${two(clip)}`,
    });
    const open = steGradient(x, 1, clip) !== 0;
    chart.add(
      svg("rect", {
        class: "btl-shade", x: chart.X(-clip), width: chart.X(clip) - chart.X(-clip),
        y: chart.box.top, height: chart.box.bottom - chart.box.top,
      }),
      svg("path", { class: "btl-axis", d: `M${chart.X(x)} ${chart.box.top}V${chart.box.bottom}` }),
      line(chart, [[-EDGE, -1], [-clip, -1], [clip, 1], [EDGE, 1]], "btl-line-guess"),
      line(chart, [[-EDGE, -1], [0, -1]], "btl-line"),
      line(chart, [[0, 1], [EDGE, 1]], "btl-line"),
      dot(chart, 0, -1, "btl-dot-open", 4), dot(chart, 0, 1, "btl-dot-truth", 4),
      dot(chart, x, sign(x), sign(x) > 0 ? "btl-plus" : "btl-minus", 7),
      dot(chart, x, 2 * probabilityOfPlus(x, clip) - 1, "btl-dot-guess", 5),
    );
    const [side, shift] = x > 0 ? ["end", -6] : ["start", 6];
    chart.add(text(chart.X(x) + shift, chart.Y(-1.27), `gradient × ${open ? 1 : 0}`, side, "btl-text btl-text-strong"));
    plot.replaceChildren(chart.element);
    plot.toData = (pixel) => ((pixel - chart.box.left) / (chart.box.right - chart.box.left)) * 2 * EDGE - EDGE;
  }

  function drag(event) {
    if (event.buttons === 0 && event.type === "pointermove") return;
    const x = plot.toData(event.clientX - plot.getBoundingClientRect().left);
    share(model, "x", Math.round(Math.min(EDGE, Math.max(-EDGE, x)) * 20) / 20);
  }
  plot.addEventListener("pointerdown", drag);
  plot.addEventListener("pointermove", drag);

  const drawn = keepDrawn(plot, draw);
  const redraw = () => {
    input.show(model.get("x"));
    window.show(model.get("clip"));
    tell();
    drawn.redraw();
  };
  for (const name of ["x", "clip"]) model.on(`change:${name}`, redraw);
  tell();
  return () => {
    drawn.stop();
    part?.stop();
    for (const name of ["x", "clip"]) model.off(`change:${name}`, redraw);
  };
}

export default { render };
