// A whole BEP network and its training, bit for bit as bnnkit.bep.BEPNetwork does it. r, nu and p_r
// come in whole hundredths, so that every bound is a whole number. A state holds plain data only
// (structuredClone copies it); the functions below are all that changes it.

import { backProject, gate } from "./bep.mjs";
import { select } from "./lesson.mjs";
import { randomPermutation, randomSigns } from "./philox.mjs";
import { classPrototypes } from "./prototypes.mjs";
import { HIDDEN_MAX, reinforce, reinforcementThreshold, skipTable } from "./reinforce.mjs";
import { sha256 } from "./sha256.mjs";
import { pack, popcount } from "./xnor.mjs";

const [HIDDEN, SHUFFLE] = [0, 2];  // random streams
const FEEDBACK = 1000;  // fixed feedback weights are drawn as if they were layers from here on

export function divisors(width) {
  return Array.from({ length: width }, (_, i) => i + 1).filter((g) => width % g === 0);
}

export function startGroup(width) {
  return Math.max(...divisors(width).filter((g) => g <= Math.max(1, Math.min(Math.floor(width / 5), 35))));
}

export function gateBound(hundredths, fanIn) {
  return Math.floor((hundredths * fanIn) / 100);
}

export function marginBound(hundredths, width) {
  return Math.ceil((hundredths * width) / 100);
}

// The layers at the start, or the fixed random ones that blame travels through in their place.
export function drawLayers(widths, seed, way = "forward") {
  return widths.slice(1).map((rows, i) => {
    const layer = i + (way === "feedback" ? FEEDBACK : 0);
    const data = randomSigns(seed, HIDDEN, rows * widths[i], { layer });
    const matrix = packed({ rows, cols: widths[i], data });
    return { ...matrix, H: Int16Array.from(data), sum: new Int32Array(data.length) };
  });
}

// A network at the start. `groups` null chooses, `patience` null never lets them grow.
export function create({ widths, classes, seed, credit = "bep", r = 50, nu = 10, pR = 50, groups = null, patience = 5 }) {
  const above = widths.slice(1);
  return {
    widths, classes, seed, credit, r, nu, pR, patience,
    layers: drawLayers(widths, seed),
    groups: groups ?? above.map(startGroup),
    wayBack: credit === "feedback" ? drawLayers(widths, seed, "feedback") : null,
    classifiers: above.map((width, i) => packed(classPrototypes(classes, width, seed, i))),
    epoch: 0, error: 1, bestError: Infinity, waited: 0, history: [],
  };
}

// A matrix of signs with its words beside it, each row packed by itself.
function packed(matrix) {
  const width = Math.ceil(matrix.cols / 32);
  const words = new Uint32Array(matrix.rows * width);
  for (let i = 0; i < matrix.rows; i++) words.set(pack(row(matrix, i)), i * width);
  return { ...matrix, words };
}

// z = W a, counted on words: this is the hot loop.
function product({ rows, cols, words }, a) {
  const z = new Int32Array(rows);
  const other = pack(a);
  for (let i = 0, at = 0; i < rows; i++) {
    let differ = 0;
    for (let j = 0; j < other.length; j++, at++) differ += popcount(words[at] ^ other[j]);
    z[i] = cols - 2 * differ;
  }
  return z;
}

function signs(z) {
  const a = new Int8Array(z.length);
  for (let i = 0; i < z.length; i++) a[i] = z[i] < 0 ? -1 : 1;
  return a;
}

export function row(matrix, i) {
  return matrix.data.subarray(i * matrix.cols, (i + 1) * matrix.cols);
}

// Sums and activations of all layers, lowest first, and the logits.
export function forward(net, x) {
  const [z, a] = [[], [x]];
  for (const layer of net.layers) {
    z.push(product(layer, a[a.length - 1]));
    a.push(signs(z[z.length - 1]));
  }
  return { z, a, logits: product(net.classifiers[net.layers.length - 1], a[a.length - 1]) };
}

// The first of the largest.
export function winner(logits) {
  return logits.indexOf(Math.max(...logits));
}

export function lead(logits, y) {
  let best = -Infinity;
  for (let c = 0; c < logits.length; c++) if (c !== y && logits[c] > best) best = logits[c];
  return logits[y] - best;
}

// The lowest layer that learns.
export function lowest(net) {
  return net.credit === "frozen" ? net.layers.length - 1 : 0;
}

// All that one sample makes of the network, before anything changes. By layer: `margins` and `fires`
// (who decides about the layer), `aStar`, `open` (may its neurons vote?), `chosen`: null in a layer for
// which the sample does not fire.
export function look(net, x, y) {
  const top = net.layers.length - 1;
  const seen = forward(net, x);
  const none = () => Array(top + 1).fill(null);
  Object.assign(seen, { margins: none(), fires: none(), aStar: none(), open: none(), chosen: none() });
  for (let i = top; i >= lowest(net); i--) {
    const told = i === top || net.credit === "local";  // by a prototype, else by the layer above
    if (told) seen.margins[i] = lead(i === top ? seen.logits : product(net.classifiers[i], seen.a[i + 1]), y);
    seen.fires[i] = told ? seen.margins[i] < marginBound(net.r, net.widths[i + 1]) : seen.fires[i + 1];
    if (!seen.fires[i]) continue;
    if (told) {
      seen.aStar[i] = row(net.classifiers[i], y);
    } else {
      seen.open[i + 1] = gate(seen.z[i + 1], gateBound(net.nu, net.widths[i + 1]));
      seen.aStar[i] = backProject((net.wayBack ?? net.layers)[i + 1], seen.aStar[i + 1], seen.open[i + 1]);
    }
    seen.chosen[i] = select(seen.z[i], seen.aStar[i], net.groups[i]);
  }
  return seen;
}

// What is counted, in whole numbers: [part, whole] for shares, one entry a hidden layer.
export function emptyTally(depth) {
  const shares = () => Array.from({ length: depth }, () => [0, 0]);
  return { wrong: [0, 0], triggered: [0, 0], open: shares(), errorBits: shares(), flips: Array(depth).fill(0) };
}

export function addTally(into, { wrong, triggered, open, errorBits, flips }) {
  const add = (total, [part, whole]) => { total[0] += part; total[1] += whole; };
  add(into.wrong, wrong);
  add(into.triggered, triggered);
  open.forEach((share, i) => add(into.open[i], share));
  errorBits.forEach((share, i) => add(into.errorBits[i], share));
  flips.forEach((count, i) => { into.flips[i] += count; });
}

function share([part, whole]) {
  return part / Math.max(whole, 1);
}

// A training: the network, where it stands in its epoch, and what it has counted. The task, { X, y,
// validation: { X, y } or null }, is passed to each step, not kept.
export function training(net, batchSize) {
  const depth = net.layers.length;
  return { net, batchSize, order: null, position: 0, batch: 0, counted: emptyTally(depth), epochTally: emptyTally(depth) };
}

// Let one sample be seen. The last of a batch changes the weights, the last of all ends the epoch.
// Returns what was seen, and the batch's tally and the epoch's record if they are complete.
export function stepSample(state, task) {
  const { net } = state;
  const n = task.y.length;
  state.order ??= randomPermutation(net.seed, SHUFFLE, n, { epoch: net.epoch });
  const index = state.order[state.position++];
  const seen = look(net, row(task.X, index), task.y[index]);
  count(state.counted, seen, task.y[index]);
  for (let i = lowest(net); i < net.layers.length; i++) if (seen.fires[i]) addLesson(net.layers[i], seen, i);
  const full = state.position % state.batchSize === 0 || state.position === n;
  const tally = full ? closeBatch(state) : null;
  const record = state.position === n ? closeEpoch(state, task) : null;
  return { index, seen, tally, record };
}

export function stepBatch(state, task) {
  for (;;) {
    const done = stepSample(state, task);
    if (done.tally) return done;
  }
}

function count(tally, seen, y) {
  const top = seen.z.length - 1;
  const add = (total, part, whole) => { total[0] += part; total[1] += whole; };
  add(tally.wrong, Number(winner(seen.logits) !== y), 1);
  add(tally.triggered, Number(seen.fires[top]), 1);
  for (let i = 0; i <= top; i++) {
    const aStar = seen.aStar[i];
    if (seen.open[i]) add(tally.open[i], seen.open[i].filter(Boolean).length, seen.open[i].length);
    if (!aStar) continue;
    let wrong = 0;
    for (let j = 0; j < aStar.length; j++) wrong += Number(aStar[j] !== seen.a[i + 1][j]);
    add(tally.errorBits[i], wrong, aStar.length);
  }
}

// a*_j a_prev, kept until the batch is complete.
function addLesson({ cols, sum }, seen, i) {
  for (const j of seen.chosen[i]) {
    if (j < 0) continue;
    for (let k = 0; k < cols; k++) sum[j * cols + k] += seen.aStar[i][j] * seen.a[i][k];
  }
}

// Update, clip, reinforce, re-sign.
function closeBatch(state) {
  const { net, counted } = state;
  for (let i = lowest(net); i < net.layers.length; i++) {
    const layer = net.layers[i];
    counted.flips[i] += update(layer);
    const threshold = reinforcementThreshold(net.pR, layer.cols, net.error);
    reinforce(layer, tableFor(threshold), net.seed, [i, state.batch, net.epoch]);
  }
  state.batch++;
  state.counted = emptyTally(net.layers.length);
  addTally(state.epochTally, counted);
  return counted;
}

const tables = new Map();  // thresholds change once an epoch, and differ by fan-in
function tableFor(threshold) {
  if (!tables.has(threshold)) {
    if (tables.size > 64) tables.clear();
    tables.set(threshold, skipTable(threshold));
  }
  return tables.get(threshold);
}

// H + 2 sum, clipped; returns how many signs flipped.
function update({ cols, H, data, words, sum }) {
  const width = Math.ceil(cols / 32);
  let flips = 0;
  for (let i = 0; i < H.length; i++) {
    if (sum[i] === 0) continue;
    H[i] = Math.max(-HIDDEN_MAX, Math.min(HIDDEN_MAX, H[i] + 2 * sum[i]));
    sum[i] = 0;
    if (H[i] < 0 === data[i] < 0) continue;
    const k = i % cols;
    data[i] *= -1;
    words[((i - k) / cols) * width + (k >>> 5)] ^= 1 << (k & 31);
    flips++;
  }
  return flips;
}

export function meanHidden({ H }) {
  let total = 0;
  for (const h of H) total += Math.abs(h);
  return total / H.length;
}

function closeEpoch(state, { validation }) {
  const { net, epochTally: tally } = state;
  net.epoch++;
  const record = {
    epoch: net.epoch,
    train_error: share(tally.wrong),
    validation_error: validation ? errorRate(net, validation) : null,
    triggered: share(tally.triggered),
    open_gates: tally.open.map(share),
    error_bits: tally.errorBits.map(share),
    flips: tally.flips,
    mean_hidden: net.layers.map(meanHidden),
    groups: [...net.groups],
  };
  net.history.push(record);
  net.error = record.train_error;
  growGroups(net, record.validation_error ?? record.train_error);
  Object.assign(state, { order: null, position: 0, batch: 0, epochTally: emptyTally(net.layers.length) });
  return record;
}

// Every group grows to the next divisor once the error has not fallen for `patience` epochs.
function growGroups(net, error) {
  net.waited = error < net.bestError ? 0 : net.waited + 1;
  net.bestError = Math.min(error, net.bestError);
  if (net.patience === null || net.waited < net.patience) return;
  net.waited = 0;
  net.groups = net.groups.map((group, i) => divisors(net.widths[i + 1]).find((g) => g > group) ?? group);
}

// The fraction of samples whose class is not the first of the largest logits.
export function errorRate(net, { X, y }) {
  let wrong = 0;
  y.forEach((label, n) => { wrong += Number(winner(forward(net, row(X, n)).logits) !== label); });
  return wrong / y.length;
}

// sha256 of each H as little-endian int16, row after row, layers in order.
export function weightsSha256({ layers }) {
  const bytes = new Uint8Array(layers.reduce((size, { H }) => size + 2 * H.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { H } of layers) for (const h of H) view.setInt16((at++) * 2, h, true);
  return sha256(bytes);
}
