// Writes what torch.load reads: the zip format of PyTorch 1.6 and later.
import { InputError } from '../../base/errors';
import { OrderedDict, PersistentId, type PickleValue, PyObject, tuple } from '../pickle/values';
import { writePickle } from '../pickle/write';
import { dtypeOf, type TensorData } from '../safetensors';
import { storageClass } from './globals';
import { writeZip } from './zip';

/** A tensor to write; its dtype follows from the array: float32, float64, int64, int32, uint8. */
export interface TensorToWrite {
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/**
 * The bytes of a file of torch.save.
 * @param build makes the value; it turns each tensor into what stands for it by the function that it is handed
 * @throws InputError if a shape does not fit its data
 */
export function writeTorch(build: (tensor: (t: TensorToWrite) => PickleValue) => PickleValue): Promise<Uint8Array> {
  const storages = new Map<string, Uint8Array>();
  const value = build(({ shape, data }) => {
    const size = shape.reduce((n, s) => n * s, 1);
    if (size !== data.length) {
      throw new InputError(`expected ${size} elements for a tensor of sizes [${shape}], found ${data.length}`);
    }
    const key = String(storages.size);
    storages.set(`archive/data/${key}`, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    const stride = shape.map((_, d) => shape.slice(d + 1).reduce((n, s) => n * s, 1));
    const id = tuple('storage', storageClass(dtypeOf(data)), key, 'cpu', data.length);
    const args = [new PersistentId(id), 0, tuple(...shape), tuple(...stride), false, new OrderedDict()];
    return new PyObject('torch._utils._rebuild_tensor_v2', args, 'call');
  });
  const text = (s: string) => new TextEncoder().encode(s);
  return writeZip(new Map([['archive/data.pkl', writePickle(value)], ...storages, ['archive/version', text('3\n')]]));
}
