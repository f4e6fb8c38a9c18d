// Whole numbers from a written decimal: 0.29 means 29/100, not the binary fraction next to it. What
// bnnkit takes of nu and r. A number in [0, 1], or a fraction as text: "1/3".

function fraction(x) {
  const [above, below = "1"] = String(x).split("/");
  const [decimal, exponent = "0"] = above.split("e");
  const [whole, part = ""] = decimal.split(".");
  const power = Number(exponent) - part.length;  // a number in [0, 1] never has a positive one
  return [BigInt(whole + part), 10n ** BigInt(-power) * BigInt(below)];
}

// floor(x k) for a whole number k.
export function floorTimes(x, k) {
  const [p, q] = fraction(x);
  return Number((p * BigInt(k)) / q);
}

export function ceilTimes(x, k) {
  const [p, q] = fraction(x);
  return Number((p * BigInt(k) + q - 1n) / q);
}

// The nearest ordinary number, to draw with.
export function approximate(x) {
  const [above, below = 1] = String(x).split("/");
  return Number(above) / Number(below);
}
