// Random numbers as a pure function of (stream, index): any of them can be had at any time, by any thread, on the CPU
// or in a kernel, and a resumed run needs no saved state.
//
//   key  = crc32(utf8(name)) XOR seed
//   h(i) = fmix32((key + i * 0x9E3779B9) mod 2^32)       fmix32: murmur3's finaliser
//   u(i) = (h(i) >>> 8) * 2^-24                          in [0, 1), exact in float32

/** Of a name, bit by bit: names are short, and a page has no Node to ask. */
function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/**
 * The 32-bit key of a stream of random numbers: a name such as `shuffle/epoch 3`, and the run's seed.
 * @example
 * randomStream('shuffle/epoch 3', 1) === randomStream('shuffle/epoch 3', 1); // true
 */
export function randomStream(name: string, seed: number): number {
  return (crc32(new TextEncoder().encode(name)) ^ seed) >>> 0;
}

/**
 * 32 random bits, unsigned: number `index` of the stream.
 * @example
 * randomBits(randomStream('bits', 1), 0) < 2 ** 32; // true
 */
export function randomBits(stream: number, index: number): number {
  let h = (stream + Math.imul(index, 0x9e3779b9)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Uniform in [0, 1).
 * @example
 * const stream = randomStream('noise', 1);
 * const noise = Float32Array.from({ length: 1000 }, (_, i) => randomUniform(stream, i));
 * Math.abs(noise.reduce((a, b) => a + b) / 1000 - 0.5) < 0.05; // true
 */
export function randomUniform(stream: number, index: number): number {
  return (randomBits(stream, index) >>> 8) * 2 ** -24;
}

/**
 * 0 .. n-1 in random order (Fisher and Yates, the draw for place i is number i of the stream).
 * @example
 * randomPermutation(randomStream('order', 1), 4).toSorted(); // [0, 1, 2, 3]
 */
export function randomPermutation(stream: number, n: number): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor((randomBits(stream, i) / 2 ** 32) * (i + 1));
    const kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  return order;
}
