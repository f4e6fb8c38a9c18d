// Predict, then reveal: a part that every chapter's opening widget uses, and a widget by itself.

import { verdict } from "../core/guess.mjs";
import { axes, dot, text, ticks } from "./chart.mjs";
import { button, frame, h, keepDrawn, share, slider, status, svg } from "./dom.mjs";

// The model holds `guess` (null until it is made) and `ask`: { question, truth, low, high, step,
// unit, digits, says }. Calls onReveal(guess) once the guess stands. Returns { element, stop }.
export function guessPart(model, onReveal) {
  const ask = model.get("ask");
  const say = status();
  const ruler = h("div", { class: "btl-ruler" });
  const format = (x) => `${x.toFixed(ask.digits)}${ask.unit}`;
  let value = (ask.low + ask.high) / 2;
  const range = slider({
    label: "Your guess", min: ask.low, max: ask.high, step: ask.step, value, format,
    oninput: (x) => { value = x; },
  });
  const reveal = button("Reveal", () => {
    share(model, "guess", Number(range.input.value));
    settle();
  }, { "data-btl-reveal": "" });
  const element = h(
    "div", { class: "btl-guess" },
    h("p", { class: "btl-question" }, ask.question),
    h("div", { class: "btl-row" }, range.element, reveal),
    ruler, say,
  );
  let stop = () => {};

  function settle() {
    const guess = model.get("guess");
    range.show(guess);
    range.input.disabled = true;
    reveal.disabled = true;
    element.classList.add("btl-revealed");
    const words = `${verdict({ guess, truth: ask.truth, unit: ask.unit, digits: ask.digits })} ${ask.says}`;
    say.textContent = words.trim();
    stop = keepDrawn(ruler, (width) => ruler.replaceChildren(picture(ask, guess, width, format))).stop;
    onReveal(guess);
  }

  if (model.get("guess") !== null) settle();
  return { element, stop: () => stop() };
}

function picture(ask, guess, width, format) {
  const chart = axes({
    width, height: 78, x: [ask.low, ask.high], y: [0, 1],
    xTicks: ticks(ask.low, ask.high, width < 420 ? 4 : 8),
    label: `Guess ${format(guess)}, truth ${format(ask.truth)}`,
  });
  const between = { x1: chart.X(guess), x2: chart.X(ask.truth), y1: chart.Y(0.3), y2: chart.Y(0.3) };
  chart.add(
    svg("line", { class: "btl-gap", ...between }),
    dot(chart, guess, 0.3, "btl-dot-guess", 7),
    dot(chart, ask.truth, 0.3, "btl-dot-truth", 7),
  );
  const apart = Math.abs(between.x1 - between.x2) > 90;
  const anchor = (x) => (x < 90 ? "start" : x > width - 90 ? "end" : "middle");
  chart.add(
    text(between.x1, apart ? 24 : 14, "your guess", anchor(between.x1), "btl-text btl-text-guess"),
    text(between.x2, apart ? 24 : 30, "truth", anchor(between.x2), "btl-text btl-text-strong"),
  );
  return chart.element;
}

export function render({ model, el }) {
  const part = guessPart(model, () => {});
  frame(el, model.get("title"), part.element);
  return part.stop;
}

export default { render };
