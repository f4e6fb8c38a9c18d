// The error bits widget inside another, with a model of its own.

import { h } from "./dom.mjs";
import { render } from "./error_bits.mjs";
import { Model } from "./model.mjs";

export function errorBitsInside(state) {
  const element = h("div", { class: "btl-inside" });
  return { element, stop: render({ model: new Model(state), el: element }) };
}
