// The safetensors file format: u64 little-endian header length, JSON header, raw little-endian data without holes.
// https://github.com/huggingface/safetensors#format
import { InputError } from '../base/errors';
import { halfToFloat } from '../base/half';
import { refuseForeign } from './foreign';
import { checkJson } from './json_keys';
import { checkSeal, OPEN, seal } from './seal';

export type TensorData = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

/** One tensor of a file. `dtype` is how it is stored; F16 and BF16 arrive widened to float32, I16 and I8 to int32. */
export interface StoredTensor {
  dtype: Dtype;
  shape: number[];
  data: TensorData;
}

export interface SafetensorsFile {
  tensors: Map<string, StoredTensor>;
  metadata: Record<string, string>;
}

/** `TypedArray.from` would make a list of all numbers first. */
function mapped<T extends Float32Array | Uint32Array>(
  from: Uint16Array,
  To: new (length: number) => T,
  of: (v: number) => number,
): T {
  const out = new To(from.length);
  for (let i = 0; i < from.length; i++) out[i] = of(from[i]);
  return out;
}

/** Bytes an element, in the file and decoded, and how a copy of the stored bytes becomes a typed array. */
export const DTYPES = {
  F64: { size: 8, wide: 8, decode: (b: ArrayBuffer) => new Float64Array(b) },
  F32: { size: 4, wide: 4, decode: (b: ArrayBuffer) => new Float32Array(b) },
  F16: { size: 2, wide: 4, decode: (b: ArrayBuffer) => mapped(new Uint16Array(b), Float32Array, halfToFloat) },
  BF16: {
    size: 2,
    wide: 4,
    decode: (b: ArrayBuffer) => new Float32Array(mapped(new Uint16Array(b), Uint32Array, (v) => v << 16).buffer),
  },
  I64: { size: 8, wide: 8, decode: (b: ArrayBuffer) => new BigInt64Array(b) },
  I32: { size: 4, wide: 4, decode: (b: ArrayBuffer) => new Int32Array(b) },
  I16: { size: 2, wide: 4, decode: (b: ArrayBuffer) => new Int32Array(new Int16Array(b)) },
  I8: { size: 1, wide: 4, decode: (b: ArrayBuffer) => new Int32Array(new Int8Array(b)) },
  U8: { size: 1, wide: 1, decode: (b: ArrayBuffer) => new Uint8Array(b) },
  BOOL: { size: 1, wide: 1, decode: (b: ArrayBuffer) => new Uint8Array(b) },
} as const;

/** By how much so many bytes grow as they are decoded. */
const growth = (dtype: Dtype, bytes: number): number => (bytes * DTYPES[dtype].wide) / DTYPES[dtype].size - bytes;

/** Most by which all may grow; DenseNet-121's weights take 28 MB. */
const MAX_WIDE = 2 ** 27;

/** Most bytes of a header; DenseNet-121's has 90 kB. */
const MAX_HEADER = 2 ** 24;

export type Dtype = keyof typeof DTYPES;

/**
 * Reads a whole safetensors file. The tensors come in the header's order; their data are copies, so `bytes` may be
 * reused. Safe on files from strangers: every length, offset, shape and name is checked before it is believed.
 * @param file name for messages
 * @param sealed the file must have a checksum, as `writeSafetensors` leaves one; without it one that is there is compared
 * @throws InputError naming the file, the byte offset, what was expected and what was found
 * @example
 * const { tensors } = readSafetensors(readFileSync('run1/weights/best.safetensors'));
 * tensors.get('classifier.bias')?.shape; // [7]
 */
export function readSafetensors(
  bytes: Uint8Array,
  file = 'safetensors data',
  { sealed = false }: { sealed?: boolean } = {},
): SafetensorsFile {
  const fail = (at: number, expected: string, found: string): never => {
    throw new InputError(`${file}: byte ${at}: expected ${expected}, found ${found}`);
  };
  refuseForeign(bytes, file);
  if (bytes.length < 8) fail(0, 'a header length of 8 bytes', `a file of ${bytes.length} bytes`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(bytes.length - 8)) {
    fail(
      0,
      `a header length of at most ${bytes.length - 8} (the rest of the file)`,
      `${length}: truncated, or no safetensors file`,
    );
  }
  if (length > MAX_HEADER) fail(0, `a header of at most ${MAX_HEADER} bytes`, `one of ${length}`);
  const start = 8 + Number(length);
  const header = parseHeader(
    bytes.subarray(8, start),
    (expected, found) => fail(8, expected, found),
    (message) => {
      throw new InputError(`${file}: byte 8: ${message} in the header`);
    },
  );

  const metadata: [string, string][] = [];
  const entries: { name: string; dtype: Dtype; shape: number[]; begin: number; end: number }[] = [];
  const available = bytes.length - start;
  for (const [name, value] of Object.entries(header)) {
    const bad = (expected: string, found: unknown) => fail(8, `${expected} for tensor ${show(name)}`, show(found));
    if (name === '__metadata__') {
      if (!isObject(value)) return fail(8, '__metadata__ to be an object of strings', show(value));
      for (const [key, text] of Object.entries(value)) {
        if (typeof text !== 'string') return fail(8, `a string as __metadata__ ${show(key)}`, show(text));
        metadata.push([key, text]);
      }
      continue;
    }
    if (!isObject(value)) return bad('{dtype, shape, data_offsets}', value);
    const { dtype, shape, data_offsets: offsets } = value;
    if (typeof dtype !== 'string' || !Object.hasOwn(DTYPES, dtype)) {
      return bad(`a dtype among ${Object.keys(DTYPES).join(' ')}`, dtype);
    }
    if (!isSizes(shape)) return bad('a shape of whole numbers from 0', shape);
    if (!isSizes(offsets) || offsets.length !== 2) return bad('data_offsets [begin, end]', offsets);
    const [begin, end] = offsets;
    if (begin > end || end > available)
      return bad(`data_offsets in order and within the ${available} bytes of data`, offsets);
    const wanted = shape.reduce((n, s) => n * s, DTYPES[dtype as Dtype].size);
    if (end - begin !== wanted) {
      return fail(
        start + begin,
        `${wanted} bytes for tensor ${show(name)} (${dtype} ${show(shape)})`,
        `${end - begin}`,
      );
    }
    entries.push({ name, dtype: dtype as Dtype, shape, begin, end });
  }

  let at = 0;
  let before = 'the header';
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) {
      fail(
        start + begin,
        `tensor ${show(name)} to begin where ${before} ends (data offset ${at})`,
        `data offset ${begin}`,
      );
    }
    at = end;
    before = `tensor ${show(name)}`;
  }
  if (at !== available) fail(start + at, `the file to end with ${before}`, `${available - at} further bytes`);

  checkSeal(bytes, start, file, sealed);

  const wide = entries.reduce((sum, { dtype, begin, end }) => sum + growth(dtype, end - begin), 0);
  if (wide > MAX_WIDE) fail(start, `tensors that grow by at most ${MAX_WIDE} bytes as 32-bit numbers`, `${wide}`);
  const tensors = new Map<string, StoredTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    const copy = new Uint8Array(end - begin);
    copy.set(bytes.subarray(start + begin, start + end));
    tensors.set(name, { dtype, shape, data: DTYPES[dtype].decode(copy.buffer) });
  }
  return { tensors, metadata: Object.fromEntries(metadata) };
}

/**
 * The bytes of a safetensors file; dtypes follow from the arrays (F32, F64, I64, I32, U8). Tensors lie in the given
 * order, the header is padded with spaces to a multiple of 8.
 * @param sealed with a `checksum` of the whole file in the metadata, which `readSafetensors` compares
 * @throws InputError if a shape does not fit its data
 * @example
 * const bytes = writeSafetensors({ w: { shape: [2], data: Float32Array.of(1, 2) } }, { made: 'by hand' });
 * readSafetensors(bytes).tensors.get('w')?.data; // [1, 2]
 */
export function writeSafetensors(
  tensors:
    | Map<string, { shape: readonly number[]; data: TensorData }>
    | Record<string, { shape: readonly number[]; data: TensorData }>,
  metadata: Record<string, string> = {},
  { sealed = false }: { sealed?: boolean } = {},
): Uint8Array {
  const entries = tensors instanceof Map ? [...tensors] : Object.entries(tensors);
  if (sealed) metadata = { ...metadata, checksum: OPEN };
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [['__metadata__', metadata]] : [];
  let at = 0;
  for (const [name, { shape, data }] of entries) {
    const count = shape.reduce((n, s) => n * s, 1);
    if (name === '__metadata__' || count !== data.length) {
      throw new InputError(
        `tensor ${show(name)}: expected ${count} elements for shape ${show(shape)}, found ${data.length}`,
      );
    }
    header.push([name, { dtype: dtypeOf(data), shape, data_offsets: [at, at + data.byteLength] }]);
    at += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const padded = Math.ceil(text.length / 8) * 8;
  const out = new Uint8Array(8 + padded + at).fill(0x20, 8, 8 + padded);
  new DataView(out.buffer).setBigUint64(0, BigInt(padded), true);
  out.set(text, 8);
  at = 8 + padded;
  for (const [, { data }] of entries) {
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  if (sealed) seal(out, 8 + padded);
  return out;
}

function parseHeader(
  bytes: Uint8Array,
  fail: (expected: string, found: string) => never,
  refuse: (message: string) => never,
): Record<string, unknown> {
  let header: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    checkJson(text);
    header = JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof InputError) refuse(message);
    fail(`a JSON header of ${bytes.length} bytes`, message);
  }
  if (!isObject(header)) return fail('a JSON object as header', show(header));
  return header;
}

/** How an array is stored. */
export function dtypeOf(data: TensorData): Dtype {
  if (data instanceof Float32Array) return 'F32';
  if (data instanceof Float64Array) return 'F64';
  if (data instanceof BigInt64Array) return 'I64';
  return data instanceof Int32Array ? 'I32' : 'U8';
}

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
const isSizes = (v: unknown): v is number[] => Array.isArray(v) && v.every((n) => Number.isSafeInteger(n) && n >= 0);

/** A value as it stands in the header, cut to a readable length. */
function show(value: unknown): string {
  if (isObject(value) || (Array.isArray(value) && !value.every((v) => typeof v === 'number'))) {
    return Array.isArray(value) ? `a list of ${value.length}` : `an object of ${Object.keys(value).length}`;
  }
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
