// Reinforcement: which hidden integers are pushed further from zero, and how far.

import { integerProbability, philox4x32 } from "./philox.mjs";

export const HIDDEN_MAX = 32767;  // hidden integers saturate symmetrically: odd stays odd
const REINFORCE = 3;  // the random stream
const SKIPS = 256;  // the longest skip that one random word can ask for

// p_r sqrt(2 / (pi K)) sqrt(error) as a 32-bit integer; p_r comes in whole hundredths.
export function reinforcementThreshold(hundredths, fanIn, error) {
  const p = (hundredths / 100) * Math.sqrt(2 / (Math.PI * fanIn)) * Math.sqrt(error);
  return integerProbability(Math.min(p, 1));
}

// (1 - p)^k 2^32 for k = 1 .. SKIPS, rounded down at every step.
export function skipTable(probability) {
  const table = new Float64Array(SKIPS);
  const stay = 2n ** 32n - BigInt(probability);
  let survival = 2n ** 32n;
  for (let k = 0; k < SKIPS; k++) {
    survival = (survival * stay) >> 32n;
    table[k] = Number(survival);
  }
  return table;
}

// Call hit(index) for each entry of a rows x cols matrix that the coin picks. Each random word says
// how many entries to skip before the next one picked; each row reads its own part of the stream.
export function eachChosen({ rows, cols }, table, seed, [layer, batch, epoch], hit) {
  const blocks = Math.ceil(cols / 4);
  for (let row = 0; row < rows; row++) {
    let at = 0;
    for (let block = row * blocks; at < cols; block++) {
      for (const word of philox4x32([block, layer, batch, epoch], [seed, REINFORCE])) {
        const skip = above(table, word);
        at += skip;
        if (skip === SKIPS) continue;
        if (at < cols) hit(row * cols + at);
        at++;
      }
    }
  }
}

// How many entries of a falling table lie above a word.
function above(table, word) {
  let [low, high] = [0, SKIPS];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (table[middle] > word) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Push the chosen hidden integers of a layer 2 further from zero. No sign changes.
export function reinforce(layer, table, seed, where) {
  const { H } = layer;
  eachChosen(layer, table, seed, where, (i) => {
    H[i] = H[i] < 0 ? Math.max(H[i] - 2, -HIDDEN_MAX) : Math.min(H[i] + 2, HIDDEN_MAX);
  });
}
