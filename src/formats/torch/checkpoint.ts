// The original's checkpoints: {epoch, model_state_dict, optimizer_state_dict} of torch.save; and bare state dicts.
import { InputError } from '../../base/errors';
import { describe, OrderedDict, type PickleValue } from '../pickle/values';
import type { StoredTensor } from '../safetensors';
import { likeliest, plainNames, saying } from '../state_dict';
import { findOptimizer, findStates } from './find';
import { type OptimizerSettings, readOptimizer, type SavedOptimizer, writeOptimizer } from './optimizer';
import { readTorch } from './read';
import { Room, TorchTensor } from './tensor';
import { type TensorToWrite, writeTorch } from './write';

export interface TorchCheckpoint {
  /** Epoch that the weights are of, from 0; null in a bare state dict. */
  epoch: number | null;
  /** By the network's own names: see `plainNames`. */
  state: Map<string, StoredTensor>;
  /** Under which key the weights were, and what was left out, in words; null where that goes without saying. */
  found: string | null;
  /** Reads the optimizer's state; throws InputError if it is not SGD's, Adam's or AdamW's. null: the file has none. */
  optimizer: (() => SavedOptimizer<StoredTensor>) | null;
}

/**
 * Reads a checkpoint: the original's, a dict with a state dict somewhere, or a bare state dict; zip or legacy. Of several
 * state dicts the likeliest is taken (see `likeliest`).
 * @throws InputError naming the file and what is not as it should be
 * @example
 * const state = new Map([['weight', { shape: [2], data: Float32Array.of(1, 2) }]]);
 * const file = await writeCheckpoint({ epoch: 3, state, optimizer: null });
 * const checkpoint = await readCheckpoint(file, 'net.pth');
 * checkpoint.epoch; // 3
 * checkpoint.state.get('weight')?.data; // [1, 2]
 */
export async function readCheckpoint(bytes: Uint8Array, file: string): Promise<TorchCheckpoint> {
  const value = await readTorch(bytes, file);
  const fail = (expected: string, found: PickleValue | undefined): never => {
    throw new InputError(`${file}: expected ${expected}, found ${describe(found)}`);
  };
  if (!(value instanceof Map)) return fail('a checkpoint or a state dict', value);
  const states = findStates(value);
  const meant = likeliest(states.map(({ path }) => path));
  const list = (places: readonly string[]): string => places.slice(0, 6).join(', ') + (places.length > 6 ? ', …' : '');
  if (meant === null) {
    const found =
      states.length > 0
        ? `several: ${list(states.map(({ path }) => path.join('.')))}`
        : value.size > 0
          ? `only ${list([...value.keys()].map(String))}`
          : 'nothing';
    throw new InputError(
      `${file}: expected the weights of one network, by name, found ${found}; torch.save the state_dict that is meant`,
    );
  }
  const { path, state } = states[meant];
  const tensors = new Map<string, StoredTensor>();
  const room = new Room(bytes, file);
  for (const [name, tensor] of state) {
    if (typeof name !== 'string') return fail("a state dict's name", name);
    if (!(tensor instanceof TorchTensor)) return fail(`a tensor as ${name}`, tensor);
    tensors.set(name, tensor.read(room));
  }
  const epoch = value.get('epoch');
  if (path.length > 0 && epoch !== undefined && !(typeof epoch === 'number' && Number.isInteger(epoch) && epoch >= 0)) {
    return fail('a whole number as epoch', epoch);
  }
  const optimizer = findOptimizer(value);
  const plain = plainNames(tensors, file);
  const left = [...states.filter((other) => other.state !== state).map((other) => other.path.join('.')), ...plain.left];
  return {
    epoch: path.length > 0 && typeof epoch === 'number' ? epoch : null,
    state: plain.state,
    found: saying(path, plain.removed, left),
    optimizer: optimizer === undefined ? null : () => readOptimizer(optimizer, new Room(bytes, file), fail),
  };
}

/**
 * The one tensor of a file of torch.save, such as word vectors. @throws InputError if it holds something else
 * @example
 * const bytes = await writeTorchTensor({ shape: [2], data: Float32Array.of(1, 2) });
 * (await readTorchTensor(bytes, 'two.pt')).data; // [1, 2]
 */
export async function readTorchTensor(bytes: Uint8Array, file: string): Promise<StoredTensor> {
  const value = await readTorch(bytes, file);
  if (!(value instanceof TorchTensor)) throw new InputError(`${file}: expected a tensor, found ${describe(value)}`);
  return value.read(new Room(bytes, file));
}

/**
 * A file of torch.save with one tensor.
 * @example
 * (await writeTorchTensor({ shape: [1], data: Float32Array.of(1) })).subarray(0, 2); // [80, 75]
 */
export const writeTorchTensor = (tensor: TensorToWrite): Promise<Uint8Array> => writeTorch((write) => write(tensor));

/**
 * What the original's `--saved_model` file holds: `epoch`, `model_state_dict` and, if given, `optimizer_state_dict`.
 * @example
 * const state = new Map([['weight', { shape: [2], data: Float32Array.of(1, 2) }]]);
 * const file = await writeCheckpoint({ epoch: 3, state, optimizer: null });
 * file.subarray(0, 2); // [80, 75]
 */
export function writeCheckpoint(checkpoint: {
  epoch: number;
  state: ReadonlyMap<string, TensorToWrite>;
  optimizer: (SavedOptimizer<TensorToWrite> & { settings: OptimizerSettings }) | null;
}): Promise<Uint8Array> {
  const { epoch, state, optimizer } = checkpoint;
  return writeTorch((tensor) => {
    const entries = new OrderedDict([...state].map(([name, t]) => [name, tensor(t)] as const));
    entries.attributes = new Map([['_metadata', moduleVersions([...state.keys()])]]);
    const file = new Map<PickleValue, PickleValue>([
      ['epoch', epoch],
      ['model_state_dict', entries],
    ]);
    return optimizer ? file.set('optimizer_state_dict', writeOptimizer(optimizer, tensor)) : file;
  });
}

/** PyTorch's version numbers of the modules that names tell of: 2 for batch norms and dense blocks, else 1. */
function moduleVersions(names: readonly string[]): OrderedDict {
  const modules = new Set<string>(['']);
  for (const name of names) {
    const parts = name.split('.');
    for (let n = 1; n < parts.length; n++) modules.add(parts.slice(0, n).join('.'));
  }
  const norms = new Set(
    names.filter((n) => n.endsWith('.running_mean')).map((n) => n.slice(0, -'.running_mean'.length)),
  );
  const version = (module: string) => (norms.has(module) || /(^|\.)denseblock\d+$/.test(module) ? 2 : 1);
  return new OrderedDict([...modules].map((module) => [module, new Map([['version', version(module)]])]));
}
