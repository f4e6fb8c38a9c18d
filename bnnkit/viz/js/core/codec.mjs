// Arrays as JSON: the other end of bnnkit/viz/codec.py.

const TYPES = { int8: [1, "getInt8"], int16: [2, "getInt16"] };

// Return { shape, data } for a packet { dtype, shape, data }; signs come back as -1 and +1.
export function decode(packet) {
  const bytes = Uint8Array.from(atob(packet.data), (letter) => letter.charCodeAt(0));
  const size = packet.shape.reduce((product, n) => product * n, 1);
  if (packet.dtype === "bits") {
    const data = Int8Array.from({ length: size }, (_, i) => ((bytes[i >> 3] >> (i & 7)) & 1) * 2 - 1);
    return { shape: packet.shape, data };
  }
  const [width, read] = TYPES[packet.dtype];
  const view = new DataView(bytes.buffer);
  const data = Int16Array.from({ length: size }, (_, i) => view[read](i * width, true));
  return { shape: packet.shape, data };
}
