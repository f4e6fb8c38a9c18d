// Every answer that a layer of K neurons could give: 2^K of them. Answer n has bit j set where neuron
// j says +1.

import { margin } from "./bep.mjs";
import { sign } from "./sign.mjs";

const MOST_WORK = 2 ** 27;  // products of two signs: about a second on a phone

export function answerNumber(a) {
  return a.reduce((n, s, j) => n + (s > 0 ? 2 ** j : 0), 0);
}

// Whether they can all be asked while a reader waits.
export function canAskAll(weights, P) {
  const products = [...weights, P].reduce((sum, M) => sum + M.rows * M.cols, 0);
  return weights[0].cols <= 20 && 2 ** weights[0].cols * products <= MOST_WORK;
}

// The margin of class y for each answer, by number. A Gray code goes from each to one that differs in
// a single bit, so that the lowest sums change by one column of the weights.
export function allMargins(weights, P, y) {
  const [W, ...rest] = weights;
  const margins = new Int32Array(2 ** W.cols);
  const z = Array.from({ length: W.rows }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < W.cols; j++) sum -= W.data[i * W.cols + j];
    return sum;
  });
  let answer = 0;
  margins[0] = margin(rest, P, z.map(sign), y);
  for (let i = 1; i < margins.length; i++) {
    const j = 31 - Math.clz32(i & -i);  // the lowest bit of i that is set
    answer ^= 1 << j;
    const change = (answer >>> j) & 1 ? 2 : -2;
    for (let row = 0; row < W.rows; row++) z[row] += change * W.data[row * W.cols + j];
    margins[answer] = margin(rest, P, z.map(sign), y);
  }
  return margins;
}

// How often each margin occurs, lowest first: [[margin, count], ...].
export function spread(margins) {
  const counts = new Map();
  for (const m of margins) counts.set(m, (counts.get(m) ?? 0) + 1);
  return [...counts].sort((one, other) => one[0] - other[0]);
}

// How many of the bits of the last layer may differ from the prototype of class y, whichever they are,
// before its lead can fall below `bound`; -1 if it is below from the start. A wrong bit takes 2 from
// the class and gives 2 to the rival at worst.
export function wrongBitsAllowed(P, y, bound) {
  const row = (c) => P.data.subarray(c * P.cols, (c + 1) * P.cols);
  const lead = margin([], P, Array.from(row(y)), y);
  return Math.max(-1, Math.floor((lead - bound) / 4));
}
