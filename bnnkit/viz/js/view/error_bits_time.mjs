// Error bits through time: a recurrent state as pictures of steps x neurons, and the vote behind a cell.

import { ballots } from "../core/bep.mjs";
import { decode } from "../core/codec.mjs";
import { cellAt, distance, marginFrom, panelLayout, unroll } from "../core/time.mjs";
import { axes, dot, line, ticks } from "./chart.mjs";
import { bit, button, colour, frame, h, keepDrawn, key, number, share, slider, status } from "./dom.mjs";
import { gateSlider } from "./gate.mjs";
import { showBallots } from "./vote.mjs";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PANELS = { s: "state s", s_star: "desired s*", error: "s XOR s*", gate: "open gates" };
const SHARED = ["recording", "sample", "horizon", "nu", "time", "neuron", "show"];

export function render({ model, el }) {
  const nets = model.get("recordings").map(read);
  const names = model.get("names");
  let now = null;
  let layout = null;

  const say = status();
  const detail = status();
  const vote = h("div", { class: "btl-ballots btl-ballots-small", role: "img", "aria-label": "no votes" });
  const plot = h("div", { class: "btl-plot" });
  const panels = h("div", {
    class: "btl-panels", tabindex: 0, role: "application", onkeydown: walk,
    "aria-label": "Pictures of steps by neurons. Arrow keys choose a cell: left and right a step, up and down a neuron.",
  });
  const set = (name) => (value) => share(model, name, value);
  const choice = slider({
    label: model.get("choice"), min: 0, max: nets.length - 1, value: model.get("recording"),
    format: (i) => names[i], oninput: set("recording"),
  });
  const which = slider({
    label: "Sample", min: 0, max: 1, value: 0, format: (n) => `${n}, ${classOf(n)}`, oninput: set("sample"),
  });
  const horizon = slider({
    label: "Horizon", min: 1, max: 2, value: 1, format: (n) => `${n} step${n === 1 ? "" : "s"}`, oninput: set("horizon"),
  });
  const nu = gateSlider(model, () => net().ss.rows);
  const shows = Object.entries({ all: "all", ...PANELS }).map(([name, words]) =>
    [name, button(words, () => share(model, "show", name))]);
  const legend = h(
    "p", { class: "btl-legend" }, "Time runs to the right, a row is a neuron.",
    key("btl-plus", "+1"), key("btl-minus", "−1"), key("btl-wrong-bit", "error bit"), key("btl-accent", "open gate; at the edge: neuron to be updated"),
    key("btl-nothing", "nothing"),
  );
  const lines = h("p", { class: "btl-legend" }, key("btl-ink", "error bits"), key("btl-dashes", "open gates"));
  frame(
    el, model.get("title"),
    h("div", { class: "btl-row" }, nets.length > 1 ? choice.element : null, which.element, horizon.element, nu.element),
    h("div", { class: "btl-row", role: "group", "aria-label": "Pictures to show" }, shows.map(([, b]) => b)),
    panels, legend, say, plot, lines, detail, vote,
  );

  function net() {
    return nets[model.get("recording")];
  }

  function classOf(n) {
    return model.get("class_names")[net().y[n]];
  }

  // What is chosen, held within what this recording has.
  function chosen() {
    const { inputs, ss } = net();
    const [sample, T] = [Math.min(model.get("sample"), inputs.length - 1), inputs[0].length];
    const within = (name, most) => Math.min(Math.max(1, model.get(name)), most);
    return {
      sample, T, horizon: within("horizon", T), t: within("time", T) - 1,
      j: Math.min(model.get("neuron"), ss.rows - 1), nu: model.get("nu"),
    };
  }

  function walk(event) {
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault();
    const { t, j, T } = chosen();
    choose([Math.min(T - 1, Math.max(0, t + arrow[0])), Math.min(net().ss.rows - 1, Math.max(0, j + arrow[1]))]);
  }

  function choose([t, j]) {
    model.set("neuron", j);
    share(model, "time", t + 1);
  }

  function compute() {
    const at = chosen();
    now = unroll(net(), net().inputs[at.sample], net().y[at.sample], at);
    choice.show(model.get("recording"));
    which.input.max = net().inputs.length - 1;
    which.show(at.sample);
    horizon.input.max = at.T;
    horizon.show(at.horizon);
    nu.show();
    shows.forEach(([name, b]) => b.setAttribute("aria-pressed", String(name === model.get("show"))));
    tell(at);
  }

  function tell({ sample, t, j, T, horizon: back }) {
    const K = net().ss.rows;
    const wrong = now.s.slice(now.first).reduce((sum, s, i) => sum + distance(s, now.desired[now.first + i]), 0);
    const passing = now.gates.slice(now.first + 1);
    const open = passing.reduce((sum, gate) => sum + gate.filter(Boolean).length, 0);
    say.textContent = `${wrong} of ${back * K} bits of the state are error bits.`
      + `${passing.length ? ` ${percent(open, passing.length * K)} of the gates between steps are open.` : " Blame stays at the last step."}`
      + ` The margin of ${classOf(sample)} is ${number(now.top.margin)}. ${now.chosen.filter(Boolean).length} of ${K} neurons would be updated.`;
    const where = `Step ${t + 1} of ${T}, neuron ${j}: z = ${number(now.z[t][j])}, s = ${bit(now.s[t][j])}`;
    if (t < now.first) {
      detail.textContent = `${where}. Blame does not reach this step: the horizon is ${back}.`;
      showBallots(vote, []);
      return;
    }
    const last = t === T - 1;
    const votes = last ? ballots(net().sy, now.top.aStar, now.top.open, j) : ballots(net().ss, now.desired[t + 1], now.gates[t + 1], j);
    const { plus, minus, closed } = showBallots(vote, votes);
    const margin = marginFrom(net(), net().inputs[sample], net().y[sample], t, now.desired[t]);
    detail.textContent = `${where}. The vote of ${last ? "the readout" : `step ${t + 2}`}: ${plus} for +1, ${minus} for −1, `
      + `${closed} closed; sum ${number(plus - minus)}, so s* = ${bit(now.desired[t][j])}`
      + `${plus === minus ? " (a tie counts as +1)" : ""}. Agreement over time q = ${number(now.agreement[j])}: `
      + `${now.chosen[j] ? "the neuron of its group to be updated" : "not updated"}. `
      + `With all of s* in place of s at this step, the margin is ${number(margin)}.`;
  }

  function draw(width) {
    const { t, j, T } = chosen();
    const shown = model.get("show") === "all" ? Object.keys(PANELS) : [model.get("show")];
    layout = panelLayout({ steps: T, neurons: net().ss.rows, count: shown.length, width });
    panels.replaceChildren(...shown.map((name) => {
      const canvas = h("canvas", { class: "btl-map", role: "img", "aria-label": `${PANELS[name]}, ${T} steps by ${layout.neurons} neurons`, onclick: pick });
      paint(canvas, el, layout, name, now, [t, j]);
      return h("figure", {}, h("figcaption", {}, PANELS[name]), canvas);
    }));
    plot.replaceChildren(perStep(now, width, t));
  }

  function pick(event) {
    const cell = cellAt(layout, event.offsetX, event.offsetY);
    if (cell) choose(cell);
  }

  const react = () => {
    compute();
    drawn.redraw();
  };
  compute();
  const drawn = keepDrawn(plot, draw);
  for (const name of SHARED) model.on(`change:${name}`, react);
  return () => {
    drawn.stop();
    for (const name of SHARED) model.off(`change:${name}`, react);
  };
}

function read(recording) {
  const matrix = (name) => {
    const { shape, data } = decode(recording[name]);
    return { rows: shape[0], cols: shape[1], data };
  };
  const { shape: [n, T, K], data } = decode(recording.a);
  const inputs = Array.from({ length: n }, (_, i) => Array.from({ length: T }, (_, t) =>
    data.subarray((i * T + t) * K, (i * T + t + 1) * K)));
  return {
    inputs, y: recording.y, group: recording.group, start: Array.from(decode(recording.s_0).data),
    xs: matrix("W_xs"), ss: matrix("W_ss"), sy: matrix("W_sy"), P: matrix("prototypes"),
  };
}

// The colour of a cell in a picture; null for none.
function shade(name, now, t, j) {
  if (name === "s") return now.s[t][j] > 0 ? "plus" : "minus";
  if (t < now.first) return null;
  if (name === "s_star") return now.desired[t][j] > 0 ? "plus" : "minus";
  if (name === "error") return now.s[t][j] === now.desired[t][j] ? null : "ink";
  return now.gates[t][j] ? "accent" : null;
}

function paint(canvas, el, layout, name, now, [chosenT, chosenJ]) {
  const { steps, neurons, edge, wide, high, width, height } = layout;
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, edge * ratio, edge * ratio);
  const colours = Object.fromEntries(["plus", "minus", "ink", "accent", "surface", "line"].map((c) => [c, colour(el, c)]));
  const gap = Math.min(wide, high) >= 5 ? 1 : 0;
  context.fillStyle = colours.surface;
  context.fillRect(0, 0, steps * wide, neurons * high);
  for (let t = 0; t < steps; t++) {
    for (let j = 0; j < neurons; j++) {
      const kind = shade(name, now, t, j);
      if (kind === null) continue;
      context.fillStyle = colours[kind];
      context.fillRect(t * wide, j * high, wide - gap, high - gap);
    }
  }
  context.fillStyle = colours.accent;
  now.chosen.forEach((yes, j) => {
    if (yes) context.fillRect(steps * wide + 1, j * high, edge - 1, Math.max(2, high - 1));
  });
  context.strokeStyle = colours.line;
  context.strokeRect(-0.5, -0.5, steps * wide + 1, neurons * high + 1);
  context.lineWidth = 4;
  context.strokeStyle = colours.surface;
  context.strokeRect(chosenT * wide - 1, chosenJ * high - 1, wide + 2 - gap, high + 2 - gap);
  context.lineWidth = 2;
  context.strokeStyle = colours.accent;
  context.strokeRect(chosenT * wide - 1, chosenJ * high - 1, wide + 2 - gap, high + 2 - gap);
}

// Error bits and open gates at each step, in percent of the neurons.
function perStep(now, width, t) {
  const T = now.s.length;
  const K = now.s[0].length;
  const reached = Array.from({ length: T - now.first }, (_, i) => now.first + i);
  const wrong = reached.map((step) => [step + 1, (100 * distance(now.s[step], now.desired[step])) / K]);
  const open = reached.map((step) => [step + 1, (100 * now.gates[step].filter(Boolean).length) / K]);
  const chart = axes({
    width, height: 150, x: [0.5, T + 0.5], y: [0, 100], xTicks: ticks(1, T, width < 420 ? 4 : 8).filter(Number.isInteger),
    yTicks: [0, 50, 100], xLabel: "step", yLabel: "% of the neurons",
    label: `Error bits at each step from ${now.first + 1}, in percent: ${wrong.map(([, y]) => y.toFixed(0)).join(", ")}`,
  });
  chart.add(
    line(chart, open, "btl-line-guess"), line(chart, wrong, "btl-line"),
    open.map(([x, y]) => dot(chart, x, y, "btl-dot-guess", x === t + 1 ? 4.5 : 2)),
    wrong.map(([x, y]) => dot(chart, x, y, "btl-dot-truth", x === t + 1 ? 6 : 3)),
  );
  return chart.element;
}

function percent(part, whole) {
  return `${((100 * part) / whole).toFixed(1)} %`;
}
export default { render };
