// Two words of bits and their dot product: click a bit, watch XOR, XNOR and the count.

import { countXor, equalPadding, pack, xnorDot } from "../core/xnor.mjs";
import { frame, h, share, slider, status } from "./dom.mjs";

const BYTE = 8;
const ARROWS = { ArrowLeft: -1, ArrowRight: 1 };

export function render({ model, el }) {
  const word = model.get("a").length;
  const rows = { a: [], b: [], xor: [], xnor: [] };
  const bytes = h("div", { class: "btl-words" });
  for (let start = 0; start < word; start += BYTE) bytes.append(byteBlock(start));
  const sums = h("div", { class: "btl-sums" });
  const say = status();
  const length = slider({
    label: "K, the bits that count", min: 1, max: word, value: model.get("K"),
    oninput: (K) => settle({ K }),
  });
  const equal = h("input", { type: "checkbox", onchange: () => settle({ equal: equal.checked }) });
  frame(
    el, model.get("title"), length.element,
    h("label", { class: "btl-check" }, equal, "keep the padding equal on both sides"), bytes, sums, say,
  );

  function byteBlock(start) {
    const line = (name, label, make) => h(
      "div", { class: "btl-bits" }, h("span", { class: "btl-bits-name" }, label),
      Array.from({ length: BYTE }, (_, k) => (rows[name][start + k] = make(name, start + k))),
    );
    return h(
      "div", { class: "btl-byte", role: "group", "aria-label": `bits ${start} to ${start + BYTE - 1}` },
      line("a", "a", bitButton), line("b", "b", bitButton),
      line("xor", "XOR", () => h("span", { class: "btl-bit-out" })),
      line("xnor", "XNOR", () => h("span", { class: "btl-bit-out" })),
    );
  }

  function bitButton(name, i) {
    return h("button", {
      type: "button", class: "btl-bit", tabindex: name === "a" && i === 0 ? 0 : -1,
      onclick: () => toggle(name, i), onkeydown: (event) => walk(event, name, i),
    });
  }

  // One tab stop for all bits; the arrow keys go from bit to bit.
  function walk(event, name, i) {
    const other = { ArrowUp: "a", ArrowDown: "b" }[event.key] ?? name;
    const next = rows[other][Math.min(word - 1, Math.max(0, i + (ARROWS[event.key] ?? 0)))];
    if (next === rows[name][i]) return;
    event.preventDefault();
    rows[name][i].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  function toggle(name, i) {
    const flip = (bits) => bits.map((bit, k) => (k === i ? 1 - bit : bit));
    const both = i >= model.get("K") && model.get("equal");
    settle({ [name]: flip(model.get(name)), ...(both && { a: flip(model.get("a")), b: flip(model.get("b")) }) });
  }

  // Take the changes over, then make the padding equal if that is the rule.
  function settle(changes) {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    if (model.get("equal")) model.set("b", equalPadding(model.get("a"), model.get("b"), model.get("K")));
    share(model, "K", model.get("K"));
    show();
  }

  function show() {
    const [a, b, K] = [model.get("a"), model.get("b"), model.get("K")];
    length.show(K);
    equal.checked = model.get("equal");
    for (let i = 0; i < word; i++) {
      const padding = i >= K;
      for (const [name, bits] of [["a", a], ["b", b]]) {
        const bit = rows[name][i];
        bit.textContent = bits[i];
        bit.setAttribute("aria-pressed", String(bits[i] === 1));
        bit.setAttribute("aria-label", `${name}, bit ${i}: ${padding ? "padding" : bits[i] ? "+1" : "−1"}`);
        bit.className = `btl-bit ${padding ? "btl-bit-padding" : bits[i] ? "btl-bit-plus" : "btl-bit-minus"}`;
      }
      const differ = a[i] ^ b[i];
      mark(rows.xor[i], differ, padding);
      mark(rows.xnor[i], 1 - differ, padding);
    }
    tell(a, b, K);
  }

  function tell(a, b, K) {
    const signs = (bits) => bits.map((bit) => 2 * bit - 1);
    const [A, B] = [pack(signs(a)), pack(signs(b))];
    const ones = countXor(A, B);
    const dot = xnorDot(A, B, K);
    const truth = signs(a).slice(0, K).reduce((sum, s, i) => sum + s * signs(b)[i], 0);
    const equalBits = a.slice(0, K).filter((bit, i) => bit === b[i]).length;
    const number = (x) => String(x).replace("-", "−");
    sums.replaceChildren(
      h("p", {}, `K − 2 · popcount(XOR) = ${K} − 2 · ${ones} = `, h("strong", {}, number(dot))),
      h("p", {}, `2 · popcount(XNOR in the first K) − K = 2 · ${equalBits} − ${K} = `, h("strong", {}, number(2 * equalBits - K))),
      h("p", {}, `a · b, multiplied and added as ±1: `, h("strong", {}, number(truth))),
    );
    say.textContent = dot === truth
      ? `Dot product ${number(dot)}. ${word - K} padding bits, equal on both sides, add nothing.`
      : `The padding differs: the sum over whole words gives ${number(dot)}, the true product is ${number(truth)}.`;
    sums.classList.toggle("btl-wrong", dot !== truth);
  }

  show();
  for (const name of ["a", "b", "K", "equal"]) model.on(`change:${name}`, show);
  return () => {
    for (const name of ["a", "b", "K", "equal"]) model.off(`change:${name}`, show);
  };
}

function mark(span, bit, padding) {
  span.textContent = bit;
  span.className = `btl-bit-out${bit ? " btl-bit-one" : ""}${padding ? " btl-bit-padding" : ""}`;
}

export default { render };
