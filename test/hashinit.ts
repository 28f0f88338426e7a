// The deterministic filler of the goldens (test/golden/hashinit.py): any tensor is a pure function of (name, index, salt).

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

/** CRC-32 (ISO 3309, zlib's) of a text's UTF-8 bytes. */
export function crc32(text: string): number {
  let crc = ~0;
  for (const byte of new TextEncoder().encode(text)) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 255];
  return ~crc >>> 0;
}

/** h(i) = fmix32(crc32(name) XOR salt + i * 0x9E3779B9), i = 0 .. n-1. */
export function bits(name: string, n: number, salt: number): Uint32Array {
  const key = crc32(name) ^ salt;
  const out = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    let h = (key + Math.imul(i, 0x9e3779b9)) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    out[i] = h ^ (h >>> 16);
  }
  return out;
}

/** fround(offset + fround(fround(scale) * u)), u in [-1, 1). `levels` quantises u to that many midpoints. */
export function uniform(name: string, n: number, salt: number, scale = 1, offset = 0, levels = 0): Float32Array {
  const s = Math.fround(scale);
  const o = Math.fround(offset);
  return Float32Array.from(bits(name, n, salt), (h) => {
    let u = (h >>> 8) / 8388608 - 1;
    if (levels) u = Math.fround(((Math.floor(((u + 1) * levels) / 2) + 0.5) * 2) / levels - 1);
    return o + Math.fround(s * u);
  });
}

/** Whole numbers below `modulus`. */
export function integers(name: string, n: number, salt: number, modulus: number): number[] {
  return Array.from(bits(name, n, salt), (h) => (h >>> 8) % modulus);
}

/**
 * The filling of one state-dict entry, by the last part of its full name and its shape (README.md, "The filler").
 * @throws Error for a name without a rule (`A` among them: it is stored, not filled)
 */
export function parameter(name: string, shape: readonly number[], salt: number, levels = 0): Float32Array {
  const n = shape.reduce((a, b) => a * b, 1);
  const fill = (scale: number, offset = 0) => uniform(name, n, salt, scale, offset, levels);
  switch (name.slice(name.lastIndexOf('.') + 1)) {
    case 'num_batches_tracked':
      return new Float32Array(n);
    case 'running_mean':
    case 'bias':
      return fill(0.1);
    case 'running_var':
      return fill(1).map((u) => 1 + Math.fround(0.5 * Math.abs(u)));
    case '_a':
    case '_c':
      return fill(0.25, 1);
    case 'weight':
      if (shape.length === 4) return fill(Math.sqrt(6 / (shape[1] * shape[2] * shape[3])));
      return shape.length === 2 ? fill(1 / Math.sqrt(shape[1])) : fill(0.1, 1);
  }
  throw new Error(`no filling rule for ${name} [${shape}]`);
}
