// One bit a pixel: +1 iff the pixel is above the threshold, strictly.

export function binarize(pixels, threshold) {
  return Int8Array.from(pixels, (pixel) => (pixel > threshold ? 1 : -1));
}

export function countPlus(signs) {
  return signs.reduce((count, s) => count + (s > 0 ? 1 : 0), 0);
}

// The point [threshold, accuracy] of the curve with the highest accuracy; the first of equals.
export function best(curve) {
  return curve.reduce((top, point) => (point[1] > top[1] ? point : top));
}
