// Files of numbers, of whatever format: what the original program wrote, and ours.
import { open, readFile } from 'node:fs/promises';
import { asDataFrame, asFloat64, asNdarray, type PickleValue, PyObject, readPickle } from '../formats/pickle';
import { readSafetensors, type TensorData } from '../formats/safetensors';
import { isTorch, readTorchTensor } from '../formats/torch';
import { asInputError, inFile } from './files';

export type TensorFileKind = 'safetensors' | 'torch' | 'pickle' | 'text';

export interface NamedTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** What a file is by its first bytes; `text` if none of the others. @throws InputError if it cannot be read */
export async function tensorFileKind(file: string): Promise<TensorFileKind> {
  const handle = await open(file).catch((error) => {
    throw asInputError(file, error);
  });
  try {
    const head = Buffer.alloc(16);
    await handle.read(head, 0, head.length, 0);
    if (isTorch(head)) return 'torch';
    // Eight bytes of header length, then the header's brace.
    if (head[8] === 0x7b && head.readUInt32LE(4) === 0) return 'safetensors';
    return head[0] === 0x80 && head[1] <= 5 ? 'pickle' : 'text';
  } catch (error) {
    throw asInputError(file, error);
  } finally {
    await handle.close();
  }
}

/**
 * The tensors of a file by name: a safetensors file's; the one of a file of torch.save as `tensor`; the pandas DataFrame or
 * NumPy array of a pickle as `rho`, which is what the original pickles.
 * @throws InputError naming the file and the place
 */
export async function readTensorFile(file: string): Promise<Map<string, NamedTensor>> {
  const kind = await tensorFileKind(file);
  const bytes = await readFile(file).catch((error) => {
    throw asInputError(file, error);
  });
  if (kind === 'safetensors') return readSafetensors(bytes, file).tensors;
  if (kind === 'torch') return new Map([['tensor', await readTorchTensor(bytes, file)]]);
  const value = readPickle(bytes, file);
  return new Map([['rho', inFile(file, () => table(value))]]);
}

function table(value: PickleValue): NamedTensor {
  if (value instanceof PyObject) {
    const { index, columns, values } = asDataFrame(value);
    return { dtype: 'float64', shape: [index.length, columns.length], data: values };
  }
  const array = asNdarray(value);
  return { dtype: array.dtype.toString(), shape: array.shape, data: asFloat64(array) };
}
