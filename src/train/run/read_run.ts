// A run folder as it is read.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InputError } from '../../base/errors';
import { lookAt } from '../../data/files';
import { readSafetensors, type SafetensorsFile } from '../../formats/safetensors';
import type { TileTable } from '../../kernels/variant';
import type { StateEntry } from '../../models';
import type { Metrics } from '../measures/metrics';
import { readTrainArgs, type TrainArgs } from '../settings/args';
import { BEST, LAST, PREVIOUS } from './files';
import { checkFormat } from './format';
import { type EpochRow, parseResults } from './results';

/** What args.json holds. */
export interface RunArgs extends TrainArgs {
  /** Names of the classes, in the order of the network's outputs. */
  classes: string[];
  /** Tiles that the matrix kernels use for measured classes of products, else they go by rule: another order of sums. */
  kernels: TileTable;
}

/** What metrics.json holds: the validation metrics of the best weights. */
export interface RunMetrics extends Metrics {
  /** From 1. */
  best_epoch: number;
}

/** A run folder as it was read. */
export interface Run {
  dir: string;
  args: RunArgs;
  /** Finished epochs. */
  rows: EpochRow[];
  /** null: not written yet. */
  metrics: RunMetrics | null;
  /** Weights to take in place of the run's best, and word vectors if the run has none: see `openNetwork`. */
  given?: { file: string; state: ReadonlyMap<string, StateEntry>; embedding: Float32Array | null };
}

/**
 * Reads a run folder.
 * @throws InputError naming the file: no run there, or a damaged one
 */
export function readRun(dir: string): Run {
  dir = resolve(dir);
  const args = join(dir, 'args.json');
  if (!existsSync(args)) {
    const found = existsSync(dir) ? 'no args.json in it' : 'nothing there';
    throw new InputError(`--saved_model expects the folder of a run, found ${found}: ${dir}; check the path`);
  }
  const results = join(dir, 'results.csv');
  const metrics = join(dir, 'metrics.json');
  return {
    dir,
    args: { ...readRunArgs(args), saved_model: dir },
    rows: existsSync(results) ? parseResults(readFileSync(results, 'utf8'), results) : [],
    metrics: existsSync(metrics) ? parseMetrics(readJson(metrics), metrics) : null,
  };
}

/**
 * The file of a run's weights.
 * @throws InputError if it is not there
 */
export function weightsFile({ dir }: Run, which: 'best' | 'last'): string {
  const file = join(dir, which === 'best' ? BEST : LAST);
  if (lookAt(file) !== 'a file') {
    const why =
      which === 'best'
        ? 'has not come to the end of an epoch (go on with it by --resume), or was moved in part'
        : 'has lost its checkpoints: train anew';
    throw new InputError(`${file}: no such file; the run ${why}`);
  }
  return file;
}

/** A safetensors file of a run, and where it lies. */
export interface RunWeights extends SafetensorsFile {
  readonly file: string;
}

/**
 * The weights of a run, or its last checkpoint; where that is gone or damaged, the one before, which `say` is told.
 * @throws InputError if they are not there, damaged, or of a later version
 */
export function readWeights(run: Run, which: 'best' | 'last', say: (line: string) => void = () => {}): RunWeights {
  const found = readSound(run, which, say);
  checkFormat(found.metadata.format_version, found.file);
  return found;
}

function readSound(run: Run, which: 'best' | 'last', say: (line: string) => void): RunWeights {
  const read = (file: string): RunWeights => ({ file, ...readSafetensors(readFileSync(file), file) });
  try {
    return read(weightsFile(run, which));
  } catch (error) {
    const previous = join(run.dir, PREVIOUS);
    if (which === 'best' || !(error instanceof InputError) || !existsSync(previous)) throw error;
    const kept = read(previous);
    say(`${error.message}; ${PREVIOUS}, the checkpoint before it, is taken`);
    return kept;
  }
}

/**
 * Reads an args.json.
 * @throws InputError naming the file: none, a damaged one, or an entry that is no setting or has no value of its kind
 */
export function readRunArgs(file: string): RunArgs {
  const { format_version, classes, kernels = {}, ...rest } = readJson(file);
  checkFormat(format_version, file);
  if (!Array.isArray(classes) || classes.length === 0 || !classes.every((name) => typeof name === 'string')) {
    throw new InputError(`${file}: expected the classes' names as classes, found ${show(classes)}`);
  }
  if (!isTable(kernels)) {
    throw new InputError(`${file}: expected names of tiles as kernels, found ${show(kernels)}`);
  }
  try {
    return { ...readTrainArgs(rest), classes, kernels };
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${file}: ${error.message}`) : error;
  }
}

const isTable = (value: unknown): value is TileTable =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((name) => typeof name === 'string');

/** @throws InputError naming the file: a figure is missing */
export function parseMetrics(value: Record<string, unknown>, file: string): RunMetrics {
  for (const name of ['accuracy', 'macro_f1', 'best_epoch']) {
    if (typeof value[name] !== 'number') {
      throw new InputError(`${file}: expected a number as ${name}, found ${show(value[name])}`);
    }
  }
  return value as unknown as RunMetrics;
}

/** Most bytes of a run's JSON. */
const MAX_JSON = 2 ** 22;

/** A value of a file, cut to a readable length. */
const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};

function readJson(file: string): Record<string, unknown> {
  if (lookAt(file) !== 'a file') throw new InputError(`${file}: expected a file, found ${lookAt(file)}`);
  const { size } = statSync(file);
  if (size > MAX_JSON) throw new InputError(`${file}: expected at most ${MAX_JSON} bytes, found ${size}`);
  return parseJson(readFileSync(file, 'utf8'), file);
}

/** @throws InputError naming the file: it is no JSON object */
export function parseJson(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${file}: expected JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError(`${file}: expected a JSON object, found ${show(value)}`);
  }
  return value as Record<string, unknown>;
}
