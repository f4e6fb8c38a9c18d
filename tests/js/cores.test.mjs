// Every core against bnnkit's own numbers: equal, with no tolerance.

import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { core, golden } from "./golden.mjs";

const typed = (M) => ({ ...M, data: Int8Array.from(M.data) });
const load = (name) => import(new URL(`${name}.mjs`, core));

test("codec", async () => {
  const { decode } = await load("codec");
  for (const { packet, values } of golden("codec")) {
    const { shape, data } = decode(packet);
    deepEqual(shape, packet.shape);
    deepEqual(Array.from(data), values);
  }
});

test("philox: known answers, blocks, streams", async () => {
  const { integerProbability, philox4x32, randomPermutation, randomSigns, randomWords } = await load("philox");
  const { known, blocks, streams, chances } = golden("philox");
  for (const [counter, key, words] of [...known, ...blocks]) deepEqual(philox4x32(counter, key), words);
  for (const { seed, stream, n, where, words, signs, permutation } of streams) {
    deepEqual(Array.from(randomWords(seed, stream, n, where)), words);
    deepEqual(Array.from(randomSigns(seed, stream, n, where)), signs);
    deepEqual(randomPermutation(seed, stream, n, where), permutation);
  }
  for (const [p, integer] of chances) equal(integerProbability(p), integer);
});

test("bep: forward, margin, gates, votes, desired activations", async () => {
  const { ballots, desired, forward, margin, tally } = await load("bep");
  const { cases } = golden("bep");
  for (const { a, weights, P, y, nu, z, margin: lead, above, open, a_star, tally: advice } of cases) {
    const [Ws, prototypes] = [weights.map(typed), typed(P)];
    deepEqual(forward(Ws, a).map((layer) => layer.z), z);
    equal(margin(Ws, prototypes, a, y), lead);
    const found = desired(Ws, prototypes, a, y, nu);
    deepEqual(found, { aStar: a_star, above: { aStar: above, open, z: z[0] } });
    a_star.forEach((wanted, j) => {
      const sum = ballots(Ws[0], above, open, j).reduce((total, vote) => total + vote, 0);
      equal(sum < 0 ? -1 : 1, wanted);
    });
    deepEqual(tally(Ws, prototypes, a, a_star, y), advice);
  }
});

test("exact: windows and margins of decimals as they are written, and of fractions", async () => {
  const { approximate, ceilTimes, floorTimes } = await load("exact");
  const { gateBound } = await load("bep");
  for (const [x, K, below, above] of golden("exact")) {
    deepEqual([floorTimes(x, K), ceilTimes(x, K), gateBound(x, K)], [below, above, below]);
    equal(Math.abs(approximate(x) * K - below) <= 1, true);
  }
});

test("answers: the margin of each of the 2^K, and the wrong bits allowed", async () => {
  const { allMargins, answerNumber, canAskAll, spread, wrongBitsAllowed } = await load("answers");
  const { cases, allowed } = golden("answers");
  for (const { weights, P, y, margins, spread: counted } of cases) {
    equal(canAskAll(weights, P), true);
    deepEqual(Array.from(allMargins(weights, typed(P), y)), margins);
    deepEqual(spread(margins), counted);
    const last = Array(weights[0].cols).fill(1);
    equal(answerNumber(last), margins.length - 1);
    equal(answerNumber(last.map((_, j) => (j === 0 ? 1 : -1))), 1);
  }
  equal(canAskAll([{ rows: 1, cols: 21 }], { rows: 2, cols: 1 }), false);
  for (const [P, y, bound, bits] of allowed) equal(wrongBitsAllowed(typed(P), y, bound), bits);
});

test("lesson: who is chosen, and the hidden integers after one sample, by both credits", async () => {
  const { desired } = await load("bep");
  const { select, sums, update } = await load("lesson");
  for (const { weights, back, P, y, nu, group, H, inputs, z, a, a_star, chosen, taught, crossed } of golden("lesson")) {
    deepEqual(sums(H, inputs), z);
    deepEqual(desired(weights, typed(P), a, y, nu, back).aStar, a_star);
    const winners = select(z, a_star, group);
    equal(winners.length, z.length / group);
    deepEqual(z.map((_, j) => winners.includes(j)), chosen);
    const after = update(H, winners, a_star, inputs);
    deepEqual([Array.from(after.H), after.crossed], [taught, crossed]);
  }
});

test("bep: the histogram counts every sum, and is its own mirror image", async () => {
  const { histogram } = await load("bep");
  for (const { weights, z } of golden("bep").cases) {
    const sums = z.flatMap((layer, l) => layer.map((sum) => (weights[l].cols % 2 === weights[0].cols % 2 ? sum : sum + 1)));
    for (const most of [1, 2, 5, 40]) {
      const { low, wide, counts } = histogram(sums, weights[0].cols, most);
      const inBar = (i) => sums.filter((sum) => sum >= low + i * wide && sum < low + (i + 1) * wide).length;
      deepEqual(counts, counts.map((_, i) => inBar(i)));
      equal(counts.reduce((total, count) => total + count), sums.length);
      deepEqual(histogram(sums.map((sum) => -sum), weights[0].cols, most).counts, [...counts].reverse());
      equal(counts.length <= most + 2, true);
    }
  }
});

test("time: states, blame back through them, gates, the shared mask, and s* put in place of s", async () => {
  const { marginFrom, unroll } = await load("time");
  for (const { W_xs, W_ss, W_sy, P, start, group, a, y, nu, horizon, patched, ...wanted } of golden("time")) {
    const net = { xs: typed(W_xs), ss: typed(W_ss), sy: typed(W_sy), P: typed(P), start, group };
    const found = unroll(net, a, y, { nu, horizon });
    const back = a.length - horizon;
    equal(found.first, back);
    deepEqual(found.desired.slice(0, back), Array(back).fill(null));
    deepEqual(found.gates.slice(0, back), Array(back).fill(null));
    deepEqual({
      z: found.z, s: found.s, s_star: found.desired.slice(back), gates: found.gates.slice(back), mask: found.chosen,
      z_y: found.top.z, a_y: found.top.a, a_star_y: found.top.aStar, gate_y: found.top.open,
      logits: found.top.logits, margin: found.top.margin,
    }, wanted);
    const [t, margin] = patched;
    equal(marginFrom(net, a, y, t, found.desired[t]), margin);
    equal(marginFrom(net, a, y, t, found.s[t]), wanted.margin);
  }
});

test("pictures through time: the cell at a point is the cell drawn there", async () => {
  const { cellAt, panelLayout } = await load("time");
  for (const [steps, neurons] of [[24, 135], [1, 1], [5, 15], [200, 256]]) {
    for (const width of [230, 320, 700]) {
      for (const count of [1, 4]) {
        const map = panelLayout({ steps, neurons, count, width });
        for (const [t, j] of [[0, 0], [steps - 1, neurons - 1], [steps >> 1, neurons >> 1]]) {
          const [x, y] = [map.edge + t * map.wide, map.edge + j * map.high];
          deepEqual(cellAt(map, x, y), [t, j]);
          deepEqual(cellAt(map, x + map.wide - 1, y + map.high - 1), [t, j]);
        }
        equal(cellAt(map, map.edge - 1, 10), null);
        equal(cellAt(map, map.width - map.edge, 10), null);
        equal(cellAt(map, 10, map.height - map.edge), null);
        if (steps <= 24) equal(map.width <= width, true);
      }
    }
  }
});

test("sign and what stands in for its slope", async () => {
  const { probabilityOfPlus, sign, steGradient } = await load("sign");
  for (const { clip, x, grad, sign: signs, probability, passed } of golden("sign")) {
    deepEqual(x.map(sign), signs);
    deepEqual(x.map((value) => probabilityOfPlus(value, clip)), probability);
    deepEqual(x.map((value, i) => steGradient(value, grad[i], clip)), passed);
  }
});

test("flips", async () => {
  const { flipCounts, flipsAt, inertia, largest, pushesToFlip, trace } = await load("flips");
  for (const { H, size, flips, counts, most, inertia: levels, pushes, trace: line } of golden("flips")) {
    deepEqual(flips.map((_, step) => flipsAt(H, size, step)), flips);
    deepEqual(flipCounts(H, size), counts);
    equal(largest(H), most);
    deepEqual(H.map((h) => inertia(h, most, 16)), levels);
    deepEqual(H.map(pushesToFlip), pushes);
    deepEqual(trace(H, size, Math.floor(size / 2)), line);
  }
});

test("flip map: the cell at a corner is the cell drawn there", async () => {
  const { corner, layout, neighbour, weightAt } = await load("flips");
  for (const [rows, cols, tileRows, tileCols] of [[10, 64, 1, 64], [10, 64, 8, 8], [3, 5, 1, 5], [7, 6, 2, 3], [1, 1, 1, 1]]) {
    for (const width of [250, 320, 700]) {
      const map = layout({ rows, cols, tileRows, tileCols, width });
      for (let index = 0; index < rows * cols; index++) {
        const [x, y] = corner(map, index);
        equal(weightAt(map, x, y), index);
        equal(weightAt(map, x + map.cell - 1, y + map.cell - 1), index);
        equal(x + map.cell <= map.width && y + map.cell <= map.height, true);
        const right = neighbour(map, index, 1, 0);
        if (right !== index) equal(neighbour(map, right, -1, 0), index);
        const below = neighbour(map, index, 0, 1);
        if (below !== index) equal(neighbour(map, below, 0, -1), index);
      }
      equal(weightAt(map, -1, 0), -1);
      equal(weightAt(map, map.width + 1, 0), -1);
    }
  }
});

test("threshold", async () => {
  const { best, binarize, countPlus } = await load("threshold");
  for (const { pixels, threshold, signs } of golden("threshold")) {
    deepEqual(Array.from(binarize(pixels, threshold)), signs);
    equal(countPlus(signs), signs.filter((s) => s === 1).length);
  }
  deepEqual(best([[0, 80], [1, 90], [2, 90]]), [1, 90]);
});

test("xnor", async () => {
  const { countXor, equalPadding, pack, popcount, xnorDot } = await load("xnor");
  for (const { a, b, words, dot } of golden("xnor")) {
    const [A, B] = [pack(a), pack(b)];
    deepEqual(Array.from(A), words[0].slice(0, A.length));
    deepEqual(Array.from(B), words[1].slice(0, B.length));
    equal(xnorDot(A, B, a.length), dot);
    equal(countXor(A, B), a.filter((s, i) => s !== b[i]).length);
    const ones = [...a, 1, 1, 1];
    equal(xnorDot(pack(ones), pack(equalPadding(ones, [...b, -1, -1, -1], a.length)), a.length), dot);
  }
  for (let i = 0; i < 32; i++) equal(popcount((2 ** i - 1) >>> 0), i);
  equal(popcount(0xffffffff), 32);
});

test("thermometer", async () => {
  const { decode } = await load("codec");
  const { quantiles, thermometer } = await load("thermometer");
  for (const { x, thresholds, code } of golden("thermometer")) {
    deepEqual(quantiles(x, thresholds.length), thresholds);
    deepEqual(x.flatMap((value) => thermometer(value, thresholds)), Array.from(decode(code).data));
  }
});

test("staircase", async () => {
  const { duty, runningMean, walk } = await load("staircase");
  for (const { latents, bits, ...how } of golden("staircase")) {
    deepEqual(walk(how), { latents, bits });
    equal(duty(bits), bits.filter((b) => b === 1).length / bits.length);
    equal(runningMean(bits).at(-1), bits.reduce((sum, b) => sum + b) / bits.length);
  }
});

test("quiz: an answer is judged as bnnkit.learn judges it", async () => {
  const { readNumber, verdict } = await load("quiz");
  for (const { options, answers, texts } of golden("quiz")) {
    for (const { answer, right, says } of answers) {
      const found = verdict(options, answer);
      deepEqual([found.right, found.says], [right, says]);
    }
    for (const [text, right] of texts) equal(verdict(options, readNumber(text)).right, right, text);
  }
  for (const text of ["", " ", "two", "1/2/3", "0x10", "--1", "1e", "Infinity", "nan"]) equal(readNumber(text), NaN);
});

test("quiz: steps move within their list, progress goes out and comes back", async () => {
  const { moved, progressText, readProgress, union } = await load("quiz");
  const list = ["a", "b", "c"];
  deepEqual(moved(list, 0, 1), ["b", "a", "c"]);
  deepEqual(moved(list, 2, -1), ["a", "c", "b"]);
  equal(moved(list, 0, -1), list);
  equal(moved(list, 2, 1), list);
  deepEqual(list, ["a", "b", "c"]);
  deepEqual(union(["2.a", "1.1"], ["1.1", "1.a"]), ["1.1", "1.a", "2.a"]);
  deepEqual(readProgress(progressText(["1.a", "4.3"])), ["1.a", "4.3"]);
  deepEqual(readProgress('{"passed": ["1.a", 3]}'), ["1.a"]);
  for (const text of ["", "{", "[]", "null", '{"passed": 3}', '{"done": []}', null]) equal(readProgress(text), null);
});

test("guess: the words say which side and how far", async () => {
  const { verdict } = await load("guess");
  const words = (guess, truth, unit = "") => verdict({ guess, truth, unit, digits: 1 });
  equal(words(50, 84.66, " %"), "You said 50.0 %. It is 84.7 %. Your guess was 34.7 points too low.");
  equal(words(9, 4, "×"), "You said 9.0×. It is 4.0×. Your guess was 5.0× too high.");
  equal(words(4.04, 4), "You said 4.0. It is 4.0. Spot on.");
});
