// The playground's worker: it trains in slices, listens between them, and reports a few times a
// second. It only keeps time; what happens is in core/play.mjs.

import { weightsSha256 } from "../core/network.mjs";
import { advance, advanceSample, bandsOf, departures, errorBitsState, pictures } from "../core/play.mjs";
import { CREDITS, seenBy, signNames, startPeers, startRun, taskOf } from "../core/play.mjs";

const SLICE = 12;  // milliseconds of work before it listens again
const PACE = 6;  // epochs a second, to watch
const MOST_PAST = 60;  // samples that can be taken back
const SHOWN = 10;  // samples in the error bits

let digits = null;
let play = null;  // { knobs, task, runs, before, peers, bands, past }
let [running, asleep, fast, goal] = [false, false, false, 0];
let [busy, batches, reported, interval] = [0, 0, 0, 80];
let from = { time: 0, seen: 0 };
let timer = null;
let shown = "bep";

const actions = {
  digits({ parts }) {
    digits = parts;
  },
  setup({ knobs, before, preset }) {
    const task = taskOf(knobs, digits);
    const peerTask = taskOf(preset, digits);
    play = {
      knobs, task, runs: CREDITS.map((credit) => startRun(knobs, task, credit)), past: [],
      before: before && { knobs: before, task: taskOf(before, digits), run: startRun(before, taskOf(before, digits), "bep") },
      peers: { task: peerTask, runs: startPeers(preset, peerTask), epochs: preset.epochs }, bands: null,
    };
    [running, busy, batches] = [false, 0, 0];
    postMessage({ kind: "points", xy: task.points ?? null, y: task.y });
    report();
  },
  go({ to, pace, every }) {
    const n = play.task.y.length;
    const least = Math.min(...play.runs.map((run) => seenBy(run, play.task) / n));
    goal = to === "end" ? play.knobs.epochs : Math.min(play.knobs.epochs, Math.floor(least) + 1);
    [running, fast, interval] = [true, pace === "fast", every];
    play.past = [];
    from = { time: performance.now(), seen: least };
    work();
  },
  pause() {
    running = false;
    report();
  },
  sleep({ on }) {
    asleep = on;
    from = { time: performance.now(), seen: play ? progress(laggard() ?? mine()[0]) : 0 };
    if (!on) work();
  },
  sample() {
    running = false;
    const bep = play.runs[0];
    if (seenBy(bep, play.task) >= play.knobs.epochs * play.task.y.length) return;
    play.past.push(structuredClone(bep));
    if (play.past.length > MOST_PAST) play.past.shift();
    postMessage({ kind: "sample", told: advanceSample(bep, play.task), past: play.past.length });
    report();
  },
  back() {
    running = false;
    if (play.past.length === 0) return;
    play.runs[0] = play.past.pop();
    postMessage({ kind: "sample", told: null, past: play.past.length });
    report();
  },
  show({ credit }) {
    shown = credit;
    report();
  },
  open({ layer, neuron, title, names }) {
    const { state: { net } } = play.runs.find(({ credit }) => credit === shown);
    const samples = Array.from({ length: SHOWN }, (_, n) => n);
    postMessage({ kind: "opened", state: { ...errorBitsState(net, play.task, layer, samples, { title, names }), neuron } });
  },
};

self.onmessage = ({ data }) => actions[data.do](data);

// All that train for this experiment, each with its task: { run, task }.
function mine() {
  const { runs, task, before } = play;
  return [...runs.map((run) => ({ run, task })), ...(before ? [before] : [])];
}

// Epochs done, with the part of the present one.
function progress({ run, task }) {
  return seenBy(run, task) / task.y.length;
}

// Whoever has come least far and not yet to the goal.
function laggard() {
  const behind = mine().filter((one) => progress(one) < goal);
  return behind.length ? behind.reduce((a, b) => (progress(b) < progress(a) ? b : a)) : null;
}

function work() {
  clearTimeout(timer);
  if (asleep || !play) return;
  const start = performance.now();
  const worked = running ? train(start) : play.bands === null && finished() ? compare(start) : null;
  if (running || worked !== null) {
    if (performance.now() - reported > interval) report();
    timer = setTimeout(work, worked === 0 ? 20 : 0);
  }
}

// One slice of training; returns how many batches it was.
function train(start) {
  let count = 0;
  const due = fast ? Infinity : from.seen + ((start - from.time) * PACE) / 1000;
  while (performance.now() - start < SLICE) {
    const next = laggard();
    if (next === null) {
      running = false;
      report();
      break;
    }
    if (progress(next) > due) break;
    advance(next.run, next.task);
    count++;
  }
  busy += performance.now() - start;
  batches += count;
  return count;
}

function finished() {
  return progress({ run: play.runs[0], task: play.task }) >= play.knobs.epochs;
}

// One slice of the healthy networks' training, for the bands; then the verdict.
function compare(start) {
  const { task, runs, epochs } = play.peers;
  while (performance.now() - start < SLICE) {
    const run = runs.find(({ state: { net } }) => net.epoch < epochs);
    if (run) {
      advance(run, task);
      continue;
    }
    play.bands = bandsOf(runs);
    postMessage({ kind: "verdict", bands: [...play.bands], left: departures(play.runs[0].looks, play.bands) });
    return null;
  }
  return 1;
}

function report() {
  reported = performance.now();
  const { task, knobs, runs, before, bands } = play;
  const told = ({ credit, test, kept, state: { net } }) => ({ credit, test, kept, train: net.history.map((e) => e.train_error) });
  const done = finished() && !running;
  const pictured = runs.find(({ credit }) => credit === shown);
  postMessage({
    kind: "state", running, done, at: progress({ run: runs[0], task }), n: task.y.length, runs: runs.map(told),
    before: before && told(before.run), signs: signNames(knobs.widths.length), looks: runs[0].looks,
    beforeLooks: before ? before.run.looks : [], rate: busy > 0 ? (1000 * batches) / busy : 0,
    pictures: pictures(pictured.state.net, task, knobs), judged: bands !== null,
    hashes: done ? runs.map(({ state: { net } }) => weightsSha256(net)) : null,
  });
}
