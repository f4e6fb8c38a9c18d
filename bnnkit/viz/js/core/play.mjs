// A playground's experiment: one task, networks that differ in one thing and start from one seed, and
// what is watched while they learn. Knobs are whole numbers (r, nu and p_r in hundredths), see
// bnnkit/viz/playground.py.

import { encodeIntegers, encodeSigns } from "./codec.mjs";
import { addTally, create, emptyTally, errorRate, forward, meanHidden, row, winner } from "./network.mjs";
import { drawLayers, gateBound, marginBound, stepBatch, stepSample, training } from "./network.mjs";
import { CLASSES, SIZES, encodeDigits, encodePoints, marksOf, middles, planePoints } from "./tasks.mjs";

export const CREDITS = ["bep", "local", "frozen"];
export const LOOKS = 10;  // looks at the vital signs an epoch
const PEERS = 8;  // healthy networks of other seeds, for the bands

export function taskOf({ data, constant }, digits) {
  const part = (which) => {
    if (data === "digits") return encodeDigits(digits[which], constant);
    const { points, y } = planePoints(data, SIZES[which], which);
    return { X: encodePoints(points, marksOf(data), constant), y, points };
  };
  return { ...part(0), validation: part(1), test: part(2) };
}

// Neurons a group in each layer; 0 means the whole layer.
export function groupsOf({ widths, group }) {
  return widths.map((width) => group || width);
}

// A network and its training, with what is watched: test errors by epoch, the vital signs, and the
// epoch that validation would keep.
export function startRun(knobs, task, credit) {
  const { widths, seed, r, nu, p_r: pR, patience, batch } = knobs;
  const classes = CLASSES[knobs.data];
  const net = create({
    widths: [task.X.cols, ...widths], classes, seed, credit, r, nu, pR, patience, groups: groupsOf(knobs),
  });
  return {
    credit, state: training(net, batch), batches: 0, looks: [], since: emptyTally(widths.length),
    test: [errorRate(net, task.test)], kept: null,
  };
}

// Samples seen since the start.
export function seenBy({ state: { net, position } }, task) {
  return net.epoch * task.y.length + position;
}

// One batch, or one sample of it. Returns what the step saw.
export function advance(run, task, step = stepBatch) {
  const done = step(run.state, task);
  if (done.tally) {
    run.batches++;
    addTally(run.since, done.tally);
    const at = lookAt(seenBy(run, task), task);
    if (at > (run.looks.length ? run.looks[run.looks.length - 1].at : 0)) look(run, at);
  }
  if (done.record) noteEpoch(run, task, done.record);
  return done;
}

// One sample, told step by step; one entry a hidden layer. `flips` is null until the batch is full.
export function advanceSample(run, task) {
  const { net, batchSize, position } = run.state;
  const groups = [...net.groups];
  const { index, seen, tally } = advance(run, task, stepSample);
  const top = net.layers.length - 1;
  const last = Math.min(batchSize - (position % batchSize), task.y.length - position);
  return {
    index, y: task.y[index], logits: seen.logits, margin: seen.margins[top], fires: seen.fires[top], more: last - 1,
    bound: marginBound(net.r, net.widths[top + 1]), flips: tally?.flips ?? null, epoch: net.epoch,
    layers: net.layers.map(({ cols }, i) => ({
      z: seen.z[i], a: seen.a[i + 1], aStar: seen.aStar[i], open: seen.open[i], window: gateBound(net.nu, cols),
      chosen: seen.chosen[i], group: groups[i], fanIn: cols,
    })),
  };
}

function lookAt(seen, task) {
  return Math.floor((seen * LOOKS) / task.y.length);
}

function noteEpoch(run, task, { epoch, validation_error: error }) {
  run.test.push(errorRate(run.state.net, task.test));
  if (run.kept === null || error < run.kept.error) run.kept = { epoch, error, test: run.test[epoch] };
}

// The vital signs, in the order in which a step brings them about.
export function signNames(depth) {
  const bits = Array.from({ length: depth }, (_, i) => `error bits, layer ${i + 1}`);
  return ["trigger rate", "open gates", ...bits, "flips a weight", "mean |H|"];
}

// What happened since the last look, as one number a sign; null where nothing was asked.
function look(run, at) {
  const { layers } = run.state.net;
  const part = ([some, all]) => (all ? some / all : null);
  const { triggered, open, errorBits, flips } = run.since;
  const gates = open.reduce(([p, w], [some, all]) => [p + some, w + all], [0, 0]);
  const size = layers.reduce((total, { H }) => total + H.length, 0);
  const hidden = layers.reduce((total, layer) => total + meanHidden(layer) * layer.H.length, 0);
  run.looks.push({ at, values: [part(triggered), part(gates), ...errorBits.map(part), flips.reduce((a, b) => a + b) / size, hidden / size] });
  run.since = emptyTally(layers.length);
}

// Healthy networks of the next seeds, whose vital signs say what is usual.
export function startPeers(knobs, task) {
  return Array.from({ length: PEERS }, (_, k) => startRun({ ...knobs, seed: (knobs.seed + k + 1) % 2 ** 32 }, task, "bep"));
}

// From look to [low, high] of each sign: the range among the peers, and as much again on either
// side.
export function bandsOf(peers) {
  const bands = new Map();
  for (const { at, values } of peers[0].looks) {
    const each = peers.map(({ looks }) => looks.find((other) => other.at === at).values);
    const range = (_, sign) => band(each.map((signs) => signs[sign]).filter((x) => x !== null), sign < values.length - 2 ? 1 : Infinity);
    bands.set(at, values.map(range));
  }
  return bands;
}

function band(numbers, most) {
  if (numbers.length === 0) return null;
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const more = high - low;
  return [Math.max(0, low - more), Math.min(most, high + more)];
}

// When did signs leave their bands to stay out for two looks, and which? [{ at, signs: [{ sign, value,
// band }] }], the first first; each sign once.
export function departures(looks, bands) {
  const gone = new Set();
  const outside = (entry, sign) => {
    const range = bands.get(entry?.at)?.[sign];
    return Boolean(range) && entry.values[sign] !== null && (entry.values[sign] < range[0] || entry.values[sign] > range[1]);
  };
  return looks.flatMap((entry, i) => {
    const next = looks[i + 1] ?? entry;
    const left = entry.values.map((_, sign) => sign).filter((sign) => !gone.has(sign) && outside(entry, sign) && outside(next, sign));
    left.forEach((sign) => gone.add(sign));
    return left.length ? [{ at: entry.at, signs: left.map((sign) => ({ sign, value: entry.values[sign], band: bands.get(entry.at)[sign] })) }] : [];
  });
}

// A picture for each hidden neuron, numbers from -4 to 4: { rows, cols, layers: [neurons of values] },
// and in the plane `out`, the class at each place. In the plane: what the neuron says there. Of
// digits: its weights if it sees the pixels, else what it says of each class.
export function pictures(net, task, { data, constant }) {
  if (data === "digits") return { layers: net.layers.map((layer, l) => (l === 0 ? pixelWeights(layer) : byClass(net, task, l))) };
  const marks = marksOf(data);
  const X = encodePoints(middles(marks), marks, constant);
  const side = marks + 1;
  const layers = net.layers.map(({ rows }) => ({ rows: side, cols: side, neurons: Array.from({ length: rows }, () => new Int8Array(X.rows)) }));
  const out = new Int8Array(X.rows);
  for (let n = 0; n < X.rows; n++) {
    const { a, logits } = forward(net, row(X, n));
    layers.forEach(({ neurons }, l) => neurons.forEach((values, j) => { values[n] = 4 * a[l + 1][j]; }));
    out[n] = winner(logits);
  }
  return { layers, out, side };
}

function pixelWeights(layer) {
  const neurons = Array.from({ length: layer.rows }, (_, j) => Int8Array.from({ length: 64 }, (_, pixel) => {
    const [a, b, c, d] = row(layer, j).subarray(4 * pixel, 4 * pixel + 4);
    return a + b + c + d;
  }));
  return { rows: 8, cols: 8, neurons };
}

function byClass(net, { validation: { X, y } }, l) {
  const sums = Array.from({ length: net.layers[l].rows }, () => new Int32Array(net.classes));
  const count = new Int32Array(net.classes);
  y.forEach((label, n) => {
    count[label]++;
    forward(net, row(X, n)).a[l + 1].forEach((s, j) => { sums[j][label] += s; });
  });
  const neurons = sums.map((sum) => Int8Array.from(sum, (total, c) => Math.round((4 * total) / Math.max(1, count[c]))));
  return { rows: 2, cols: net.classes / 2, neurons };
}

// What the error bits widget needs to show a hidden layer for some samples of the task; as
// ErrorBits.of says it in Python.
export function errorBitsState(net, { X, y }, layer, samples, { title, names }) {
  const signs = ({ rows, cols, data }) => encodeSigns([rows, cols], data);
  const stack = (vectors) => encodeSigns([vectors.length, vectors[0].length], vectors.flatMap((v) => Array.from(v)));
  const seen = samples.map((n) => forward(net, row(X, n)));
  const { rows, cols, H } = net.layers[layer];
  return {
    a: stack(seen.map(({ a }) => a[layer + 1])), weights: net.layers.slice(layer + 1).map(signs),
    feedback: drawLayers(net.widths, net.seed, "feedback").slice(layer + 1).map(signs),
    prototypes: signs(net.classifiers[net.layers.length - 1]), local: signs(net.classifiers[layer]),
    H: encodeIntegers([rows, cols], H), inputs: stack(seen.map(({ a }) => a[layer])), group: net.groups[layer],
    y: samples.map((n) => y[n]), class_names: names, nu: net.nu / 100, r: net.r / 100, credit: "bep",
    sample: 0, other: null, neuron: 0, lessons: [], title,
  };
}
