// What a file of torch.save may name beyond what any pickle may: tensors, storages, sizes.
import { InputError } from '../../base/errors';
import { findGlobal } from '../pickle/globals';
import { describe, isTuple, type PickleValue, PyGlobal } from '../pickle/values';
import type { Dtype } from '../safetensors';
import { TorchStorage, TorchTensor } from './tensor';

/** Storage classes by their dtype. */
const STORAGES: Record<Dtype, string> = {
  F64: 'DoubleStorage',
  F32: 'FloatStorage',
  F16: 'HalfStorage',
  BF16: 'BFloat16Storage',
  I64: 'LongStorage',
  I32: 'IntStorage',
  I16: 'ShortStorage',
  I8: 'CharStorage',
  U8: 'ByteStorage',
  BOOL: 'BoolStorage',
};

const storageClasses = new Map<PyGlobal, Dtype>();
const byName = new Map<string, PyGlobal>();

for (const [dtype, name] of Object.entries(STORAGES) as [Dtype, string][]) {
  for (const module of ['torch', 'torch.cuda']) {
    const type = new PyGlobal(`${module}.${name}`, () => {
      throw new InputError(`expected ${name} to name a kind of storage, found a call of it`);
    });
    storageClasses.set(type, dtype);
    byName.set(type.name, type);
  }
}

/** The class of storages of a dtype, for writing. */
export const storageClass = (dtype: Dtype): PyGlobal => byName.get(`torch.${STORAGES[dtype]}`) as PyGlobal;

/** The dtype of a storage class, or undefined if it is none. */
export const storageDtype = (type: PickleValue | undefined): Dtype | undefined =>
  type instanceof PyGlobal ? storageClasses.get(type) : undefined;

/**
 * The allow-list of a file of torch.save.
 * @param most bytes that all its tensors may take together: shared storages and strides of 0 make much of little
 */
export function torchGlobals(most: number): (module: string, name: string) => PyGlobal | undefined {
  let left = most;
  const rebuild = ([storage, offset, shape, stride]: readonly PickleValue[]): TorchTensor => {
    if (!(storage instanceof TorchStorage)) throw new InputError(`expected a storage, found ${describe(storage)}`);
    if (typeof offset !== 'number' || !isNumbers(shape) || !isNumbers(stride)) {
      const found = [offset, shape, stride].map(describe).join(', ');
      throw new InputError(`expected a tensor's offset, sizes and strides, found ${found}`);
    }
    const tensor = new TorchTensor(storage, offset, shape, stride);
    left -= tensor.byteLength;
    if (left < 0) throw new InputError(`expected tensors of at most ${most} bytes in this file, found more`);
    return tensor;
  };
  const tensors: Record<string, PyGlobal> = {};
  const allow = (name: string, build: (args: readonly PickleValue[]) => PickleValue): void => {
    tensors[name] = new PyGlobal(name, build);
  };
  allow('torch._utils._rebuild_tensor', rebuild);
  allow('torch._utils._rebuild_tensor_v2', rebuild);
  allow('torch._utils._rebuild_parameter', ([tensor]) => {
    if (!(tensor instanceof TorchTensor)) throw new InputError(`expected a tensor, found ${describe(tensor)}`);
    return tensor;
  });
  allow('torch.Size', ([sizes]) => {
    if (!isNumbers(sizes)) throw new InputError(`expected sizes, found ${describe(sizes)}`);
    return Object.freeze([...sizes]);
  });
  return (module, name) => {
    const full = `${module}.${name}`;
    return (Object.hasOwn(tensors, full) ? tensors[full] : byName.get(full)) ?? findGlobal(module, name);
  };
}

const isNumbers = (v: PickleValue | undefined): v is readonly number[] =>
  v !== undefined && (isTuple(v) || Array.isArray(v)) && (v as PickleValue[]).every((n) => typeof n === 'number');
