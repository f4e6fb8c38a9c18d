// The playground's knobs: what can be set, and how it reads.

import { h } from "./dom.mjs";

const hundredths = (x) => (x / 100).toFixed(2);
const list = (low, high, step) => Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, i) => low + i * step);

// name: [label, the values on offer, how a value reads]
export const KNOBS = {
  data: ["Data", ["xor", "corners", "circle", "stripes", "blobs", "spiral", "digits"], (x) => (x === "xor" ? "XOR" : x)],
  widths: ["Hidden layers", [[5, 15], [15, 15], [31, 31], [63, 63], [64, 64], [15, 15, 15], [31, 31, 31, 31]], (x) => x.join(" + ")],
  group: ["Group, γ", [0, 1, 3, 5, 7, 9, 15, 21], (x) => (x === 0 ? "all" : String(x))],
  batch: ["Batch", [1, 5, 10, 20, 50, 100, 200, 400], String],
  nu: ["Gate, ν", [0, 1, 2, 3, 4, 6, 8, 10, 15, 20, 25, 30, 35, 40, 50, 70, 100], hundredths],
  r: ["Margin, r", [1, ...list(10, 100, 10)], hundredths],
  p_r: ["Coin, p_r", list(0, 100, 10), hundredths],
  constant: ["Constant input", [true, false], (x) => (x ? "on" : "off")],
  seed: ["Seed", list(0, 9, 1), String],
  epochs: ["Epochs", [5, 10, 20, 40, 80], String],
};

// Groups must divide every layer.
function allowed(name, value, { widths }) {
  return name !== "group" || value === 0 || widths.every((width) => width % value === 0);
}

export function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

// "gate, ν 0.20 → 0.06", for each knob that differs.
export function changes(before, after) {
  return Object.entries(KNOBS).filter(([name]) => !same(before[name], after[name]))
    .map(([name, [label, , read]]) => `${label} ${read(before[name])} → ${read(after[name])}`);
}

// A select for each knob; calls onchange(knobs) with all of them. Returns { element, show(knobs) }.
export function knobPanel(onchange) {
  let knobs = null;
  const selects = Object.entries(KNOBS).map(([name, [label]]) => {
    const select = h("select", { class: "btl-button", "data-knob": name, onchange: () => turn(name, JSON.parse(select.value)) });
    return [name, select, h("label", { class: "btl-knob" }, h("span", {}, label), select)];
  });

  function turn(name, value) {
    const next = { ...knobs, [name]: value };
    if (!allowed("group", next.group, next)) next.group = 0;
    onchange(next, name);
  }

  function show(now) {
    knobs = now;
    for (const [name, select] of selects) {
      const [, values, read] = KNOBS[name];
      const offered = values.some((value) => same(value, knobs[name])) ? values : [...values, knobs[name]];
      select.replaceChildren(...offered.filter((value) => allowed(name, value, knobs)).map((value) =>
        h("option", { value: JSON.stringify(value), selected: same(value, knobs[name]) }, read(value))));
    }
  }

  return { element: h("div", { class: "btl-knobs" }, selects.map(([, , label]) => label)), show };
}

// One click each: what to change in a healthy setting to ruin it. `also` changes the healthy one too.
export const FAILURES = [
  { name: "νK < 1", also: () => ({}), change: ({ widths }) => ({ nu: Math.ceil(100 / Math.max(...widths.slice(0, -1))) - 1 }) },
  { name: "γ = 1", also: () => ({}), change: () => ({ group: 1 }) },
  { name: "a coin a sample", also: () => ({}), change: () => ({ batch: 1 }) },
  { name: "no constant", also: () => ({ data: "corners" }), change: () => ({ constant: false }) },
  { name: "batch too large", also: () => ({}), change: () => ({ batch: 400 }) },
];

// The same experiment in Python, to copy.
export function inPython(knobs, credit) {
  const groups = knobs.widths.map((width) => knobs.group || width);
  const tuple = (numbers) => `(${numbers.join(", ")}${numbers.length === 1 ? "," : ""})`;
  return [
    "from bnnkit import BEPNetwork",
    "from bnnkit.viz import playground_task",
    "",
    `task = playground_task("${knobs.data}", constant=${knobs.constant ? "True" : "False"})`,
    "(X, y), (X_test, y_test) = task.train, task.test",
    "net = BEPNetwork(",
    `    (X.shape[1], ${knobs.widths.join(", ")}), task.n_classes, seed=${knobs.seed}, credit="${credit}", r=${knobs.r / 100}, nu=${knobs.nu / 100},`,
    `    p_r=${knobs.p_r / 100}, groups=${tuple(groups)}, patience=${knobs.patience === null ? "None" : knobs.patience},`,
    ")",
    `net.fit(X, y, ${knobs.epochs}, ${knobs.batch}, validation=task.validation, keep_best=False)`,
    "print(net.score(X_test, y_test), net.weights_sha256())",
  ].join("\n");
}
