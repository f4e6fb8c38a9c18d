// One latent w behind one bit b = sign(w), pushed down the loss (b - target)^2 by the
// straight-through estimator: w <- clip(w - rate * 2 (b - target)).

import { sign } from "./sign.mjs";

export function walk({ start, target, rate, steps }) {
  const latents = [];
  const bits = [];
  let w = start;
  for (let step = 0; step < steps; step++) {
    const b = sign(w);
    latents.push(w);
    bits.push(b);
    w = Math.min(1, Math.max(-1, w - rate * (2 * (b - target))));
  }
  return { latents, bits };
}

// The share of steps at which the bit is +1.
export function duty(bits) {
  return bits.filter((b) => b > 0).length / bits.length;
}

// The mean of the bits up to and with each step.
export function runningMean(bits) {
  let sum = 0;
  return bits.map((b, i) => (sum += b) / (i + 1));
}
