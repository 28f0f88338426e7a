// TensorFlow.js weight manifests: groups of {weights, paths}. The files of a group are one string of bytes, in which its tensors
// follow each other without alignment. https://github.com/tensorflow/tfjs/blob/master/tfjs-core/src/io/types.ts
import { InputError } from '../base/errors';
import { printable } from '../base/printable';
import { DTYPES } from './safetensors';

/** A tensor in TensorFlow's layout: convolution kernels kh kw in out, depthwise kh kw c 1, dense in x out. */
export interface TfjsTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** How a tensor lies in the file: as its own type, as half floats, or as whole numbers q of q * scale + min. */
interface Storing {
  readonly size: 1 | 2 | 4;
  decode(bytes: ArrayBuffer): Float32Array | Int32Array;
}

/**
 * Decodes a manifest's tensors, in its order. uint8 and uint16 become float32(q * scale + min), computed in double and rounded
 * once. Safe on manifests from strangers: every type, size and file name is checked before it is believed.
 * @param manifest the parsed JSON: of `NAME-weights_manifest.json`, or `weightsManifest` of a graph's
 * @param files the bytes of one of `paths`, which is a plain file name
 * @param source name for messages
 * @throws InputError naming the source, the tensor, what was expected and what was found
 * @example
 * const manifest = [{ paths: ['w.bin'], weights: [{ name: 'w', shape: [2], dtype: 'float32' }] }];
 * const files = () => new Uint8Array(Float32Array.of(1, 2).buffer);
 * readTfjsWeights(manifest, files, 'w.json').get('w')?.data; // [1, 2]
 */
export function readTfjsWeights(
  manifest: unknown,
  files: (path: string) => Uint8Array,
  source: string,
): Map<string, TfjsTensor> {
  const fail = (where: string, expected: string, found: unknown): never => {
    throw new InputError(`${source}: ${where}: expected ${expected}, found ${show(found)}`);
  };
  const tensors = new Map<string, TfjsTensor>();
  if (!Array.isArray(manifest)) return fail('manifest', 'a list of groups {weights, paths}', manifest);
  for (const [g, group] of manifest.entries()) {
    const where = `group ${g}`;
    if (!isObject(group) || !Array.isArray(group.weights) || !Array.isArray(group.paths))
      return fail(where, '{weights: [...], paths: [...]}', group);
    const blob = joined(group.paths.map((path) => files(isName(path) ? path : fail(where, 'plain file names', path))));
    let at = 0;
    for (const [i, weight] of group.weights.entries()) {
      if (!isObject(weight) || typeof weight.name !== 'string')
        return fail(`${where}, weight ${i}`, '{name, shape, dtype}', weight);
      const { name, shape } = weight;
      const tensor = `tensor ${show(name)}`;
      if (tensors.has(name)) return fail(tensor, 'each name once', name);
      if (!isShape(shape)) return fail(tensor, 'a shape of whole numbers from 0', shape);
      const { size, decode } = storing(weight, (expected, found) => fail(tensor, expected, found));
      const count = shape.includes(0) ? 0 : shape.reduce((n, s) => n * s, 1);
      const end = at + count * size;
      if (end > blob.length)
        return fail(`${tensor}, shape ${show(shape)}`, `${count * size} bytes from byte ${at}`, blob.length - at);
      tensors.set(name, { shape: [...shape], data: decode(blob.slice(at, end).buffer) });
      at = end;
    }
    if (at !== blob.length) return fail(where, `the files to end with the last tensor (byte ${at})`, blob.length);
  }
  return tensors;
}

function storing(weight: Record<string, unknown>, fail: (expected: string, found: unknown) => never): Storing {
  const { dtype, quantization } = weight;
  if (dtype !== 'float32' && dtype !== 'int32') return fail('dtype float32 or int32', dtype);
  if (quantization === undefined) return dtype === 'float32' ? DTYPES.F32 : DTYPES.I32;
  if (dtype !== 'float32' || !isObject(quantization)) return fail('quantization {dtype, ...} of float32', quantization);
  const { dtype: stored, scale, min } = quantization;
  if (stored === 'float16') return DTYPES.F16;
  if (stored !== 'uint8' && stored !== 'uint16') return fail('quantization to uint8, uint16 or float16', stored);
  if (typeof scale !== 'number' || typeof min !== 'number') return fail('numbers scale and min', quantization);
  const [Stored, most] = stored === 'uint8' ? [Uint8Array, 2 ** 8 - 1] : [Uint16Array, 2 ** 16 - 1];
  if (!Number.isFinite(Math.fround(min)) || !Number.isFinite(Math.fround(most * scale + min)))
    return fail('scale and min whose values are float32', `scale ${scale}, min ${min}`);
  return {
    size: Stored.BYTES_PER_ELEMENT as 1 | 2,
    decode: (bytes) => Float32Array.from(new Stored(bytes), (q) => q * scale + min),
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
const isShape = (v: unknown): v is number[] => Array.isArray(v) && v.every((n) => Number.isSafeInteger(n) && n >= 0);
/** A file beside the manifest, and no way out of its folder. */
const isName = (v: unknown): v is string => typeof v === 'string' && /^\w[\w.-]*$/.test(v);

/** What was found, in at most 100 characters. */
function show(value: unknown): string {
  const text = printable(JSON.stringify(value) ?? 'nothing');
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
