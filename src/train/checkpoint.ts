// Weights, and all that a run needs to take its very next step, as safetensors.
import type { SGD } from '../autograd';
import { InputError } from '../device';
import { readSafetensors, type StoredTensor, writeSafetensors } from '../formats/safetensors';
import type { Module, StateEntry } from '../models';
import { newTally, type Tally } from './tally';

const MOMENTUM = 'momentum.';

/** Where a run stands: with the weights and the momentum, all that its next step depends on. */
export interface Progress {
  /** Epoch that the next step belongs to, from 0. */
  epoch: number;
  /** Steps of that epoch that are done. */
  step: number;
  /** What those steps gave. */
  tally: Tally;
  /** Highest validation accuracy so far and the epoch, from 0, that reached it. */
  best: { accuracy: number; epoch: number } | null;
  /** Seconds that the current epoch has taken. */
  seconds: number;
  /** Early stopping ended the run. */
  stopped: boolean;
}

export const newProgress = (): Progress => ({
  epoch: 0,
  step: 0,
  tally: newTally(),
  best: null,
  seconds: 0,
  stopped: false,
});

/** The state dict alone, under PyTorch's names: `weights/best.safetensors`. */
export async function encodeWeights(model: Module): Promise<Uint8Array> {
  return writeSafetensors(new Map(await model.stateDict()), { format: 'pt' });
}

/** The state dict, `momentum.NAME` of every parameter that has one, and the progress: `weights/last.safetensors`. */
export async function encodeCheckpoint(model: Module, optimiser: SGD, progress: Progress): Promise<Uint8Array> {
  const tensors = new Map<string, StateEntry>(await model.stateDict());
  for (const [name, parameter] of model.namedParameters()) {
    const momentum = optimiser.velocity(parameter);
    if (momentum) tensors.set(MOMENTUM + name, { shape: parameter.shape, data: await momentum.data() });
  }
  return writeSafetensors(tensors, { format: 'pt', progress: JSON.stringify(progress) });
}

/** Loads `weights/best.safetensors` or the weights of a checkpoint. @throws InputError when they are not this model's. */
export function loadWeights(model: Module, bytes: Uint8Array, file: string): void {
  const { tensors } = readSafetensors(bytes, file);
  model.loadStateDict(stateOf(tensors, file), file);
}

/** Loads a checkpoint into model and optimiser. @throws InputError when it is not one of this run's. */
export function loadCheckpoint(model: Module, optimiser: SGD, bytes: Uint8Array, file: string): Progress {
  const { tensors, metadata } = readSafetensors(bytes, file);
  model.loadStateDict(stateOf(tensors, file), file);
  for (const [name, parameter] of model.namedParameters()) {
    const entry = tensors.get(MOMENTUM + name);
    if (!entry) continue;
    if (entry.data.length !== parameter.size)
      throw new InputError(
        `${file}: ${MOMENTUM}${name} is ${entry.shape.join('x')}, expected ${parameter.shape.join('x')}`,
      );
    optimiser.setVelocity(parameter, Float32Array.from(entry.data as ArrayLike<number>));
  }
  try {
    return { ...newProgress(), ...(JSON.parse(metadata.progress ?? '') as Progress) };
  } catch {
    throw new InputError(
      `${file}: expected the progress of a run in its metadata, found ${metadata.progress ?? 'none'}`,
    );
  }
}

function stateOf(tensors: ReadonlyMap<string, StoredTensor>, file: string): Map<string, StateEntry> {
  const state = new Map<string, StateEntry>();
  for (const [name, t] of tensors) {
    if (name.startsWith(MOMENTUM)) continue;
    const { data } = t;
    if (!(data instanceof Float32Array || data instanceof Float64Array || data instanceof BigInt64Array))
      throw new InputError(`${file}: ${name} is ${t.dtype}, expected F32 (or I64 for a counter)`);
    state.set(name, { shape: t.shape, data });
  }
  return state;
}
