// What hostile files are made of, and what is expected of whoever reads one: it ends soon, in bounded memory, with a value or with one
// InputError that names the file and the place.
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { readPickle } from '../../src/formats/pickle';
import { readTorch, writeTorchTensor } from '../../src/formats/torch';
import { readZip, writeZip } from '../../src/formats/torch/zip';

export type Part = string | number | Uint8Array;

/** Bytes of texts (a character a byte), numbers (a byte each) and bytes. */
export const bytes = (...parts: Part[]): Uint8Array =>
  new Uint8Array(
    Buffer.concat(parts.map((p) => (typeof p === 'number' ? Buffer.from([p]) : Buffer.from(p as string, 'latin1')))),
  );
export const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer);
export const u64 = (n: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(n).buffer);
export const text = (s: string): Uint8Array => bytes(0x8c, s.length, s);
export const global = (module: string, name: string): Uint8Array => bytes(`c${module}\n${name}\n`);
export const pickle = (...parts: Part[]): Uint8Array => bytes(0x80, 4, ...parts, '.');

/** Expects an InputError with these words, soon: by the process's own time, whatever else the machine does. */
export async function refuses(what: string, read: () => unknown, ...words: string[]): Promise<void> {
  const start = process.cpuUsage();
  let error: unknown;
  try {
    await read();
  } catch (thrown) {
    error = thrown;
  }
  assert.instance(error, InputError, `${what}: ${error}`);
  const { message } = error as InputError;
  for (const word of words) assert.ok(message.includes(word), `${what}: "${message}" says "${word}"`);
  assert.ok(message.length < 400, `${what}: a message of ${message.length} characters`);
  const { user, system } = process.cpuUsage(start);
  assert.ok(user + system < 4e6, `${what}: took ${(user + system) / 1000} ms`);
}

export const at = (offset: number): string => `bad.pkl: byte ${offset}: `;
export const read = (file: Uint8Array) => () => readPickle(file, 'bad.pkl');

export const CALL = bytes(text('id'), 0x85, 'R');

export const torch = (file: Uint8Array) => () => readTorch(file, 'bad.pth');
export const tensorFile = await writeTorchTensor({ shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
export const entries = await readZip(tensorFile, 'good');
export const withEntries = (changes: Record<string, Uint8Array | null>) =>
  writeZip(
    new Map(
      [...Object.entries({ ...Object.fromEntries(entries), ...changes })].flatMap(([k, v]) => (v ? [[k, v]] : [])),
    ),
  );

/** The tensor's pickle with one part replaced. */
export const patched = (from: Uint8Array, to: Uint8Array): Uint8Array => {
  const source = Buffer.from(entries.get('archive/data.pkl') as Uint8Array);
  const where = source.indexOf(from);
  assert.ok(where > 0);
  return bytes(source.subarray(0, where), to, source.subarray(where + from.length));
};
export const SIZES = bytes('K', 2, 'K', 3, 0x86);
export const STRIDES = bytes('K', 3, 'K', 1, 0x86);

/** A safetensors file of this header. */
export const header = (json: string): Uint8Array => bytes(u64(BigInt(Buffer.byteLength(json))), Buffer.from(json));

/** Runs `read` on damaged files; all that it may throw is an InputError that names the file. */
export async function survives(
  file: string,
  read: (bytes: Uint8Array) => unknown,
  damaged: Iterable<Uint8Array>,
): Promise<number> {
  let refused = 0;
  for (const part of damaged) {
    try {
      await read(part);
    } catch (error) {
      assert.instance(error, InputError, `${file}: ${(error as Error).stack}`);
      assert.match((error as Error).message, 'damaged');
      refused++;
    }
  }
  return refused;
}

export function* truncated(file: Uint8Array): Generator<Uint8Array> {
  for (let n = 0; n < file.length; n++) yield file.subarray(0, n);
}

/** One or two bytes changed, by a fixed rule. */
export function* changed(file: Uint8Array, times: number): Generator<Uint8Array> {
  let h = 1;
  const next = (below: number): number => {
    h = (Math.imul(h, 1664525) + 1013904223) >>> 0;
    return Math.floor((h / 2 ** 32) * below);
  };
  for (let i = 0; i < times; i++) {
    const copy = file.slice();
    for (let k = next(2); k >= 0; k--) copy[next(copy.length)] = next(256);
    yield copy;
  }
}
