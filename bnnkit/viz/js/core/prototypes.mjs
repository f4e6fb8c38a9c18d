// The fixed classifier: one prototype a class, as far apart as can be (bnnkit/bep/prototypes.py).

import { randomSigns } from "./philox.mjs";

const PROTOTYPES = 1;  // the random stream

export function classPrototypes(classes, width, seed, layer = 0) {
  const data = randomSigns(seed, PROTOTYPES, classes * width, { layer });
  return equiangular({ rows: classes, cols: width, data });
}

// Flip the sign that lowers most the sum of the products and their variance, until none does; the
// first of equals. All in whole numbers: the objective times the square of the number of pairs.
export function equiangular(P, alpha = 1) {
  const pairs = (P.rows * (P.rows - 1)) / 2;
  for (;;) {
    const { products, total, columns } = meetings(P);
    let [best, lowest] = [-1, 0];
    for (let i = 0; i < P.rows; i++) {
      for (let k = 0; k < P.cols; k++) {
        const s = P.data[i * P.cols + k];
        let pull = 0;
        for (let j = 0; j < P.rows; j++) pull += products[i * P.rows + j] * P.data[j * P.cols + k];
        const dTotal = -2 * s * (columns[k] - s);
        const dSquares = 4 * (P.rows - 1) - 4 * s * pull;
        const dVariance = pairs * dSquares - 2 * total * dTotal - dTotal * dTotal;
        const change = pairs * pairs * dTotal + alpha * dVariance;
        if (change < lowest) [best, lowest] = [i * P.cols + k, change];
      }
    }
    if (best < 0) return P;
    P.data[best] *= -1;
  }
}

// The products of all pairs (0 with itself), their sum, and the sum of each column.
function meetings({ rows, cols, data }) {
  const products = new Int32Array(rows * rows);
  const columns = new Int32Array(cols);
  let total = 0;
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < cols; k++) columns[k] += data[i * cols + k];
    for (let j = 0; j < i; j++) {
      let sum = 0;
      for (let k = 0; k < cols; k++) sum += data[i * cols + k] * data[j * cols + k];
      products[i * rows + j] = products[j * rows + i] = sum;
      total += sum;
    }
  }
  return { products, total, columns };
}
