// Error bits: what a layer says, what is wanted of it, and the vote that decides what is wanted.

import { ballots, desired, forward, gateBound, histogram, margin, tally } from "../core/bep.mjs";
import { decode } from "../core/codec.mjs";
import { axes, ticks } from "./chart.mjs";
import { frame, h, keepDrawn, key, share, slider, status, svg } from "./dom.mjs";

const ARROWS = { ArrowLeft: -1, ArrowRight: 1 };
const BARS = 60;

export function render({ model, el }) {
  const matrix = (packet) => {
    const { shape, data } = decode(packet);
    return { rows: shape[0], cols: shape[1], data };
  };
  const samples = matrix(model.get("a"));
  const weights = model.get("weights").map(matrix);
  const P = matrix(model.get("prototypes"));
  const [labels, names] = [model.get("y"), model.get("class_names")];
  const K = samples.cols;
  const sums = Array.from({ length: samples.rows }, (_, n) => forward(weights.slice(0, 1), activations(n))[0].z).flat();

  const columns = Array.from({ length: K }, (_, j) => h(
    "button", { type: "button", class: "btl-neuron", onclick: () => share(model, "neuron", j), onkeydown: walk },
    Array.from({ length: 5 }, () => h("span")),
  ));
  const say = status();
  const advice = status();
  const vote = h("div", { class: "btl-vote" });
  const plot = h("div", { class: "btl-plot" });
  const gates = status();
  const which = slider({
    label: "Sample", min: 0, max: samples.rows - 1, value: model.get("sample"),
    format: (n) => `${n}, ${names[labels[n]]}`, oninput: (n) => share(model, "sample", n),
  });
  const nu = slider({
    label: "Gate ν", min: 0, max: 100, value: model.get("nu"),
    format: (x) => `${(x / 100).toFixed(2)}: |z| ≤ ${gateBound(x, weights[0].cols)}, ν√K = ${((x / 100) * Math.sqrt(weights[0].cols)).toFixed(2)}`,
    oninput: (x) => share(model, "nu", x),
  });
  const other = h("select", { class: "btl-button", onchange: () => share(model, "other", other.value === "" ? null : Number(other.value)) });
  const legend = h(
    "p", { class: "btl-legend" }, "Each column is a neuron: a, below it a*, below it a XOR a*.",
    key("btl-plus", "+1"), key("btl-minus", "−1"), key("btl-wrong-bit", "error bit"), key("btl-closed", "closed gate"),
  );
  const second = h("p", { class: "btl-legend" }, "Below that, a* of the other sample, and where the two a* differ:", key("btl-accent", "differs"));
  frame(
    el, model.get("title"), h("div", { class: "btl-row" }, which.element, nu.element),
    h("label", { class: "btl-check" }, "Compare with", other),
    h("div", { class: "btl-neurons", role: "group", "aria-label": "Neurons" }, columns), legend, second, say, advice, vote,
    h("p", { class: "btl-title" }, "Who may vote: the sums z of the layer above"), plot, gates,
  );

  // One tab stop for all neurons; left and right go from one to the next.
  function walk(event) {
    const move = ARROWS[event.key];
    if (!move) return;
    event.preventDefault();
    const next = Math.min(K - 1, Math.max(0, model.get("neuron") + move));
    share(model, "neuron", next);
    columns[next].focus();
  }

  function activations(n) {
    return Array.from(samples.data.subarray(n * K, (n + 1) * K));
  }

  function show() {
    const n = model.get("sample");
    const a = activations(n);
    const { aStar, above } = desired(weights, P, a, labels[n], model.get("nu"));
    const rival = offerOthers(n);
    const theirs = rival === null ? null : desired(weights, P, activations(rival), labels[rival], model.get("nu")).aStar;
    which.show(n);
    nu.show(model.get("nu"));
    columns.forEach((column, j) => showNeuron(column, j, [a[j], aStar[j], theirs?.[j]], j === model.get("neuron")));
    second.hidden = theirs === null;
    const errors = a.filter((s, j) => s !== aStar[j]).length;
    const open = above.open.filter(Boolean).length;
    say.textContent = `${errors} of ${K} bits are error bits. ${open} of ${above.open.length} gates above are open.`
      + `${theirs === null ? "" : tellApart(n, rival, aStar.filter((s, j) => s !== theirs[j]).length)}`;
    tellAdvice(a, aStar, labels[n]);
    showVote(a, aStar, above, labels[n]);
    tellGates();
    drawn?.redraw();
  }

  // The other samples of the same class, to choose from. Returns the one that is compared with.
  function offerOthers(n) {
    const others = labels.flatMap((label, i) => (label === labels[n] && i !== n ? [i] : []));
    const rival = others.includes(model.get("other")) ? model.get("other") : null;
    other.replaceChildren(h("option", { value: "" }, "no other sample"), ...others.map((i) =>
      h("option", { value: i, selected: i === rival }, `sample ${i}, ${names[labels[i]]}`)));
    return rival;
  }

  function tellApart(n, rival, count) {
    const words = `Samples ${n} and ${rival} are both ${names[labels[n]]}: their a* differ in ${count} of ${K} bits.`;
    return count === 0 ? ` ${words} Here blame belongs to the class, not to the sample.` : ` ${words}`;
  }

  function tellGates() {
    const bound = gateBound(model.get("nu"), weights[0].cols);
    const open = sums.filter((z) => Math.abs(z) <= bound).length;
    gates.textContent = `Over all ${samples.rows} samples, ${((100 * open) / sums.length).toFixed(1)} % of the gates are open.`
      + `${open === 0 ? " Nothing passes." : ""}`;
  }

  function draw(width) {
    const fanIn = weights[0].cols;
    const bound = gateBound(model.get("nu"), fanIn);
    const last = (bound - fanIn) % 2 === 0 ? bound : bound - 1;  // the last sum that can occur
    plot.replaceChildren(windowPicture(histogram(sums, fanIn, Math.min(BARS, width / 8)), last, width));
  }

  function tellAdvice(a, aStar, y) {
    const { helps, nothing, hurts } = tally(weights, P, a, aStar, y);
    advice.textContent = `Is the advice good? The margin is ${number(margin(weights, P, a, y))}; with all of a* in place of a `
      + `it is ${number(margin(weights, P, aStar, y))}. Flipped one at a time, ${helps} error bits help, ${nothing} do nothing, ${hurts} hurt.`;
  }

  function showVote(a, aStar, above, y) {
    const j = model.get("neuron");
    const votes = ballots(weights[0], above.aStar, above.open, j);
    const [plus, minus] = [1, -1].map((side) => votes.filter((v) => v === side).length);
    const flipped = margin(weights, P, a.map((s, k) => (k === j ? -s : s)), y);
    vote.replaceChildren(
      h("p", { class: "btl-title" }, `The vote on neuron ${j}`),
      h("div", { class: "btl-ballots", role: "img", "aria-label": `${plus} votes for +1, ${minus} for −1` }, votes.map((v) =>
        h("span", { class: `btl-ballot ${v > 0 ? "btl-bit-plus" : v < 0 ? "btl-bit-minus" : "btl-bit-padding"}` }, v > 0 ? "+" : v < 0 ? "−" : "·"))),
      h("p", {}, `${plus} for +1, ${minus} for −1, ${votes.length - plus - minus} closed. Sum ${number(plus - minus)}, so a* = ${bit(aStar[j])}`
        + `${plus === minus ? " (a tie counts as +1)" : ""}; a = ${bit(a[j])}. Flip this bit alone and the margin becomes ${number(flipped)}.`),
    );
  }

  let drawn = null;
  show();
  drawn = keepDrawn(plot, draw);
  const shared = ["sample", "other", "nu", "neuron"];
  for (const name of shared) model.on(`change:${name}`, show);
  return () => {
    drawn.stop();
    for (const name of shared) model.off(`change:${name}`, show);
  };
}

// `theirs` is a* of the other sample, undefined if there is none.
function showNeuron(column, j, [a, aStar, theirs], chosen) {
  const kind = (s) => (s > 0 ? "btl-bit-plus" : "btl-bit-minus");
  const [wrong, apart] = [a !== aStar, theirs !== undefined && theirs !== aStar];
  const rows = [kind(a), kind(aStar), wrong ? "btl-wrong-bit" : "btl-right-bit"];
  if (theirs !== undefined) rows.push(kind(theirs), apart ? "btl-other-bit" : "btl-right-bit");
  Array.from(column.children).forEach((cell, row) => {
    cell.hidden = row >= rows.length;
    cell.className = rows[row] ?? "";
  });
  column.tabIndex = chosen ? 0 : -1;
  column.setAttribute("aria-pressed", String(chosen));
  const words = `neuron ${j}: a ${bit(a)}, wanted ${bit(aStar)}${wrong ? ", error bit" : ""}`;
  column.setAttribute("aria-label", `${words}${apart ? `, of the other sample ${bit(theirs)}` : ""}`);
}

// The sums as bars, dark where the gate is open, under the window that ends with the sum `last`.
function windowPicture({ low, wide, counts }, last, width) {
  const high = -low;
  const most = Math.max(...counts);
  const edge = Math.min(last + 1, high);
  const chart = axes({
    width, height: 130, x: [low, high], y: [0, most], xTicks: ticks(low, high, width < 420 ? 4 : 8), yTicks: ticks(0, most, 2),
    xLabel: "z", yLabel: "how often", label: `Histogram of z from ${low} to ${high}; gates are open up to |z| = ${last}`,
  });
  chart.add(
    svg("rect", { class: "btl-shade", x: chart.X(-edge), width: chart.X(edge) - chart.X(-edge), y: chart.box.top, height: chart.box.bottom - chart.box.top }),
    counts.map((count, i) => {
      const middle = low + (i + 0.5) * wide;
      return svg("rect", {
        class: Math.abs(middle) <= last ? "btl-bar btl-bar-now" : "btl-bar", x: chart.X(low + i * wide) + 0.5,
        width: Math.max(0.5, chart.X(low + wide) - chart.X(low) - 1), y: chart.Y(count), height: chart.box.bottom - chart.Y(count),
      });
    }),
  );
  return chart.element;
}

function bit(s) {
  return s > 0 ? "+1" : "−1";
}

function number(x) {
  return String(x).replace("-", "−");
}

export default { render };
