// The sign function and what stands in for its slope. sign(0) = +1 everywhere.

export function sign(x) {
  return x < 0 ? -1 : 1;
}

// The stochastic sign: +1 with this probability, the line through (-clip, 0) and (clip, 1), cut off.
export function probabilityOfPlus(x, clip = 1) {
  return Math.min(1, Math.max(0, (x / clip + 1) / 2));
}

// The straight-through estimator: the gradient that a sign passes back through x.
export function steGradient(x, gradient = 1, clip = 1) {
  return Math.abs(x) <= clip ? gradient : 0;
}
