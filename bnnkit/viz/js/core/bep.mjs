// The binary chain rule on plain arrays of signs, for one sample: what bnnkit/bep/chain.py defines.
// A matrix is { rows, cols, data }, row after row.

import { floorTimes } from "./exact.mjs";
import { sign } from "./sign.mjs";

export function product(W, a) {
  return Array.from({ length: W.rows }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < W.cols; j++) sum += W.data[i * W.cols + j] * a[j];
    return sum;
  });
}

// The sums and signs of every layer above `a`, lowest first: { z, a }.
export function forward(weights, a) {
  const layers = [];
  for (const W of weights) {
    const z = product(W, layers.length ? layers[layers.length - 1].a : a);
    layers.push({ z, a: z.map(sign) });
  }
  return layers;
}

// How far class y leads the best other class when the layer has activations `a`.
export function margin(weights, P, a, y) {
  const layers = forward(weights, a);
  const logits = product(P, layers.length ? layers[layers.length - 1].a : a);
  return logits[y] - Math.max(...logits.filter((_, c) => c !== y));
}

// floor(nu K), of the decimal that was written (or a fraction as text).
export function gateBound(nu, fanIn) {
  return floorTimes(nu, fanIn);
}

export function gate(z, bound) {
  return z.map((sum) => Math.abs(sum) <= bound);
}

// What each neuron above votes for neuron j: +1 or -1, and 0 if its gate is closed.
export function ballots(W, aStar, open, j) {
  return aStar.map((wanted, i) => (open[i] ? W.data[i * W.cols + j] * wanted : 0));
}

export function backProject(W, aStar, open) {
  const sums = new Int32Array(W.cols);
  aStar.forEach((wanted, i) => {
    if (!open[i]) return;
    for (let j = 0; j < W.cols; j++) sums[j] += W.data[i * W.cols + j] * wanted;
  });
  return Array.from(sums, sign);
}

// From the prototype of class y down to the layer below weights[0]. Returns its desired activations
// and, for the layer above, what is desired there and which of its gates are open. Blame travels
// through `back`: the weights themselves, or others in their place.
export function desired(weights, P, a, y, nu, back = weights) {
  const layers = forward(weights, a);
  let aStar = Array.from(P.data.subarray(y * P.cols, (y + 1) * P.cols));
  let above = null;
  for (let l = weights.length - 1; l >= 0; l--) {
    const open = gate(layers[l].z, gateBound(nu, weights[l].cols));
    above = { aStar, open, z: layers[l].z };
    aStar = backProject(back[l], aStar, open);
  }
  return { aStar, above };
}

// Flip each wrong bit alone and look at the margin, through the real signs: how many help, do
// nothing, hurt.
export function tally(weights, P, a, aStar, y) {
  const before = margin(weights, P, a, y);
  const count = { helps: 0, nothing: 0, hurts: 0 };
  a.forEach((bit, j) => {
    if (bit === aStar[j]) return;
    const gain = margin(weights, P, a.map((s, k) => (k === j ? -s : s)), y) - before;
    count[gain > 0 ? "helps" : gain < 0 ? "hurts" : "nothing"]++;
  });
  return count;
}

// How often each sum occurs, in about `most` bars of equal width, symmetric about 0. Sums of `fanIn`
// signs have its parity, so a bar is a whole number of twos wide, and 0 lies in the middle of a bar if
// it can occur, else between two.
export function histogram(sums, fanIn, most) {
  const reach = sums.reduce((far, z) => Math.max(far, Math.abs(z)), 0) + 1;
  const even = fanIn % 2 === 0;
  let twos = Math.ceil(reach / most);
  if (even && twos % 2 === 0) twos++;
  const wide = 2 * twos;
  const bars = even ? 2 * Math.ceil((reach - twos) / wide) + 1 : 2 * Math.ceil(reach / wide);
  const low = (-bars * wide) / 2;
  const counts = Array(bars).fill(0);
  for (const z of sums) counts[Math.floor((z - low) / wide)]++;
  return { low, wide, counts };
}
