// A number as several signs: which of its quantiles it exceeds.

// Threshold i of `bits` is the quantile i / (bits + 1): the smallest value that at least this
// share of all values do not exceed. Whole numbers find its place, so no rounding can move it.
export function quantiles(values, bits) {
  const sorted = Float64Array.from(values).sort();
  return Array.from({ length: bits }, (_, k) => sorted[Math.ceil(((k + 1) * sorted.length) / (bits + 1)) - 1]);
}

export function thermometer(x, thresholds) {
  return thresholds.map((threshold) => (x > threshold ? 1 : -1));
}
