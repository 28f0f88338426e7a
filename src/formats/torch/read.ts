// What torch.save wrote: a zip archive since PyTorch 1.6, a row of pickles with raw data behind them before.
import { InputError } from '../../base/errors';
import { refuseForeign } from '../foreign';
import { Machine } from '../pickle/machine';
import { OPCODES } from '../pickle/opcodes';
import { describe, isTuple, type PickleValue, quote } from '../pickle/values';
import { DTYPES } from '../safetensors';
import { storageDtype, torchGlobals } from './globals';
import { type Bytes, Room, TorchStorage } from './tensor';
import { readZip } from './zip';

const MAGIC = '119547037146038801333356';
const LEGACY_PROTOCOL = 1001;

const PICKLE = /^[^/]+\/data\.pkl$/;

/** Where other objects lie beside the weights. */
const ADVICE =
  '; if it is of the program that wrote this file, load the file there and save the weights alone: torch.save(model.state_dict(), "weights.pth")';

/** Bytes that tell whether a file is one of torch.save. */
export const TORCH_HEAD = 24;

/** How a file of torch.save begins: a zip's local header, or the pickle of the legacy format's magic number, from protocol 4 on in a frame. */
export function isTorch(bytes: Uint8Array): boolean {
  const magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20];
  return isZip(bytes) || (bytes[0] === 0x80 && [2, 11].some((at) => startsWith(bytes.subarray(at), magic)));
}

/**
 * The value in a file of torch.save, zip or legacy. Tensors are `TorchTensor`s: views of `bytes`, read by their `read`.
 * As safe as `readPickle`: nothing is executed, and all tensors together take at most 64 MiB more than the file, and 128 MiB of a small one.
 * @throws InputError naming the file and the byte or the entry
 * @example
 * const bytes = await writeTorchTensor({ shape: [2], data: Float32Array.of(1, 2) });
 * (await readTorch(bytes)) instanceof Map; // false
 */
export async function readTorch(bytes: Uint8Array, file = 'PyTorch file'): Promise<PickleValue> {
  const find = torchGlobals(new Room(bytes));
  if (isZip(bytes)) return readArchive(bytes, file, find);
  if (isTorch(bytes)) return readLegacy(bytes, file, find);
  refuseForeign(bytes, file);
  const found = startsWith(bytes, [0x80]) ? 'a plain pickle' : bytes.length === 0 ? 'nothing' : 'something else';
  throw new InputError(`${file}: byte 0: expected a file of torch.save, found ${found}`);
}

async function readArchive(
  bytes: Uint8Array,
  file: string,
  find: ReturnType<typeof torchGlobals>,
): Promise<PickleValue> {
  const entries = await readZip(bytes, file, (names) => {
    if (names.some((name) => PICKLE.test(name))) return;
    const some = names.slice(0, 3).map((name) => quote(name));
    const found = `a zip archive of ${some.join(', ') || 'nothing'}${names.length > 3 ? ', …' : ''}`;
    throw new InputError(
      `${file}: expected a checkpoint (of torch.save: an archive with a data.pkl in a folder), found ${found}; if the checkpoint is in it, unpack it`,
    );
  });
  // The root folder has the name of the file as it was first written.
  const pickles = [...entries.keys()].filter((name) => PICKLE.test(name));
  if (pickles.length !== 1) {
    throw new InputError(`${file}: expected one data.pkl in a folder, found ${pickles.join(', ') || 'none'}`);
  }
  const root = pickles[0].slice(0, -'data.pkl'.length);
  if (entries.has(`${root}constants.pkl`)) {
    throw new InputError(`${file}: expected weights by torch.save, found a TorchScript program; save its state_dict()`);
  }
  const order = entries.get(`${root}byteorder`);
  if (order && new TextDecoder().decode(order).trim() !== 'little') {
    throw new InputError(
      `${file}: expected little-endian data, found ${JSON.stringify(new TextDecoder().decode(order))}`,
    );
  }
  const persistentLoad = (id: PickleValue): TorchStorage => {
    const { dtype, key, length } = storageId(id);
    const data = entries.get(`${root}data/${key}`);
    if (!data) throw new InputError(`expected the entry ${root}data/${key}, found none`);
    const size = length * DTYPES[dtype].size;
    if (data.length !== size)
      throw new InputError(`expected ${size} bytes in ${root}data/${key}, found ${data.length}`);
    return new TorchStorage(dtype, length, { size, data });
  };
  const where = `${file}: ${pickles[0]}`;
  const machine = new Machine(entries.get(pickles[0]) as Uint8Array, 0, { find, persistentLoad, advice: ADVICE });
  const value = machine.run(OPCODES, where);
  machine.expectEnd(where);
  return value;
}

function readLegacy(bytes: Uint8Array, file: string, find: ReturnType<typeof torchGlobals>): PickleValue {
  let at = 0;
  const failed = (expected: string, found: string): never => {
    throw new InputError(`${file}: byte ${at}: expected ${expected}, found ${found}`);
  };
  const fail = (expected: string, found: PickleValue | undefined): never => failed(expected, describe(found));
  const next = (persistentLoad?: (id: PickleValue) => PickleValue): PickleValue => {
    const machine = new Machine(bytes, at, { find, persistentLoad, advice: ADVICE });
    const value = machine.run(OPCODES, file);
    at = machine.at;
    return value;
  };
  const magic = next();
  if (String(magic) !== MAGIC) fail("PyTorch's magic number", magic);
  const protocol = next();
  if (protocol !== LEGACY_PROTOCOL) fail(`protocol ${LEGACY_PROTOCOL}`, protocol);
  const system = next();
  const little = system instanceof Map ? system.get('little_endian') : undefined;
  if (little !== true) fail('data marked as little_endian', little);

  const storages = new Map<string, Bytes & { length: number }>();
  const value = next((id) => {
    const { dtype, key, length, view } = storageId(id);
    const width = DTYPES[dtype].size;
    const bytesOf = storages.get(key) ?? { length, size: length * width };
    if (bytesOf.size !== length * width) {
      throw new InputError(`expected storage ${key} of ${bytesOf.size} bytes, found ${length * width}`);
    }
    storages.set(key, bytesOf);
    if (!view) return new TorchStorage(dtype, length, bytesOf);
    if (view.offset + view.length > length) {
      throw new InputError(`expected a view within ${length} elements, found ${view.length} from ${view.offset}`);
    }
    return new TorchStorage(dtype, view.length, bytesOf, view.offset * width);
  });

  const keys = next();
  if (!Array.isArray(keys) || keys.length !== storages.size) fail(`the keys of ${storages.size} storages`, keys);
  const filled = new Set<string>();
  for (const key of keys as PickleValue[]) {
    const storage = storages.get(String(key));
    if (typeof key !== 'string' || !storage || filled.has(key)) return fail('a storage that is used, once', key);
    filled.add(key);
    if (bytes.length - at < 8 + storage.size) {
      return failed(`8 + ${storage.size} bytes of storage ${key}`, `${bytes.length - at}: truncated`);
    }
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset + at, 8).getBigUint64(0, true));
    if (length !== storage.length) fail(`storage ${key} of ${storage.length} elements`, length);
    storage.data = bytes.subarray(at + 8, at + 8 + storage.size);
    at += 8 + storage.size;
  }
  if (at !== bytes.length) failed('the end of the file', `${bytes.length - at} further bytes`);
  return value;
}

interface StorageId {
  dtype: NonNullable<ReturnType<typeof storageDtype>>;
  key: string;
  length: number;
  view?: { offset: number; length: number };
}

/** ('storage', class, key, location, elements), and in legacy files None or (key, offset, elements) of a part. */
function storageId(id: PickleValue): StorageId {
  const [tag, type, key, , length, view] = isTuple(id) ? id : [];
  const dtype = storageDtype(type);
  if (tag !== 'storage' || !dtype || typeof key !== 'string' || !isSize(length)) {
    throw new InputError(`expected a storage's class, key, location and size, found ${describe(id)}`);
  }
  if (view === undefined || view === null) return { dtype, key, length };
  const [, offset, part] = isTuple(view) ? view : [];
  if (!isSize(offset) || !isSize(part)) throw new InputError(`expected a part of a storage, found ${describe(view)}`);
  return { dtype, key, length, view: { offset, length: part } };
}

const isSize = (v: PickleValue | undefined): v is number => typeof v === 'number' && Number.isSafeInteger(v) && v >= 0;
const startsWith = (bytes: Uint8Array, head: readonly number[]): boolean => head.every((byte, i) => bytes[i] === byte);
const isZip = (bytes: Uint8Array): boolean => startsWith(bytes, [0x50, 0x4b, 3, 4]);
