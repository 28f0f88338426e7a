// What a file of torch.save may name beyond what any pickle may: what PyTorch's own safe loader takes as data
// (torch/_weights_only_unpickler.py), but for tensors that are no plain numbers in memory.
import { InputError } from '../../base/errors';
import { findGlobal } from '../pickle/globals';
import { type Build, describe, isTuple, type PickleValue, PyGlobal, PyObject } from '../pickle/values';
import type { Dtype } from '../safetensors';
import { type Room, TorchStorage, TorchTensor } from './tensor';

/** Of each dtype the class of its storages, and PyTorch's name. */
const TYPES: Record<Dtype, readonly [storage: string, dtype: string]> = {
  F64: ['DoubleStorage', 'float64'],
  F32: ['FloatStorage', 'float32'],
  F16: ['HalfStorage', 'float16'],
  BF16: ['BFloat16Storage', 'bfloat16'],
  I64: ['LongStorage', 'int64'],
  I32: ['IntStorage', 'int32'],
  I16: ['ShortStorage', 'int16'],
  I8: ['CharStorage', 'int8'],
  U8: ['ByteStorage', 'uint8'],
  BOOL: ['BoolStorage', 'bool'],
};

/** Dtypes that a file may name, though no tensor of them can be read here. */
const OTHER_DTYPE =
  /^torch\.(complex(32|64|128)|float[48]_\w{1,20}|bits\w{1,6}|u?int[1-7]|uint(16|32|64)|q(uint|int)(8|32|2x4|4x2))$/;

/** Of a tensor, as PyTorch's. */
const MAX_DIMENSIONS = 64;

/** A name that stands for itself. */
const constant = (name: string): PyGlobal =>
  new PyGlobal(name, () => {
    throw new InputError(`expected ${name} as it is, found a call of it`);
  });

const storageClasses = new Map<PyGlobal, Dtype>();
const dtypes = new Map<PyGlobal, Dtype>();
const byName = new Map<string, PyGlobal>();

for (const [dtype, [storage, name]] of Object.entries(TYPES) as [Dtype, (typeof TYPES)[Dtype]][]) {
  for (const module of ['torch', 'torch.cuda']) {
    const type = constant(`${module}.${storage}`);
    storageClasses.set(type, dtype);
    byName.set(type.name, type);
  }
  const type = constant(`torch.${name}`);
  dtypes.set(type, dtype);
  byName.set(type.name, type);
}
// Bytes, of which `_rebuild_tensor_v3` makes a tensor.
for (const module of ['torch', 'torch.storage']) {
  const type = constant(`${module}.UntypedStorage`);
  storageClasses.set(type, 'U8');
  byName.set(type.name, type);
}

/** The class of storages of a dtype, for writing. */
export const storageClass = (dtype: Dtype): PyGlobal => byName.get(`torch.${TYPES[dtype][0]}`) as PyGlobal;

/** The dtype of a storage class, or undefined if it is none. */
export const storageDtype = (type: PickleValue | undefined): Dtype | undefined =>
  type instanceof PyGlobal ? storageClasses.get(type) : undefined;

/** The allow-list of a file of torch.save, whose tensors together have `room`. */
export function torchGlobals(room: Room): (module: string, name: string) => PyGlobal | undefined {
  const rebuild = ([storage, offset, shape, stride]: readonly PickleValue[]): TorchTensor => {
    if (!(storage instanceof TorchStorage)) throw new InputError(`expected a storage, found ${describe(storage)}`);
    if (typeof offset !== 'number' || !isNumbers(shape) || !isNumbers(stride)) {
      const found = [offset, shape, stride].map(describe).join(', ');
      throw new InputError(`expected a tensor's offset, sizes and strides, found ${found}`);
    }
    const tensor = new TorchTensor(storage, offset, shape, stride);
    room.take(tensor.wide);
    return tensor;
  };
  const found = new Map<string, PyGlobal>();
  const allow = (name: string, build: Build): PyGlobal => {
    const type = new PyGlobal(name, build);
    found.set(name, type);
    return type;
  };
  allow('torch._utils._rebuild_tensor', rebuild);
  allow('torch._utils._rebuild_tensor_v2', rebuild);
  // (storage, offset, sizes, strides, requires_grad, hooks, dtype, metadata): a tensor over bytes
  allow('torch._utils._rebuild_tensor_v3', ([storage, offset, sizes, strides, , , type]) => {
    const dtype = type instanceof PyGlobal ? dtypes.get(type) : undefined;
    if (!dtype)
      throw new InputError(
        `expected a tensor of ${[...dtypes.keys()].map((t) => t.name).join(', ')}, found one of ${describe(type)}`,
      );
    if (!(storage instanceof TorchStorage)) throw new InputError(`expected a storage, found ${describe(storage)}`);
    return rebuild([storage.as(dtype), offset, sizes, strides]);
  });
  const Tensor = allow('torch.Tensor', ([tensor]) => asTensor(tensor));
  const Parameter = allow('torch.nn.parameter.Parameter', ([tensor]) => asTensor(tensor));
  allow('torch._utils._rebuild_parameter', ([tensor]) => asTensor(tensor));
  allow('torch._utils._rebuild_parameter_with_state', ([tensor]) => asTensor(tensor));
  // (function, class, its arguments, attributes)
  allow('torch._tensor._rebuild_from_type_v2', ([build, type, args], _, spend) => {
    if (type !== Tensor && type !== Parameter) throw new InputError(`expected a plain tensor, found ${describe(type)}`);
    if (!(build instanceof PyGlobal) || args === undefined || !isTuple(args)) {
      throw new InputError(`expected a function and its arguments, found ${describe(build)} and ${describe(args)}`);
    }
    return asTensor(build.call(args, 'call', spend));
  });
  allow('torch.Size', ([sizes]) => {
    if (!isNumbers(sizes)) throw new InputError(`expected sizes, found ${describe(sizes)}`);
    return Object.freeze([...sizes]);
  });
  for (const name of ['torch.device', 'torch.serialization._get_layout']) {
    allow(name, (args) => new PyObject(name, args, 'call'));
  }
  return (module, name) => {
    const full = `${module}.${name}`;
    if (OTHER_DTYPE.test(full)) return constant(full);
    return found.get(full) ?? byName.get(full) ?? findGlobal(module, name);
  };
}

function asTensor(value: PickleValue | undefined): TorchTensor {
  if (!(value instanceof TorchTensor)) throw new InputError(`expected a tensor, found ${describe(value)}`);
  return value;
}

const isNumbers = (v: PickleValue | undefined): v is readonly number[] =>
  Array.isArray(v) && v.length <= MAX_DIMENSIONS && v.every((n) => typeof n === 'number');
