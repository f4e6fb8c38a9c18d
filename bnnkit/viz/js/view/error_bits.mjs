// Error bits: what a layer says, what is wanted of it, and the vote that decides what is wanted.

import { ballots, desired, gateBound, margin, tally } from "../core/bep.mjs";
import { decode } from "../core/codec.mjs";
import { frame, h, key, share, slider, status } from "./dom.mjs";

const ARROWS = { ArrowLeft: -1, ArrowRight: 1 };

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

  const columns = Array.from({ length: K }, (_, j) => h(
    "button", { type: "button", class: "btl-neuron", onclick: () => share(model, "neuron", j), onkeydown: walk },
    h("span"), h("span"), h("span"),
  ));
  const say = status();
  const advice = status();
  const vote = h("div", { class: "btl-vote" });
  const which = slider({
    label: "Sample", min: 0, max: samples.rows - 1, value: model.get("sample"),
    format: (n) => `${n}, ${names[labels[n]]}`, oninput: (n) => share(model, "sample", n),
  });
  const nu = slider({
    label: "Gate ν", min: 0, max: 100, value: model.get("nu"),
    format: (x) => `${(x / 100).toFixed(2)}: |z| ≤ ${gateBound(x, weights[0].cols)}`, oninput: (x) => share(model, "nu", x),
  });
  const legend = h(
    "p", { class: "btl-legend" }, "Each column is a neuron: a, below it a*, below it a XOR a*.",
    key("btl-plus", "+1"), key("btl-minus", "−1"), key("btl-wrong-bit", "error bit"), key("btl-closed", "closed gate"),
  );
  frame(
    el, model.get("title"), h("div", { class: "btl-row" }, which.element, nu.element),
    h("div", { class: "btl-neurons", role: "group", "aria-label": "Neurons" }, columns), legend, say, advice, vote,
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

  function show() {
    const n = model.get("sample");
    const a = Array.from(samples.data.subarray(n * K, (n + 1) * K));
    const { aStar, above } = desired(weights, P, a, labels[n], model.get("nu"));
    which.show(n);
    nu.show(model.get("nu"));
    columns.forEach((column, j) => showNeuron(column, j, a[j], aStar[j], j === model.get("neuron")));
    const errors = a.filter((s, j) => s !== aStar[j]).length;
    const open = above.open.filter(Boolean).length;
    say.textContent = `${errors} of ${K} bits are error bits. ${open} of ${above.open.length} gates above are open.`;
    tellAdvice(a, aStar, labels[n]);
    showVote(a, aStar, above, labels[n]);
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

  show();
  const shared = ["sample", "nu", "neuron"];
  for (const name of shared) model.on(`change:${name}`, show);
  return () => {
    for (const name of shared) model.off(`change:${name}`, show);
  };
}

function showNeuron(column, j, a, aStar, chosen) {
  const kind = (s) => (s > 0 ? "btl-bit-plus" : "btl-bit-minus");
  const [top, middle, bottom] = column.children;
  top.className = kind(a);
  middle.className = kind(aStar);
  bottom.className = a === aStar ? "btl-right-bit" : "btl-wrong-bit";
  column.tabIndex = chosen ? 0 : -1;
  column.setAttribute("aria-pressed", String(chosen));
  column.setAttribute("aria-label", `neuron ${j}: a ${bit(a)}, wanted ${bit(aStar)}${a === aStar ? "" : ", error bit"}`);
}

function bit(s) {
  return s > 0 ? "+1" : "−1";
}

function number(x) {
  return String(x).replace("-", "−");
}

export default { render };
