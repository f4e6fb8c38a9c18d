// The playground's training against bnnkit's: the same bits after every epoch, whatever the settings.

import { deepEqual, equal } from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { core, golden } from "./golden.mjs";

const load = (name) => import(new URL(`${name}.mjs`, core));
const hash = (data) => createHash("sha256").update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).digest("hex");

test("prototypes: the same spread-out signs", async () => {
  const { classPrototypes } = await load("prototypes");
  for (const [classes, width, seed, layer, digest] of golden("prototypes")) {
    equal(hash(classPrototypes(classes, width, seed, layer).data), digest);
  }
});

test("reinforcement: thresholds, and the entries that the coin picks", async () => {
  const { eachChosen, reinforcementThreshold, skipTable } = await load("reinforce");
  const { chosen, thresholds } = golden("reinforce");
  for (const [pR, fanIn, error, threshold] of thresholds) equal(reinforcementThreshold(pR, fanIn, error), threshold);
  for (const [rows, cols, p, seed, layer, batch, epoch, entries] of chosen) {
    const found = [];
    eachChosen({ rows, cols }, skipTable(p), seed, [layer, batch, epoch], (i) => found.push(i));
    deepEqual(found, entries);
  }
});

test("sha256", async () => {
  const { sha256 } = await load("sha256");
  for (const [n, digest] of golden("sha256")) equal(sha256(Uint8Array.from({ length: n }, (_, i) => i % 256)), digest);
});

test("tasks: points, classes and signs", async () => {
  const { encodeDigits, encodePoints, marksOf, planePoints } = await load("tasks");
  const { plane, coded, digits } = golden("tasks");
  for (const [name, part, first, digest, labels] of plane) {
    const { points, y } = planePoints(name, 500, part);
    deepEqual(Array.from(points.subarray(0, 10)), first.flat());
    equal(hash(points), digest);
    deepEqual(y, labels);
  }
  const names = plane.filter(([, part]) => part === 0).map(([name]) => name);
  const signs = names.flatMap((name) => [false, true].map((constant) => encodePoints(planePoints(name, 1000, 2).points, marksOf(name), constant)));
  deepEqual(signs.map(({ data }) => hash(data)), coded);
  const onMarks = encodePoints(Float64Array.of(1 / 17, 16 / 17), 16, true).data;  // on a mark is not above it
  deepEqual(onMarks.filter((s) => s > 0).length, 16);
  for (const [text, digest, labels] of digits) {
    const { X, y } = encodeDigits(text, true);
    equal(hash(X.data), digest);
    deepEqual(y, labels);
  }
});

test("tasks: the middles lie in the squares that the thermometers tell apart", async () => {
  const { encodePoints, middles } = await load("tasks");
  const { rows, cols, data } = encodePoints(middles(16), 16, true);
  const codes = new Set(Array.from({ length: rows }, (_, i) => data.subarray(i * cols, (i + 1) * cols).join()));
  equal(codes.size, 17 ** 2);
  const lit = (i, axis) => data.subarray(i * cols + axis * 16, i * cols + axis * 16 + 16).filter((s) => s > 0).length;
  deepEqual([lit(1, 0), lit(1, 1)], [1, 0]);
});

async function start({ n, batch_size, classes, widths, groups, patience, validation, full, seed, credit, r, nu, p_r: pR }, k) {
  const { randomSigns, randomWords } = await load("philox");
  const { create, training } = await load("network");
  const { HIDDEN_MAX } = await load("reinforce");
  const X = { rows: n, cols: widths[0], data: randomSigns(12345, 7, n * widths[0], { batch: 4000 + k }) };
  const y = Array.from(randomWords(12345, 7, n, { batch: 4200 + k }), (word) => word % classes);
  const half = Math.floor(n / 2);
  const task = { X, y, validation: validation ? { X, y: [...y].reverse().slice(0, half) } : null };
  const net = create({ widths, classes, seed, credit, r, nu, pR, groups, patience });
  if (full) for (const { H } of net.layers) H.forEach((h, i) => { H[i] = h * (HIDDEN_MAX - 2); });
  return { task, state: training(net, batch_size) };
}

test("network: weights, history and logits after some epochs", async () => {
  const { forward, marginBound, row, startGroup, stepBatch, weightsSha256 } = await load("network");
  const { cases, bounds, starts } = golden("network");
  starts.forEach((group, k) => equal(startGroup(k + 1), group));
  for (const [hundredths, width, bound] of bounds) equal(marginBound(hundredths, width), bound);
  for (const [index, { epochs, history, sha256, logits, ...settings }] of cases.entries()) {
    const { task, state } = await start(settings, settings.n === 300 ? 99 : index);
    while (state.net.epoch < epochs) stepBatch(state, task);
    deepEqual(state.net.history, history, JSON.stringify(settings));
    equal(weightsSha256(state.net), sha256);
    const found = logits.slice(0, task.y.length).map((_, n) => Array.from(forward(state.net, row(task.X, n)).logits));
    deepEqual(found, logits);
  }
});

test("network: a copy steps on as the original does, sample by sample", async () => {
  const { stepBatch, stepSample, weightsSha256 } = await load("network");
  const { history, epochs, sha256, ...settings } = golden("network").cases.find(({ credit, n }) => credit === "bep" && n > 20);
  const { task, state } = await start(settings, golden("network").cases.findIndex(({ sha256: digest }) => digest === sha256));
  for (let i = 0; i < 13; i++) stepSample(state, task);
  const copy = structuredClone(state);
  while (state.net.epoch < 2) stepBatch(state, task);
  while (copy.net.epoch < 2) stepSample(copy, task);
  equal(weightsSha256(copy.net), weightsSha256(state.net));
  deepEqual(copy.net.history, state.net.history);
});

test("play: the three networks of a playground end as bnnkit's do", async () => {
  const { advance, advanceSample, startRun, taskOf } = await load("play");
  const { weightsSha256 } = await load("network");
  const { cases, digits } = golden("play");
  for (const { knobs, runs } of cases) {
    const task = taskOf(knobs, digits);
    for (const [credit, { test: errors, best, sha256 }] of Object.entries(runs)) {
      const run = startRun(knobs, task, credit);
      for (let i = 0; i < 25; i++) advanceSample(run, task);
      while (run.state.net.epoch < knobs.epochs) advance(run, task);
      equal(weightsSha256(run.state.net), sha256, JSON.stringify(knobs) + credit);
      deepEqual(run.test, errors);
      equal(run.kept.epoch, best);
      equal(run.kept.test, errors[best]);
    }
  }
});

test("play: a layer in error bits, and the pictures", async () => {
  const { advance, errorBitsState, pictures, startRun, taskOf } = await load("play");
  const { cases, layers, answer } = golden("play");
  const knobs = { ...cases[0].knobs, data: "blobs", widths: [15, 9, 9], epochs: 1 };
  const task = taskOf(knobs, null);
  const run = startRun(knobs, task, "bep");
  while (run.state.net.epoch < 1) advance(run, task);
  const samples = Array.from({ length: 10 }, (_, n) => n);
  const found = layers.map((_, l) => errorBitsState(run.state.net, task, l, samples, { title: "T", names: ["a", "b", "c"] }));
  deepEqual(found, layers);
  const seen = pictures(run.state.net, task, knobs);
  deepEqual(Array.from(seen.out), answer);
  deepEqual(seen.layers.map(({ neurons }) => neurons.length), [15, 9, 9]);
  equal(seen.layers[0].neurons.every((values) => values.every((v) => Math.abs(v) === 4)), true);
});

test("play: the vital signs are the epoch's record, looked at ten times", async () => {
  const { advance, signNames, startRun, taskOf } = await load("play");
  const { knobs } = golden("play").cases[0];
  const task = taskOf(knobs, null);
  const run = startRun(knobs, task, "bep");
  while (run.state.net.epoch < 2) advance(run, task);
  deepEqual(run.looks.map(({ at }) => at), Array.from({ length: 20 }, (_, i) => i + 1));
  const { triggered, flips, mean_hidden: hidden } = run.state.net.history[1];
  const second = run.looks.slice(10).map(({ values }) => values);
  const sizes = run.state.net.layers.map(({ H }) => H.length);
  const size = sizes.reduce((a, b) => a + b);
  const close = (a, b) => equal(Math.abs(a - b) < 1e-9, true, `${a} ${b}`);
  close(second.reduce((sum, values) => sum + values[0], 0) / 10, triggered);
  close(second.reduce((sum, values) => sum + values[4], 0), (flips[0] + flips[1]) / size);
  close(second[9][5], hidden.reduce((sum, mean, i) => sum + mean * sizes[i], 0) / size);
  equal(signNames(2).length, second[0].length);
});

test("play: who leaves the band, and stays out", async () => {
  const { bandsOf, departures } = await load("play");
  const looks = (...rows) => rows.map((values, i) => ({ at: i + 1, values }));
  const peers = [{ looks: looks([0.2, 3], [0.2, 3], [0.2, null]) }, { looks: looks([0.4, 5], [0.4, 5], [0.4, null]) }];
  const bands = bandsOf(peers);
  deepEqual(bands.get(1)[1], [1, 7]);
  equal(bands.get(3)[1], null);
  deepEqual(departures(looks([0.3, 4], [0.5, 6], [0.1, 9]), bands), []);
  deepEqual(departures(looks([0.9, 4], [0.3, 4], [0.3, 4]), bands), []);  // out once is not out
  const left = departures(looks([0.3, 8], [0.9, 9], [0.9, 9]), bands);
  deepEqual(left.map(({ at, signs }) => [at, signs.map(({ sign }) => sign)]), [[1, [1]], [2, [0]]]);
});

test("codec: packets are written as bnnkit writes them", async () => {
  const { decode, encodeIntegers, encodeSigns } = await load("codec");
  for (const { packet } of golden("codec")) {
    const { shape, data } = decode(packet);
    deepEqual(packet.dtype === "bits" ? encodeSigns(shape, data) : encodeIntegers(shape, data), packet);
  }
});
