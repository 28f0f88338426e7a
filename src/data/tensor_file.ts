// Files of numbers, of whatever format: what the original program wrote, and ours.
import { extname } from 'node:path';
import { FOREIGN_HEAD, refuseForeign } from '../formats/foreign';
import { asDataFrame, asFloat64, asNdarray, type PickleValue, PyObject, readPickle } from '../formats/pickle';
import { readSafetensors, type SafetensorsFile, type TensorData } from '../formats/safetensors';
import { isTorch, readTorchTensor } from '../formats/torch';
import { inFile, readHead, readWhole } from './files';

export type TensorFileKind = 'safetensors' | 'torch' | 'pickle' | 'text';

export interface NamedTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: TensorData;
  /** What the file calls its rows, and for a DataFrame its columns. */
  readonly labels?: readonly (readonly unknown[])[];
}

/** By its name, or by how it begins: from protocol 2 on with 0x80 and the protocol. */
const isPickle = (file: string, head: Uint8Array): boolean =>
  ['.pkl', '.pickle', '.p'].includes(extname(file).toLowerCase()) || (head[0] === 0x80 && head[1] <= 5);

/** What a file is by its first bytes (a pickle also by its name); `text` if none of the others. @throws InputError if it cannot be read */
export async function tensorFileKind(file: string): Promise<TensorFileKind> {
  const head = await readHead(file, FOREIGN_HEAD);
  refuseForeign(head, file);
  if (isTorch(head)) return 'torch';
  // Eight bytes of header length, then the header's brace.
  if (head[8] === 0x7b && head.readUInt32LE(4) === 0) return 'safetensors';
  return isPickle(file, head) ? 'pickle' : 'text';
}

/**
 * The tensors of a file by name: a safetensors file's, labelled with its `nodes` on every axis; the one of a file of torch.save as `tensor`; the pandas DataFrame or
 * NumPy array of a pickle as `rho`, which is what the original pickles.
 * @throws InputError naming the file and the place
 * @example
 * writeFileSync('two.safetensors', writeSafetensors({ two: { shape: [2], data: Float32Array.of(1, 2) } }));
 * [...(await readTensorFile('two.safetensors')).keys()]; // ['two']
 */
export async function readTensorFile(file: string): Promise<Map<string, NamedTensor>> {
  const kind = await tensorFileKind(file);
  const bytes = await readWhole(file);
  if (kind === 'safetensors') return labelled(readSafetensors(bytes, file));
  if (kind === 'torch') return new Map([['tensor', await readTorchTensor(bytes, file)]]);
  const value = readPickle(bytes, file);
  return new Map([['rho', inFile(file, () => table(value))]]);
}

/** Tensors with the labels that `encodeAdjacency` and `encodeEmbedding` leave, or the same as a JSON list. */
function labelled({ tensors, metadata }: SafetensorsFile): Map<string, NamedTensor> {
  const nodes = metadata.nodes?.replace(/[[\]"]/g, '').split(/, */);
  if (!nodes) return tensors;
  return new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, labels: [nodes, nodes] }]));
}

function table(value: PickleValue): NamedTensor {
  if (value instanceof PyObject) {
    const { index, columns, values } = asDataFrame(value);
    return { dtype: 'float64', shape: [index.length, columns.length], data: values, labels: [index, columns] };
  }
  const array = asNdarray(value);
  return { dtype: array.dtype.toString(), shape: array.shape, data: asFloat64(array) };
}
