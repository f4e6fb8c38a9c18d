// Philox4x32-10 (Salmon et al. 2011), word for word what bnnkit/philox.py computes.

const MULTIPLIER = [0xd2511f53, 0xcd9e8d57];
const WEYL = [0x9e3779b9, 0xbb67ae85];
const ROUNDS = 10;

// The high 32 bits of a 64-bit product of two 32-bit words, by halves: doubles hold 53 bits.
function high(a, b) {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = (middle % 0x10000) + aLow * bHigh;
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

// The four words of one counter (four words) under a key (two words).
export function philox4x32(counter, key) {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const [high0, low0] = [high(MULTIPLIER[0], c0), Math.imul(MULTIPLIER[0], c0)];
    const [high1, low1] = [high(MULTIPLIER[1], c2), Math.imul(MULTIPLIER[1], c2)];
    [c0, c1, c2, c3] = [high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0];
    [c0, c1, c2, c3] = [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
    [k0, k1] = [(k0 + WEYL[0]) >>> 0, (k1 + WEYL[1]) >>> 0];
  }
  return [c0, c1, c2, c3];
}

// n uniform words: word i is word i % 4 of the block with counter (i / 4, layer, batch, epoch).
export function randomWords(seed, stream, n, { layer = 0, batch = 0, epoch = 0 } = {}) {
  const words = new Uint32Array(Math.ceil(n / 4) * 4);
  for (let block = 0; block * 4 < n; block++) {
    words.set(philox4x32([block, layer, batch, epoch], [seed, stream]), block * 4);
  }
  return words.subarray(0, n);
}

// n fair coin tosses as -1 and +1, 32 a word, lowest bit first.
export function randomSigns(seed, stream, n, where = {}) {
  const words = randomWords(seed, stream, Math.ceil(n / 32), where);
  return Int8Array.from({ length: n }, (_, i) => ((words[i >>> 5] >>> (i & 31)) & 1) * 2 - 1);
}

// A random order of 0 .. n - 1: the order that sorts n words; equal words keep their order.
export function randomPermutation(seed, stream, n, where = {}) {
  const words = randomWords(seed, stream, n, where);
  return Array.from(words.keys()).sort((i, j) => words[i] - words[j] || i - j);
}

// The form of a probability in integer training: an event happens when a word is below this.
export function integerProbability(p) {
  return Math.floor(p * 4294967296);
}
