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

// The packets that decode() reads, as bnnkit/viz/codec.py writes them.
export function encodeSigns(shape, signs) {
  const bytes = new Uint8Array(Math.ceil(signs.length / 8));
  signs.forEach((s, i) => { bytes[i >> 3] |= Number(s > 0) << (i & 7); });
  return packet("bits", shape, bytes);
}

export function encodeIntegers(shape, numbers) {
  const dtype = numbers.every((x) => x >= -128 && x <= 127) ? "int8" : "int16";
  const [width] = TYPES[dtype];
  const view = new DataView(new ArrayBuffer(width * numbers.length));
  numbers.forEach((x, i) => (width === 1 ? view.setInt8(i, x) : view.setInt16(2 * i, x, true)));
  return packet(dtype, shape, new Uint8Array(view.buffer));
}

function packet(dtype, shape, bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return { dtype, shape, data: btoa(text) };
}
