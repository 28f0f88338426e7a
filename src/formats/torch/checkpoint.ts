// The original's checkpoints: {epoch, model_state_dict, optimizer_state_dict} of torch.save; and bare state dicts.
import { InputError } from '../../base/errors';
import { describe, isList, OrderedDict, type PickleValue } from '../pickle/values';
import type { StoredTensor } from '../safetensors';
import { likeliest, plainNames, saying } from '../state_dict';
import { findOptimizer, findStates } from './find';
import { readTorch } from './read';
import { TorchTensor } from './tensor';
import { type TensorToWrite, writeTorch } from './write';

/** SGD's settings, as a checkpoint has them in its first group of parameters. */
export interface SgdSettings {
  lr: number;
  /** Learning rate before any schedule. */
  initial_lr: number;
  momentum: number;
  weight_decay: number;
}

/** SGD's state: the momentum of parameters by their place in `parameters()`; those without a gradient have none. */
export interface SgdState<T> {
  /** How many parameters there are. */
  parameters: number;
  momentum: Map<number, T>;
  settings: Partial<SgdSettings>;
}

export interface TorchCheckpoint {
  /** Epoch that the weights are of, from 0; null in a bare state dict. */
  epoch: number | null;
  /** By the network's own names: see `plainNames`. */
  state: Map<string, StoredTensor>;
  /** Under which key the weights were, and what was left out, in words; null where that goes without saying. */
  found: string | null;
  /** Reads the optimizer's state; throws InputError if it is not SGD's. null: the file has none. */
  optimizer: (() => SgdState<StoredTensor>) | null;
}

/**
 * Reads a checkpoint: the original's, a dict with a state dict somewhere, or a bare state dict; zip or legacy. Of several
 * state dicts the likeliest is taken (see `likeliest`).
 * @throws InputError naming the file and what is not as it should be
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
        : `only ${list([...value.keys()].map(String))}`;
    throw new InputError(
      `${file}: expected the weights of one network, by name, found ${found}; torch.save the state_dict that is meant`,
    );
  }
  const { path, state } = states[meant];
  const tensors = new Map<string, StoredTensor>();
  for (const [name, tensor] of state) {
    if (typeof name !== 'string') return fail("a state dict's name", name);
    if (!(tensor instanceof TorchTensor)) return fail(`a tensor as ${name}`, tensor);
    tensors.set(name, tensor.read());
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
    optimizer: optimizer === undefined ? null : () => sgdState(optimizer, fail),
  };
}

/** The one tensor of a file of torch.save, such as word vectors. @throws InputError if it holds something else */
export async function readTorchTensor(bytes: Uint8Array, file: string): Promise<StoredTensor> {
  const value = await readTorch(bytes, file);
  if (!(value instanceof TorchTensor)) throw new InputError(`${file}: expected a tensor, found ${describe(value)}`);
  return value.read();
}

/** A file of torch.save with one tensor. */
export const writeTorchTensor = (tensor: TensorToWrite): Promise<Uint8Array> => writeTorch((write) => write(tensor));

/** What the original's `--saved_model` file holds: `epoch`, `model_state_dict` and, if given, `optimizer_state_dict`. */
export function writeCheckpoint(checkpoint: {
  epoch: number;
  state: ReadonlyMap<string, TensorToWrite>;
  optimizer: (SgdState<TensorToWrite> & { settings: SgdSettings }) | null;
}): Promise<Uint8Array> {
  const { epoch, state, optimizer } = checkpoint;
  return writeTorch((tensor) => {
    const entries = new OrderedDict([...state].map(([name, t]) => [name, tensor(t)] as const));
    entries.attributes = new Map([['_metadata', moduleVersions([...state.keys()])]]);
    const file = new Map<PickleValue, PickleValue>([
      ['epoch', epoch],
      ['model_state_dict', entries],
    ]);
    if (!optimizer) return file;
    const { momentum, parameters, settings } = optimizer;
    const buffers = [...momentum].map(([i, t]) => [i, new Map([['momentum_buffer', tensor(t)]])] as const);
    const group = new Map<PickleValue, PickleValue>([
      ['lr', settings.lr],
      ['momentum', settings.momentum],
      ['dampening', 0],
      ['weight_decay', settings.weight_decay],
      ['nesterov', false],
      ['initial_lr', settings.initial_lr],
      ['params', Array.from({ length: parameters }, (_, i) => i)],
    ]);
    const state_ = new Map<PickleValue, PickleValue>(buffers);
    return file.set(
      'optimizer_state_dict',
      new Map<PickleValue, PickleValue>([
        ['state', state_],
        ['param_groups', [group]],
      ]),
    );
  });
}

/** Places in the optimizer are those of `params`; PyTorch before 1.5 numbered parameters by their address. */
function sgdState(
  value: PickleValue,
  fail: (expected: string, found: PickleValue | undefined) => never,
): SgdState<StoredTensor> {
  const [groups, states] = value instanceof Map ? [value.get('param_groups'), value.get('state')] : [];
  if (!groups || !isList(groups) || !(states instanceof Map)) {
    return fail('an optimizer_state_dict with param_groups and state', value);
  }
  const places = new Map<PickleValue, number>();
  for (const group of groups) {
    const params = group instanceof Map ? group.get('params') : undefined;
    if (!params || !isList(params)) return fail('params in each of param_groups', group);
    for (const parameter of params) places.set(parameter, places.size);
  }
  const momentum = new Map<number, StoredTensor>();
  for (const [key, entry] of states) {
    const place = places.get(key);
    const buffer = entry instanceof Map ? entry.get('momentum_buffer') : undefined;
    if (place === undefined) return fail("one of param_groups' params as a key of the optimizer's state", key);
    if (buffer instanceof TorchTensor) momentum.set(place, buffer.read());
    else if (buffer !== null) return fail('the momentum_buffer of SGD (training goes on with SGD alone)', entry);
  }
  const settings: Partial<SgdSettings> = {};
  const [first] = groups;
  for (const name of ['lr', 'initial_lr', 'momentum', 'weight_decay'] as const) {
    const number = first instanceof Map ? first.get(name) : undefined;
    if (typeof number === 'number') settings[name] = number;
  }
  return { parameters: places.size, momentum, settings };
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
