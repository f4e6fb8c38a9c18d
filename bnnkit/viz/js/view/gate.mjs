// The slider of the gate's width. It moves in hundredths of ν; a ν that lies between them stays what
// it is until the slider is moved.

import { approximate } from "../core/exact.mjs";
import { gateBound } from "../core/bep.mjs";
import { share, slider } from "./dom.mjs";

// `fanIn()` is the number of inputs of the layer above. Returns { element, show() }.
export function gateSlider(model, fanIn) {
  const words = () => {
    const [nu, K] = [model.get("nu"), fanIn()];
    const window = (approximate(nu) * Math.sqrt(K)).toFixed(2);
    return `${window} (ν = ${nu}, |z| ≤ ${gateBound(nu, K)})`;
  };
  const part = slider({
    label: "Gate ν√K", min: 0, max: 100, value: 0, format: words, oninput: (x) => share(model, "nu", x / 100),
  });
  return { element: part.element, show: () => part.show(Math.round(100 * approximate(model.get("nu")))) };
}
