// One sample, in the order in which it happens: forward, trigger, a*, gate, select, H, W.

import { h } from "./dom.mjs";

const signed = (x) => String(x).replace("-", "−");

// What core/play.mjs tells of a sample, as a list.
export function stepList(told) {
  const { layers, margin, bound, fires, logits, y } = told;
  const rows = (make) => layers.map((layer, l) => h("div", { class: "btl-step-row" }, h("span", { class: "btl-step-name" }, `layer ${l + 1}`), make(layer, l)));
  const best = logits.indexOf(Math.max(...logits));
  const steps = [
    ["Forward", [rows(({ a }) => bits(a, "a")), h("p", {}, `The answer is class ${best}; the truth is class ${y}.`)]],
    ["Trigger", [h("p", {}, `The margin is ${signed(margin)}, ${fires ? `below ${bound}: the sample fires.` : `not below ${bound}: it does not fire, and nothing else happens.`}`)]],
  ];
  if (fires) steps.push(
    ["Desired a*, from the top down", rows(({ aStar, a }, l) => [bits(aStar, "a*"), h("p", {}, `${wrong(a, aStar)} error bits${l === layers.length - 1 ? "; a* is the prototype" : "; a* is the vote of the layer above"}`)])],
    ["Gate", rows(({ open, window, fanIn }) => h("p", {}, open ? `${open.filter(Boolean).length} of ${open.length} may vote: |z| ≤ ${window} of ${fanIn}` : "what lies below is data: nobody to tell"))],
    ["Select", rows(({ chosen, z, group }) => h("p", {}, `${tellChosen(chosen, z)}; one of each ${group} may learn`))],
    ["H", rows(({ chosen, fanIn }) => h("p", {}, `${places(chosen).length * fanIn} hidden integers are to move by 2`))],
  );
  steps.push(["W", [h("p", {}, told.flips === null
    ? `${told.more} more sample${told.more === 1 ? "" : "s"} until the batch is full; then the moves are added up.`
    : `The batch is full: update, clip, coin, re-sign. ${told.flips.map((n, l) => `Layer ${l + 1}: ${n} weights flipped`).join(". ")}.`)]]);
  return h("ol", { class: "btl-steps" }, steps.map(([name, body]) => h("li", {}, h("strong", {}, name), body)));
}

function bits(signs, name) {
  const text = Array.from(signs, (s) => (s > 0 ? "+" : "−")).join("");
  return h("span", { class: "btl-step-bits", role: "img", "aria-label": `${name}: ${text}` }, Array.from(signs, (s) => h("i", { class: s > 0 ? "btl-bit-plus" : "btl-bit-minus" })));
}

function wrong(a, aStar) {
  return a.filter((s, j) => s !== aStar[j]).length;
}

function places(chosen) {
  return Array.from(chosen).filter((j) => j >= 0);
}

function tellChosen(chosen, z) {
  const found = places(chosen);
  if (found.length === 0) return "nobody, for nobody is wrong";
  if (found.length > 4) return `${found.length} neurons`;
  return found.map((j) => `neuron ${j} (z = ${signed(z[j])})`).join(", ");
}
