// Words of bits, bit 1 = +1, lowest bit first, 32 to a word; and the dot product that they give.

export function pack(signs) {
  const words = new Uint32Array(Math.ceil(signs.length / 32));
  signs.forEach((s, i) => {
    if (s > 0) words[i >>> 5] |= 1 << (i & 31);
  });
  return words;
}

// The ones in a 32-bit word, by halves: pairs, fours, bytes, all.
export function popcount(word) {
  let count = word - ((word >>> 1) & 0x55555555);
  count = (count & 0x33333333) + ((count >>> 2) & 0x33333333);
  count = (count + (count >>> 4)) & 0x0f0f0f0f;
  return Math.imul(count, 0x01010101) >>> 24;
}

export function countXor(a, b) {
  return a.reduce((count, word, i) => count + popcount(word ^ b[i]), 0);
}

// The dot product of two rows of K signs. Padding that is equal on both sides adds nothing.
export function xnorDot(a, b, K) {
  return K - 2 * countXor(a, b);
}

// b with the padding of a: whatever lies at K and beyond is then equal.
export function equalPadding(a, b, K) {
  return b.map((bit, i) => (i < K ? bit : a[i]));
}
