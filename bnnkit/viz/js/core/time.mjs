// The binary chain rule through time, for one sample: what bnnkit/recurrent.py defines.
// A network is { xs, ss, sy, P, start, group }: three matrices and the prototypes (each { rows, cols,
// data }), the state before the first step, neurons a group. Step t of the maths is place t - 1 here.

import { backProject, gate, gateBound, product } from "./bep.mjs";
import { sign } from "./sign.mjs";

// Sums and states of the steps `from` + 1 .. T, from the state `s` after step `from`.
export function states(net, inputs, s = net.start, from = 0) {
  const steps = [];
  for (const a of inputs.slice(from)) {
    const fromState = product(net.ss, s);
    const z = product(net.xs, a).map((sum, i) => sum + fromState[i]);
    s = z.map(sign);
    steps.push({ z, s });
  }
  return steps;
}

// The readout's sums, signs and the logits, of the last state.
export function readout(net, s) {
  const z = product(net.sy, s);
  const a = z.map(sign);
  return { z, a, logits: product(net.P, a) };
}

// How far class y leads the best other class.
export function lead(logits, y) {
  return logits[y] - Math.max(...logits.filter((_, c) => c !== y));
}

// The whole pass for one sample of class y: forward through all steps, blame down through the
// readout and back through the last `horizon` steps. Steps that blame does not reach have null as
// what is desired.
export function unroll(net, inputs, y, { nu, horizon }) {
  const steps = states(net, inputs);
  const T = steps.length;
  const first = Math.max(0, T - horizon);
  const bound = gateBound(nu, net.ss.rows);
  const out = readout(net, steps[T - 1].s);
  const aStar = Array.from(net.P.data.subarray(y * net.P.cols, (y + 1) * net.P.cols));
  const top = { ...out, aStar, open: gate(out.z, bound), margin: lead(out.logits, y) };
  const gates = steps.map(({ z }, t) => (t < first ? null : gate(z, bound)));
  const desired = steps.map(() => null);
  desired[T - 1] = backProject(net.sy, aStar, top.open);
  for (let t = T - 1; t > first; t--) desired[t - 1] = backProject(net.ss, desired[t], gates[t]);
  const mask = sharedMask(steps.slice(first).map(({ z }) => z), desired.slice(first), net.group);
  return { z: steps.map(({ z }) => z), s: steps.map(({ s }) => s), desired, gates, first, top, ...mask };
}

// A neuron's agreement over time is the sum of s* z. In each group the one with an agreement not
// above 0 and nearest to it is chosen, the first of equals; none where all are above.
export function sharedMask(z, desired, group) {
  const agreement = z[0].map((_, j) => z.reduce((sum, sums, t) => sum + desired[t][j] * sums[j], 0));
  const chosen = agreement.map(() => false);
  for (let start = 0; start < agreement.length; start += group) {
    let best = -1;
    for (let j = start; j < start + group; j++) {
      if (agreement[j] <= 0 && (best < 0 || agreement[j] > agreement[best])) best = j;
    }
    if (best >= 0) chosen[best] = true;
  }
  return { agreement, chosen };
}

// The margin if the state after step t were `s`, and the rest of the sequence ran on from there.
export function marginFrom(net, inputs, y, t, s) {
  const rest = states(net, inputs, s, t + 1);
  return lead(readout(net, rest.length ? rest[rest.length - 1].s : s).logits, y);
}

// How many entries of two rows differ.
export function distance(a, b) {
  return a.reduce((count, s, j) => count + (s !== b[j] ? 1 : 0), 0);
}

// How to lay out pictures of `steps` columns x `neurons` rows in a given width: as many side by
// side as keep their columns wide enough to hit.
export function panelLayout({ steps, neurons, count, width, gap = 12, edge = 5 }) {
  const room = (across) => Math.floor(((width - gap * (across - 1)) / across - 2 * edge) / steps);
  const across = [4, 2, 1].map((n) => Math.min(n, count)).find((n) => room(n) >= 4 || n === 1);
  const wide = Math.min(18, Math.max(3, room(across)));
  const high = Math.min(wide, Math.max(3, Math.floor(400 / neurons)));
  return { steps, neurons, edge, wide, high, width: steps * wide + 2 * edge, height: neurons * high + 2 * edge };
}

// The [step, neuron] at a point of a picture, or null.
export function cellAt({ steps, neurons, edge, wide, high }, x, y) {
  const [t, j] = [Math.floor((x - edge) / wide), Math.floor((y - edge) / high)];
  return t >= 0 && t < steps && j >= 0 && j < neurons ? [t, j] : null;
}
