// Error bits: what a layer says, what is wanted of it, and the vote that decides what is wanted.

import { ballots, desired, forward, gateBound, margin, tally } from "../core/bep.mjs";
import { wrongBitsAllowed } from "../core/answers.mjs";
import { ceilTimes } from "../core/exact.mjs";
import { decode } from "../core/codec.mjs";
import { select, sums, update } from "../core/lesson.mjs";
import { sign } from "../core/sign.mjs";
import { answersPanel } from "./answers.mjs";
import { bit, button, count, frame, h, keepDrawn, key, number, share, slider, status } from "./dom.mjs";
import { gateSlider } from "./gate.mjs";
import { lessonPanel } from "./lesson.mjs";
import { showBallots } from "./vote.mjs";
import { windowPicture } from "./window.mjs";

const ARROWS = { ArrowLeft: -1, ArrowRight: 1 };
const CREDITS = { bep: "the votes, by Wᵀ", feedback: "random feedback", local: "local prototype" };
const SHARED = ["sample", "other", "nu", "neuron", "credit", "lessons"];

export function render({ model, el }) {
  const net = read(model);
  const { labels, names, K } = net;
  let now = null;

  const columns = Array.from({ length: K }, (_, j) => h(
    "button", { type: "button", class: "btl-neuron", onclick: () => share(model, "neuron", j), onkeydown: walk },
    Array.from({ length: 5 }, () => h("span")),
  ));
  const say = status();
  const advice = status();
  const vote = h("div", { class: "btl-ballots", role: "img", "aria-label": "no votes" });
  const voteTitle = h("p", { class: "btl-title" });
  const voteWords = h("p");
  const plot = h("div", { class: "btl-plot" });
  const gates = status();
  const which = slider({
    label: "Sample", min: 0, max: net.n - 1, value: model.get("sample"),
    format: (n) => `${n}, ${names[labels[n]]}`, oninput: (n) => share(model, "sample", n),
  });
  const nu = gateSlider(model, () => net.weights[0].cols);
  const credits = Object.entries(CREDITS).map(([name, words]) => [name, button(words, () => share(model, "credit", name))]);
  const other = h("select", { class: "btl-button", onchange: () => share(model, "other", other.value === "" ? null : Number(other.value)) });
  const legend = h(
    "p", { class: "btl-legend" }, "Each column is a neuron: a, below it a*, below it a XOR a*.",
    key("btl-plus", "+1"), key("btl-minus", "−1"), key("btl-wrong-bit", "error bit"), key("btl-closed", "closed gate"),
  );
  const second = h("p", { class: "btl-legend" }, "Below that, a* of the other sample, and where the two a* differ:", key("btl-accent", "differs"));
  const answers = answersPanel(net);
  const lesson = net.H === null ? null : lessonPanel(model, net);
  frame(
    el, model.get("title"), h("div", { class: "btl-row" }, which.element, nu.element),
    h("div", { class: "btl-row", role: "group", "aria-label": "Where a* comes from" }, h("span", {}, "a* from"), credits.map(([, b]) => b)),
    h("label", { class: "btl-check" }, "Compare with", other),
    h("div", { class: "btl-neurons", role: "group", "aria-label": "Neurons" }, columns), legend, second, say,
    voteTitle, vote, voteWords,
    h("p", { class: "btl-title" }, "Is the advice good?"), advice, answers.element,
    h("p", { class: "btl-title" }, "Who may vote: the sums z of the layer above"), plot, gates,
    lesson?.element ?? null,
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

  // What is wanted of the layer for a sample, by the credit and the gate given.
  function wanted(a, n, credit = model.get("credit"), width = model.get("nu")) {
    const found = desired(net.weights, net.P, a, labels[n], width, credit === "feedback" ? net.feedback : net.weights);
    return credit === "local" ? { ...found, aStar: Array.from(row(net.local, labels[n])) } : found;
  }

  // The neurons that would learn.
  function chosen(z, aStar) {
    return Array.from(select(z, aStar, net.group)).filter((j) => j >= 0);
  }

  // The layer after the lessons: its hidden integers, and what the last lesson did.
  function teach() {
    let [H, last] = [net.H?.data ?? null, null];
    for (const { sample, credit, nu: width } of model.get("lessons")) {
      const z = sums(H, net.inputs[sample]);
      const { aStar } = wanted(z.map(sign), sample, credit, width);
      const winners = chosen(z, aStar);
      last = { sample, winners, ...update(H, winners, aStar, net.inputs[sample]) };
      H = last.H;
    }
    return { H, last };
  }

  function compute() {
    const n = model.get("sample");
    const { H, last } = teach();
    const z = net.inputs.map((inputs) => sums(H, inputs));
    const a = H === null ? net.a : z.map((row) => row.map(sign));
    const above = a.map((row) => forward(net.weights.slice(0, 1), row)[0].z).flat();
    const bound = ceilTimes(model.get("r"), net.P.cols);
    now = {
      n, H, last, a: a[n], z: z[n], all: a, sums: above, y: labels[n], neuron: model.get("neuron"), bound,
      margin: margin(net.weights, net.P, a[n], labels[n]), ...wanted(a[n], n),
    };
    now.winners = H === null ? null : chosen(now.z, now.aStar);
  }

  function show() {
    compute();
    const { n, a, aStar, above } = now;
    const rival = offerOthers(n);
    const theirs = rival === null ? null : wanted(now.all[rival], rival).aStar;
    which.show(n);
    nu.show();
    credits.forEach(([name, b]) => b.setAttribute("aria-pressed", String(name === model.get("credit"))));
    columns.forEach((column, j) => showNeuron(column, j, [a[j], aStar[j], theirs?.[j]], j === now.neuron));
    second.hidden = theirs === null;
    const errors = a.filter((s, j) => s !== aStar[j]).length;
    const open = above.open.filter(Boolean).length;
    say.textContent = `${errors} of ${K} bits are error bits. ${open} of ${above.open.length} gates above are open.`
      + `${theirs === null ? "" : tellApart(n, rival, aStar.filter((s, j) => s !== theirs[j]).length)}`;
    tellAdvice();
    showVote();
    tellGates();
    lesson?.show(now);
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

  function tellApart(n, rival, differ) {
    const words = `Samples ${n} and ${rival} are both ${names[labels[n]]}: their a* differ in ${differ} of ${K} bits.`;
    return differ === 0 ? ` ${words} Here blame belongs to the class, not to the sample.` : ` ${words}`;
  }

  function tellGates() {
    const bound = gateBound(model.get("nu"), net.weights[0].cols);
    const open = now.sums.filter((z) => Math.abs(z) <= bound).length;
    gates.textContent = `Over all ${net.n} samples, ${((100 * open) / now.sums.length).toFixed(1)} % of the gates are open.`
      + `${open === 0 ? " Nothing passes." : ""}`;
  }

  function tellAdvice() {
    const { a, aStar, y, bound } = now;
    const { helps, nothing, hurts } = tally(net.weights, net.P, a, aStar, y);
    const allowed = wrongBitsAllowed(net.P, y, bound);
    advice.textContent = `The margin is ${number(now.margin)}; with all of a* in place of a it is ${number(margin(net.weights, net.P, aStar, y))}. `
      + `Flipped one at a time, ${count(helps, "error bit helps", "error bits help")}, ${nothing} do nothing, ${hurts} hurt. `
      + `The sample ${now.margin < bound ? "fires" : "does not fire"}: with r = ${model.get("r")} it is to lead by ${bound} or more, `
      + `which allows ${allowed < 0 ? "not even a perfect last layer" : `${count(allowed, "wrong bit", "wrong bits")} of ${net.P.cols} in the last layer`}.`;
  }

  function showVote() {
    const { neuron: j, a, aStar, above, y } = now;
    const credit = model.get("credit");
    voteTitle.textContent = `The vote on neuron ${j}`;
    const flipped = margin(net.weights, net.P, a.map((s, k) => (k === j ? -s : s)), y);
    const then = `a* = ${bit(aStar[j])}; a = ${bit(a[j])}. Flip this bit alone and the margin becomes ${number(flipped)}.`;
    if (credit === "local") {
      showBallots(vote, []);
      voteWords.textContent = `Nobody is asked: the layer has a prototype of its own for ${names[y]}. So ${then}`;
      return;
    }
    const W = credit === "feedback" ? net.feedback[0] : net.weights[0];
    const { plus, minus, closed } = showBallots(vote, ballots(W, above.aStar, above.open, j));
    voteWords.textContent = `${plus} for +1, ${minus} for −1, ${closed} closed. Sum ${number(plus - minus)}`
      + `${plus === minus ? " (a tie counts as +1)" : ""}, so ${then}`;
  }

  function draw(width) {
    plot.replaceChildren(windowPicture(now.sums, net.weights[0].cols, gateBound(model.get("nu"), net.weights[0].cols), width));
    answers.draw(now, width);
    lesson?.draw(now, width);
  }

  let drawn = null;
  show();
  drawn = keepDrawn(plot, draw);
  for (const name of SHARED) model.on(`change:${name}`, show);
  return () => {
    drawn.stop();
    for (const name of SHARED) model.off(`change:${name}`, show);
  };
}

function row(matrix, i) {
  return matrix.data.subarray(i * matrix.cols, (i + 1) * matrix.cols);
}

function read(model) {
  const matrix = (packet) => {
    if (packet === null) return null;
    const { shape, data } = decode(packet);
    return { rows: shape[0], cols: shape[1], data };
  };
  const rows = (M) => (M === null ? [] : Array.from({ length: M.rows }, (_, n) => Array.from(row(M, n))));
  const samples = matrix(model.get("a"));
  return {
    n: samples.rows, K: samples.cols, a: rows(samples), weights: model.get("weights").map(matrix),
    feedback: model.get("feedback").map(matrix), P: matrix(model.get("prototypes")), local: matrix(model.get("local")),
    H: matrix(model.get("H")), inputs: rows(matrix(model.get("inputs"))), group: model.get("group"),
    labels: model.get("y"), names: model.get("class_names"),
  };
}

// `theirs` is a* of the other sample, undefined if there is none.
function showNeuron(column, j, [a, aStar, theirs], chosen) {
  const kind = (s) => (s > 0 ? "btl-bit-plus" : "btl-bit-minus");
  const [wrong, apart] = [a !== aStar, theirs !== undefined && theirs !== aStar];
  const rows = [kind(a), kind(aStar), wrong ? "btl-wrong-bit" : "btl-right-bit"];
  if (theirs !== undefined) rows.push(kind(theirs), apart ? "btl-other-bit" : "btl-right-bit");
  Array.from(column.children).forEach((cell, at) => {
    cell.hidden = at >= rows.length;
    cell.className = rows[at] ?? "";
  });
  column.tabIndex = chosen ? 0 : -1;
  column.setAttribute("aria-pressed", String(chosen));
  const words = `neuron ${j}: a ${bit(a)}, wanted ${bit(aStar)}${wrong ? ", error bit" : ""}`;
  column.setAttribute("aria-label", `${words}${apart ? `, of the other sample ${bit(theirs)}` : ""}`);
}

export default { render };
