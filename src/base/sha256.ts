// SHA-256 (FIPS 180-4). A page has no other that answers at once; a host that has one of its own is quicker by it.

/** The digest of the parts' bytes, one after the other, as 64 hexadecimal digits. */
export type Sha256 = (parts: readonly Uint8Array[]) => string;

let chosen: Sha256 = inScript;

export const sha256: Sha256 = (parts) => chosen(parts);

/** Whose SHA-256 is taken from now on. */
export function useSha256(own: Sha256): void {
  chosen = own;
}

/** The first 32 bits of the fractional part of `root(p)`, of the first primes p: exact in doubles. */
const fractions = (count: number, root: (p: number) => number): Int32Array => {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((p) => n % p !== 0)) primes.push(n);
  return Int32Array.from(primes, (p) => ((root(p) % 1) * 2 ** 32) | 0);
};

const ROUNDS = fractions(64, Math.cbrt);
const START = fractions(8, Math.sqrt);

/** Of parts of a message in TypeScript: some 150 MB a second. */
export function inScript(parts: readonly Uint8Array[]): string {
  const state = START.slice();
  const words = new Int32Array(64);
  /** What is left of a part whose length is no multiple of 64. */
  const rest = new Uint8Array(64);
  let [length, filled] = [0, 0];
  const add = (part: Uint8Array): void => {
    let at = 0;
    if (filled > 0) {
      at = Math.min(64 - filled, part.length);
      rest.set(part.subarray(0, at), filled);
      filled += at;
      if (filled < 64) return;
      mix(state, words, rest, 0);
      filled = 0;
    }
    for (; at + 64 <= part.length; at += 64) mix(state, words, part, at);
    rest.set(part.subarray(at));
    filled = part.length - at;
  };
  for (const part of parts) {
    add(part);
    length += part.length;
  }
  const end = new Uint8Array((filled < 56 ? 56 : 120) - filled + 8);
  end[0] = 0x80;
  new DataView(end.buffer).setBigUint64(end.length - 8, BigInt(length) * 8n);
  add(end);
  return Array.from(state, (v) => (v >>> 0).toString(16).padStart(8, '0')).join('');
}

/** Takes the 64 bytes from `at` on in. */
function mix(state: Int32Array, w: Int32Array, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 16; i++, at += 4)
    w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15];
    const y = w[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (((w[i - 16] + s0) | 0) + ((w[i - 7] + s1) | 0)) | 0;
  }
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  let f = state[5];
  let g = state[6];
  let h = state[7];
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t = (((h + s1) | 0) + (((e & f) ^ (~e & g)) + ((ROUNDS[i] + w[i]) | 0))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t) | 0;
    d = c;
    c = b;
    b = a;
    a = (t + ((s0 + ((b & c) ^ (b & d) ^ (c & d))) | 0)) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}
