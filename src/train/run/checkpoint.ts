// Weights, and all that a run needs to take its very next step, as safetensors.
import type { Ema, GradScaler, SGD } from '../../autograd';
import { InputError } from '../../base/errors';
import { readSafetensors, type StoredTensor, writeSafetensors } from '../../formats/safetensors';
import { type Module, readState, type StateEntry } from '../../models';
import { newTally, type Tally } from '../loop/tally';

const MOMENTUM = 'momentum.';
const AVERAGE = 'ema.';
const LOSS_SCALE = 'loss_scale';

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

/** What a checkpoint holds: all that changes as a run learns. */
export interface Learning {
  readonly model: Module;
  readonly optimizer: SGD;
  readonly scaler: GradScaler | null;
  readonly ema: Ema | null;
}

/**
 * The state dict, `momentum.NAME` of every parameter that has one, `ema.NAME` of every parameter of a run that averages its weights,
 * `loss_scale` (scale, good steps, steps skipped) of a run that has one, and the progress: `weights/last.safetensors`.
 */
export async function encodeCheckpoint(learning: Learning, progress: Progress): Promise<Uint8Array> {
  const { model, optimizer, scaler, ema } = learning;
  const state = model.namedState();
  for (const [name, parameter] of model.namedParameters()) {
    const momentum = optimizer.velocity(parameter);
    if (momentum) state.set(MOMENTUM + name, momentum);
    if (ema) state.set(AVERAGE + name, ema.of(parameter));
  }
  if (scaler) state.set(LOSS_SCALE, scaler.numbers);
  const tensors = await readState(state);
  const scale = tensors.get(LOSS_SCALE);
  if (scale) tensors.set(LOSS_SCALE, { shape: [3], data: scale.data.subarray(0, 3) });
  return writeSafetensors(tensors, { format: 'pt', progress: JSON.stringify(progress) });
}

/** Loads `weights/best.safetensors` or the weights of a checkpoint. @throws InputError when they are not this model's. */
export function loadWeights(model: Module, bytes: Uint8Array, file: string): void {
  const { tensors } = readSafetensors(bytes, file);
  model.loadStateDict(stateOf(tensors, file), file);
}

/** Loads a checkpoint. @throws InputError when it is not one of this run's. */
export function loadCheckpoint({ model, optimizer, scaler, ema }: Learning, bytes: Uint8Array, file: string): Progress {
  const { tensors, metadata } = readSafetensors(bytes, file);
  model.loadStateDict(stateOf(tensors, file), file);
  for (const [name, parameter] of model.namedParameters()) {
    const numbers = (prefix: string): Float32Array | null => {
      const entry = tensors.get(prefix + name);
      if (!entry) return null;
      if (entry.data.length === parameter.size) return Float32Array.from(entry.data as ArrayLike<number>);
      const [found, wanted] = [entry.shape, parameter.shape].map((shape) => shape.join('x'));
      throw new InputError(`${file}: ${prefix}${name} is ${found}, expected ${wanted}`);
    };
    const momentum = numbers(MOMENTUM);
    if (momentum) optimizer.setVelocity(parameter, momentum);
    if (!ema) continue;
    const average = numbers(AVERAGE);
    if (!average) throw new InputError(`${file}: ${AVERAGE}${name} is missing: the run averages its weights (--ema)`);
    ema.of(parameter).write(average);
  }
  if (scaler) {
    const state = tensors.get(LOSS_SCALE)?.data;
    if (!(state instanceof Float32Array && state.length === 3))
      throw new InputError(`${file}: expected ${LOSS_SCALE} of 3 numbers, found ${state ? 'another tensor' : 'none'}`);
    const [scale, goodSteps, skipped] = state;
    scaler.load({ scale, goodSteps, skipped });
  }
  return progressOf(metadata, file);
}

/** Where a run stands, out of a checkpoint's metadata. @throws InputError if it does not say */
export function progressOf(metadata: Readonly<Record<string, string>>, file: string): Progress {
  try {
    return { ...newProgress(), ...(JSON.parse(metadata.progress ?? '') as Progress) };
  } catch {
    throw new InputError(
      `${file}: expected the progress of a run in its metadata, found ${metadata.progress ?? 'none'}`,
    );
  }
}

/** A file's tensors but its momentum, averages and loss scale as a state dict. @throws InputError for a dtype that weights do not have */
export function stateOf(tensors: ReadonlyMap<string, FileTensor>, file: string): Map<string, StateEntry> {
  const others = [MOMENTUM, AVERAGE, LOSS_SCALE];
  const weights = [...tensors].filter(([name]) => !others.some((prefix) => name.startsWith(prefix)));
  return new Map(weights.map(([name, tensor]) => [name, entryOf(tensor, name, file)]));
}

/** A checkpoint's momentum by the parameters' names. */
export function momentumOf(tensors: ReadonlyMap<string, FileTensor>, file: string): Map<string, StateEntry> {
  const momentum = [...tensors].filter(([name]) => name.startsWith(MOMENTUM));
  return new Map(momentum.map(([name, tensor]) => [name.slice(MOMENTUM.length), entryOf(tensor, name, file)]));
}

type FileTensor = Pick<StoredTensor, 'data'> & { readonly dtype: string; readonly shape: readonly number[] };

/** @throws InputError for a dtype that weights do not have */
export function entryOf({ dtype, shape, data }: FileTensor, name: string, file: string): StateEntry {
  if (data instanceof Float32Array || data instanceof Float64Array || data instanceof BigInt64Array)
    return { shape, data };
  throw new InputError(`${file}: ${name} is ${dtype}, expected F32 (or I64 for a counter)`);
}
