// Predict, then reveal: what to say about a guess.

export function verdict({ guess, truth, unit = "", digits = 0 }) {
  const show = (x) => `${x.toFixed(digits)}${unit}`;
  const off = Number(Math.abs(guess - truth).toFixed(digits));
  const by = unit === " %" ? `${off.toFixed(digits)} points` : show(off);
  const words = off === 0 ? "Spot on." : `Your guess was ${by} too ${guess < truth ? "low" : "high"}.`;
  return `You said ${show(guess)}. It is ${show(truth)}. ${words}`;
}
