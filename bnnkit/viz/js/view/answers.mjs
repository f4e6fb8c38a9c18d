// All 2^K answers that a layer could give, by the margin they lead to: where a, a* and the best stand.

import { allMargins, answerNumber, canAskAll, spread } from "../core/answers.mjs";
import { axes, text, ticks } from "./chart.mjs";
import { count, h, number, status, svg } from "./dom.mjs";

// `net` holds weights, P and K. Returns { element, draw(now, width) }; an empty element where there are
// too many answers to ask them all.
export function answersPanel(net) {
  if (!canAskAll(net.weights, net.P)) return { element: null, draw() {} };
  const known = new Map();  // margins of all answers, for each class
  const plot = h("div", { class: "btl-plot" });
  const say = status();

  function draw({ a, aStar, y }, width) {
    if (!known.has(y)) known.set(y, allMargins(net.weights, net.P, y));
    const margins = known.get(y);
    const bars = spread(margins);
    const marks = { a: margins[answerNumber(a)], "a*": margins[answerNumber(aStar)], best: bars[bars.length - 1][0] };
    const better = margins.reduce((sum, m) => sum + (m > marks["a*"] ? 1 : 0), 0);
    const best = bars[bars.length - 1][1];
    say.textContent = `Of all ${margins.length} answers that ${net.K} neurons can give, ${better} lead to a larger margin than a*. `
      + `The largest is ${number(marks.best)}; ${count(best, "answer reaches", "answers reach")} it.`;
    plot.replaceChildren(picture(bars, marks, width));
  }

  return { element: h("div", {}, plot, say), draw };
}

function picture(bars, marks, width) {
  const [low, high] = [bars[0][0] - 1, bars[bars.length - 1][0] + 1];
  const most = Math.max(...bars.map(([, times]) => times));
  const chart = axes({
    width, height: 168, x: [low, high], y: [0, most * 1.45], xTicks: ticks(low, high, width < 420 ? 4 : 8), yTicks: ticks(0, most, 2),
    xLabel: "margin", yLabel: "answers",
    label: `Histogram of the margin over all answers, from ${low + 1} to ${high - 1}; a leads to ${marks.a}, a* to ${marks["a*"]}`,
  });
  const wide = Math.max(1, Math.min(14, (chart.X(2) - chart.X(0)) * 0.8));
  chart.add(bars.map(([margin, times]) => svg("rect", {
    class: Object.values(marks).includes(margin) ? "btl-bar btl-bar-now" : "btl-bar",
    x: chart.X(margin) - wide / 2, width: wide, y: chart.Y(times), height: chart.box.bottom - chart.Y(times),
  })));
  // Names at three heights, so that they never lie on one another; a line leads down from each.
  Object.entries(marks).forEach(([name, margin], level) => {
    const [x, y] = [chart.X(margin), chart.box.top + 12 + 15 * level];
    const near = x < width / 2;
    chart.add(
      svg("path", { class: "btl-line-thin", d: `M${x} ${y - 8}V${chart.box.bottom}` }),
      text(x + (near ? 4 : -4), y, `${name}: ${number(margin)}`, near ? "start" : "end", "btl-text btl-text-strong"),
    );
  });
  return chart.element;
}
