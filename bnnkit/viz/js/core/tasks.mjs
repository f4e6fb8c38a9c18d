// What the playground learns: patterns in the unit square, and digits. Only sums, products and
// comparisons of correctly rounded numbers, so bnnkit/viz/tasks.py has the same points and signs.

import { randomWords } from "./philox.mjs";

const MARKS = 16;  // thermometer thresholds an axis
const LEVELS = 5;  // of a digit's pixel: how many of four thresholds it exceeds
const DATA = 7;  // the random stream
const UNIT = 2 ** 32;
const WORDS = 8;  // a point
const ARM = 48;  // places on an arm of the spiral

export const SIZES = [400, 200, 1000];  // points for training, validation and test
export const CLASSES = { corners: 2, xor: 2, circle: 2, stripes: 2, blobs: 3, spiral: 2, digits: 10 };

// Class and place of a point, from its number and eight uniform numbers.
const PATTERNS = {
  corners: (i, u) => PATTERNS.xor(i, u),
  xor: (i, [x, y]) => [x, y, Number(x > 0.5 !== y > 0.5)],
  circle: (i, [x, y]) => [x, y, Number((x - 0.5) * (x - 0.5) + (y - 0.5) * (y - 0.5) < 0.16)],
  stripes: (i, [x, y]) => [x, y, Math.floor((x + y) * 2) % 2],
  blobs: (i, u) => {
    const [x, y] = [[0.28, 0.3], [0.72, 0.38], [0.42, 0.74]][i % 3];
    return [x + 0.2 * (u[0] + u[1] + u[2] + u[3] - 2), y + 0.2 * (u[4] + u[5] + u[6] + u[7] - 2), i % 3];
  },
  spiral: (i, u) => {
    const [x, y] = arm()[Math.floor(u[0] * ARM)];
    const side = i % 2 ? -1 : 1;
    return [0.5 + side * x + 0.04 * (u[1] - 0.5), 0.5 + side * y + 0.04 * (u[2] - 0.5), i % 2];
  },
};

// The thermometer's thresholds an axis; corners are told apart by one alone.
export function marksOf(name) {
  return name === "corners" ? 1 : MARKS;
}

// Places from the middle outwards: each step turns by the angle whose half has tangent 1/16.
function arm() {
  const [c, s] = [255 / 257, 32 / 257];
  const places = [];
  for (let k = 0, x = 1, y = 0; k < ARM; k++, [x, y] = [c * x - s * y, s * x + c * y]) {
    const r = 0.08 + (0.37 * k) / (ARM - 1);
    places.push([r * x, r * y]);
  }
  return places;
}

// n points: { points: x and y in turn, y: classes }. `part` is 0 for training, 1 validation, 2 test.
export function planePoints(name, n, part) {
  const words = randomWords(0, DATA, WORDS * n, { batch: part });
  const [points, y] = [new Float64Array(2 * n), []];
  for (let i = 0; i < n; i++) {
    const uniform = Array.from(words.subarray(WORDS * i, WORDS * (i + 1)), (word) => word / UNIT);
    const [px, py, label] = PATTERNS[name](i, uniform);
    points.set([px, py], 2 * i);
    y.push(label);
  }
  return { points, y };
}

// A matrix of signs: each number's thermometer, then the last input.
export function encodePoints(points, marks, constant) {
  const cols = 2 * marks + 1;
  const rows = points.length / 2;
  const data = new Int8Array(rows * cols).fill(1);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < 2 * marks; k++) {
      const [axis, mark] = [Math.floor(k / marks), (k % marks) + 1];
      if (points[2 * i + axis] <= mark / (marks + 1)) data[i * cols + k] = -1;
    }
  }
  return lastInput({ rows, cols, data }, constant);
}

// The last input is always +1; without the constant it repeats the first, so that fan-ins stay odd.
function lastInput(X, constant) {
  for (let i = 0; i < X.rows && !constant; i++) X.data[(i + 1) * X.cols - 1] = X.data[i * X.cols];
  return X;
}

// The middles of the squares that the thermometers tell apart, row by row from below.
export function middles(marks) {
  const side = marks + 1;
  return Float64Array.from({ length: 2 * side * side }, (_, k) => {
    const square = k >> 1;
    return ((k % 2 ? Math.floor(square / side) : square % side) + 0.5) / side;
  });
}

// Digits come as text, two pixels a letter: { pixels, y }, y a digit a sample.
export function encodeDigits({ pixels, y }, constant) {
  const rows = y.length;
  const letters = pixels.length / rows;
  const bits = LEVELS - 1;
  const cols = letters * 2 * bits + 1;
  const data = new Int8Array(rows * cols).fill(1);
  for (let i = 0; i < rows; i++) {
    for (let pixel = 0; pixel < 2 * letters; pixel++) {
      const pair = pixels.charCodeAt(i * letters + (pixel >> 1)) - 65;
      const level = pixel % 2 ? pair % LEVELS : Math.floor(pair / LEVELS);
      data.fill(-1, i * cols + pixel * bits + level, i * cols + (pixel + 1) * bits);
    }
  }
  return { X: lastInput({ rows, cols, data }, constant), y: Array.from(y, Number) };
}
