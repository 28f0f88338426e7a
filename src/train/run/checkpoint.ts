// Weights, and all that a run needs to take its very next step, as safetensors.
import type { Ema, GradScaler, Optimizer, Tensor } from '../../autograd';
import { InputError } from '../../base/errors';
import { writeSafetensors } from '../../formats/safetensors';
import { AVERAGE, entryOf, type FileTensor, keyOf, LOSS_SCALE, stateOf } from '../../formats/weights';
import { type Counter, type Module, readState, type StateEntry } from '../../models';
import { newTally, type Tally } from '../loop/tally';
import type { EpochScores } from '../settings/best';
import { FORMAT_VERSION } from './format';
import { parseJson, parseMetrics, type RunMetrics, type RunWeights } from './read_run';
import { type EpochRow, formatResults, parseResults } from './results';

const METADATA = { format: 'pt', format_version: String(FORMAT_VERSION) };

/** Where a run stands: with the weights and the optimizer's state, all that its next step depends on. */
export interface Progress {
  /** Epoch that the next step belongs to, from 0. */
  epoch: number;
  /** Steps of that epoch that are done. */
  step: number;
  /** What those steps gave. */
  tally: Tally;
  /** The best epoch so far. */
  best: EpochScores | null;
  /** Early stopping ended the run. */
  stopped: boolean;
  /** Training samples that were left out, their pictures being bad, in the order in which they were found. */
  bad: number[];
}

export const newProgress = (): Progress => ({
  epoch: 0,
  step: 0,
  tally: newTally(),
  best: null,
  stopped: false,
  bad: [],
});

/** What a run has come to so far: all but times, so that equal runs leave equal checkpoints. */
export interface History {
  /** A row of each epoch that is done, without its `seconds`. */
  readonly rows: readonly EpochRow[];
  /** Of the best epoch; null: none is done. */
  readonly metrics: RunMetrics | null;
}

/** The state dict alone, under PyTorch's names: `weights/best.safetensors`. */
export const encodeWeights = (state: ReadonlyMap<string, StateEntry>): Uint8Array =>
  writeSafetensors(new Map(state), METADATA, { sealed: true });

/** What a checkpoint holds: all that changes as a run learns. */
export interface Learning {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly scaler: GradScaler | null;
  readonly ema: Ema | null;
}

/** Bytes of the files: of the weights, and at most of a checkpoint, but for their headers. */
export function bytesOf({ model, optimizer, ema }: Learning): { weights: number; checkpoint: number } {
  const sizeOf = (tensors: Iterable<object>): number =>
    [...tensors].reduce((sum, t) => sum + 4 * ('shape' in t ? (t as Tensor).shape : []).reduce((a, b) => a * b, 1), 0);
  const weights = sizeOf(model.namedState().values());
  const kept = optimizer.stateNames.filter((name) => name !== 'step').length * sizeOf(optimizer.params);
  return { weights, checkpoint: weights + kept + (ema ? sizeOf(optimizer.params) : 0) };
}

/**
 * The numbers of a checkpoint, as all work recorded so far will leave them: the state dict, `momentum.NAME` (SGD) or `exp_avg.NAME`,
 * `exp_avg_sq.NAME` and `step.NAME` (Adam, AdamW) of every parameter that has had a gradient, `ema.NAME` of every parameter of a run
 * that averages its weights, `loss_scale` (scale, good steps, steps skipped) of a run that has one. Only the promise waits for the GPU.
 */
export async function readLearning(learning: Learning): Promise<Map<string, StateEntry>> {
  const tensors = await readState(stateToKeep(learning));
  const scale = tensors.get(LOSS_SCALE);
  if (scale) tensors.set(LOSS_SCALE, { shape: [3], data: scale.data.subarray(0, 3) });
  return tensors;
}

function stateToKeep({ model, optimizer, scaler, ema }: Learning): Map<string, Tensor | Counter> {
  const state = model.namedState();
  for (const [name, parameter] of model.namedParameters()) {
    for (const [key, t] of Object.entries(optimizer.state(parameter) ?? {})) state.set(`${key}.${name}`, t);
    if (ema) state.set(AVERAGE + name, ema.of(parameter));
  }
  if (scaler) state.set(LOSS_SCALE, scaler.numbers);
  return state;
}

/** The file `weights/last.safetensors`: what `readLearning` gives, and in its metadata where the run stands and what it has come to. */
export function encodeCheckpoint(
  tensors: ReadonlyMap<string, StateEntry>,
  progress: Progress,
  { rows, metrics }: History,
): Uint8Array {
  const history = formatResults(rows.map((row) => ({ ...row, seconds: null })));
  const metadata: Record<string, string> = { ...METADATA, progress: JSON.stringify(progress), history };
  if (metrics) metadata.metrics = JSON.stringify(metrics);
  return writeSafetensors(new Map(tensors), metadata, { sealed: true });
}

/** Loads `weights/best.safetensors` or the weights of a checkpoint. @throws InputError when they are not this model's. */
export function loadWeights(model: Module, { tensors, file }: RunWeights): void {
  model.loadStateDict(stateOf(tensors, file), file);
}

/** Loads a checkpoint. @throws InputError when it is not one of this run's. */
export function loadCheckpoint({ model, optimizer, scaler, ema }: Learning, checkpoint: RunWeights): Progress {
  const { tensors, metadata, file } = checkpoint;
  model.loadStateDict(stateOf(tensors, file), file);
  const { kind, stateNames } = optimizer;
  const foreign = [...tensors.keys()].find((name) => {
    const key = keyOf(name);
    return key !== undefined && !stateNames.includes(key);
  });
  if (foreign)
    throw new InputError(`${file}: expected the state of ${kind} (${stateNames.join(', ')}), found ${foreign}`);
  const numbers = (name: string, shape: readonly number[]): Float32Array | null => {
    const entry = tensors.get(name);
    if (!entry) return null;
    const { data } = entryOf(entry, name, file);
    if (entry.shape.join() === shape.join()) return Float32Array.from(data as ArrayLike<number>, Number);
    const [found, wanted] = [entry.shape, shape].map((s) => s.join('x') || 'a number');
    throw new InputError(`${file}: ${name} is ${found}, expected ${wanted}`);
  };
  for (const [name, parameter] of model.namedParameters()) {
    const state: Record<string, Float32Array> = {};
    for (const key of stateNames) {
      const data = numbers(`${key}.${name}`, key === 'step' ? [] : parameter.shape);
      if (data) state[key] = data;
    }
    const has = Object.keys(state);
    const lacks = stateNames.find((key) => !has.includes(key));
    if (has.length > 0 && lacks) throw new InputError(`${file}: ${lacks}.${name} is missing beside ${has[0]}.${name}`);
    if (has.length > 0) optimizer.setState(parameter, state);
    if (!ema) continue;
    const average = numbers(AVERAGE + name, parameter.shape);
    if (!average) throw new InputError(`${file}: ${AVERAGE}${name} is missing: the run averages its weights (--ema)`);
    ema.of(parameter).write(average);
  }
  if (scaler) {
    const state = numbers(LOSS_SCALE, [3]);
    if (!state) throw new InputError(`${file}: expected ${LOSS_SCALE} of 3 numbers, found none`);
    const [scale, goodSteps, skipped] = state;
    scaler.load({ scale, goodSteps, skipped });
  }
  return progressOf(metadata, file);
}

/** Where a run stands, out of a checkpoint's metadata. @throws InputError if it does not say */
export function progressOf(metadata: Readonly<Record<string, string>>, file: string): Progress {
  const text = metadata.progress ?? 'none';
  let progress: Progress;
  try {
    const found: unknown = JSON.parse(text);
    const isObject = typeof found === 'object' && found !== null && !Array.isArray(found);
    // Older checkpoints have times as well.
    const { seconds: _, ...known } = isObject ? (found as Progress & { seconds?: unknown }) : NONE;
    progress = { ...newProgress(), ...known };
  } catch {
    progress = { ...newProgress(), ...NONE };
  }
  const wrong = wrongIn(progress);
  // Older tallies leave nothing out.
  if (wrong === undefined) return { ...progress, tally: { ...newTally(), ...progress.tally } };
  const found = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  throw new InputError(`${file}: expected the progress of a run in its metadata (${wrong}), found ${found}`);
}

/**
 * What a run had come to, out of a checkpoint's metadata; null: one of a version that left it to the run's other files.
 * @throws InputError if it is damaged
 */
export function historyOf(metadata: Readonly<Record<string, string>>, file: string): History | null {
  const { history, metrics } = metadata;
  if (history === undefined) return null;
  return {
    rows: parseResults(history, `${file}, history`),
    metrics: metrics === undefined ? null : parseMetrics(parseJson(metrics, `${file}, metrics`), `${file}, metrics`),
  };
}

/** Stands for a progress that is none. */
const NONE: { epoch: number; seconds?: unknown } = { epoch: Number.NaN };

/** The first part of a progress that is not what it should be. */
function wrongIn({ epoch, step, tally, best, stopped, bad }: Progress): string | undefined {
  const isNumber = (v: unknown): boolean => typeof v === 'number' && v >= 0;
  const isCount = (v: unknown): boolean => isNumber(v) && Number.isSafeInteger(v);
  const isSum = (v: unknown): boolean => v === null || typeof v === 'number';
  if (!isCount(epoch)) return 'a whole number as epoch';
  if (!isCount(step)) return 'a whole number as step';
  if (typeof stopped !== 'boolean') return 'true or false as stopped';
  if (!Array.isArray(bad) || !bad.every(isCount)) return 'places of samples as bad';
  if (typeof tally !== 'object' || tally === null) return 'sums as tally';
  const { loss, cat, cont, ...counts } = { ...tally };
  const { steps, samples, correct, skipped = 0 } = counts;
  if (![steps, samples, correct, skipped].every(isCount))
    return 'counts as steps, samples, correct and skipped of tally';
  if (![loss, cat, cont].every(isSum)) return 'sums as loss, cat and cont of tally';
  if (best === null) return undefined;
  // Older checkpoints know the best epoch's accuracy alone.
  const isScore = (v: unknown): boolean => v === undefined || isSum(v);
  const good =
    typeof best === 'object' &&
    isCount(best.epoch) &&
    isNumber(best.accuracy) &&
    isScore(best.loss) &&
    isScore(best.ccc);
  return good ? undefined : 'the scores of an epoch as best';
}

/** The optimizer's state in a checkpoint, by the parameters' names: what is kept of each, by name. */
export function optimizerStateOf(
  tensors: ReadonlyMap<string, FileTensor>,
  file: string,
): Map<string, Record<string, StateEntry>> {
  const state = new Map<string, Record<string, StateEntry>>();
  for (const [name, tensor] of tensors) {
    const key = keyOf(name);
    if (!key) continue;
    const parameter = name.slice(key.length + 1);
    state.set(parameter, { ...state.get(parameter), [key]: entryOf(tensor, name, file) });
  }
  return state;
}
