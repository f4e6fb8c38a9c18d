// What one sample teaches one layer: who is chosen, and what happens to the hidden integers. The
// functions select and update of bnnkit/bep/chain.py, for a batch of one.

import { sign } from "./sign.mjs";

const HIDDEN_MAX = 32767;

// In each group the wrong neuron nearest to zero, or -1; the first of equals.
export function select(z, aStar, group) {
  const chosen = new Int32Array(z.length / group);
  for (let g = 0; g < chosen.length; g++) {
    let [nearest, distance] = [-1, Infinity];
    for (let i = g * group; i < (g + 1) * group; i++) {
      const wrong = (z[i] >= 0) !== (aStar[i] > 0);
      if (wrong && Math.abs(z[i]) < distance) [nearest, distance] = [i, Math.abs(z[i])];
    }
    chosen[g] = nearest;
  }
  return chosen;
}

// H after the lesson (a new Int16Array, rows x inputs.length), and the places where a sign changed.
// `chosen` names a neuron of each group, or -1.
export function update(H, chosen, aStar, inputs) {
  const taught = Int16Array.from(H);
  const crossed = [];
  const width = inputs.length;
  for (const j of chosen) {
    for (let i = 0; j >= 0 && i < width; i++) {
      const at = j * width + i;
      const pushed = H[at] + 2 * aStar[j] * inputs[i];
      taught[at] = Math.min(HIDDEN_MAX, Math.max(-HIDDEN_MAX, pushed));
      if (sign(taught[at]) !== sign(H[at])) crossed.push(at);
    }
  }
  return { H: taught, crossed };
}

// The sums of a layer whose weights are the signs of H.
export function sums(H, inputs) {
  const width = inputs.length;
  return Array.from({ length: H.length / width }, (_, j) => {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += sign(H[j * width + i]) * inputs[i];
    return sum;
  });
}
