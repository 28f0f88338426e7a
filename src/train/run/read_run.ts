// A run folder as it is read.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InputError } from '../../base/errors';
import { lookAt } from '../../data/files';
import { checkJson } from '../../formats/json_keys';
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
  /** Of the run's rules: see `FORMAT_VERSION`. */
  format_version: number;
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
 * @param asked what it was named by
 * @throws InputError naming the file: no run there, or a damaged one
 * @example
 * readRun('run1').rows.length; // 1
 */
export function readRun(dir: string, asked = '--saved_model'): Run {
  dir = resolve(dir);
  const args = join(dir, 'args.json');
  if (!existsSync(args)) {
    const found = existsSync(dir) ? 'no args.json in it' : 'nothing there';
    throw new InputError(`${asked} expects the folder of a run, found ${found}: ${dir}; check the path`);
  }
  const results = join(dir, 'results.csv');
  const metrics = join(dir, 'metrics.json');
  return {
    dir,
    args: { ...readRunArgs(args), saved_model: dir },
    rows: existsSync(results) ? parseResults(readText(results), results) : [],
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
 * @example
 * readWeights(readRun('run1'), 'best').tensors.get('classifier.bias')?.shape; // [7]
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
  const { format_version: version, kernels = {}, ...rest } = readJson(file);
  const format_version = checkFormat(version, file);
  if (!isNames(rest.classes)) {
    throw new InputError(`${file}: expected the classes' names as classes, found ${show(rest.classes)}`);
  }
  if (!isTable(kernels)) {
    throw new InputError(`${file}: expected names of tiles as kernels, found ${show(kernels)}`);
  }
  try {
    return { format_version, ...readTrainArgs(rest), kernels };
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${file}: ${error.message}`) : error;
  }
}

const isList = (value: unknown): value is unknown[] => Array.isArray(value);
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !isList(value);
const isNumbers = (value: unknown): value is number[] => isList(value) && value.every((n) => typeof n === 'number');
const isNames = (value: unknown): value is string[] =>
  isList(value) && value.length > 0 && value.every((name) => typeof name === 'string');
const isTable = (value: unknown): value is TileTable =>
  isObject(value) && Object.values(value).every((name) => typeof name === 'string');

/** Figures that a file may lack. */
const NO_FIGURES = {
  ...{ ccc_valence: null, rmse_valence: null, pearson_valence: null, sagr_valence: null },
  ...{ ccc_arousal: null, rmse_arousal: null, pearson_arousal: null, sagr_arousal: null },
  challenge_va: null,
  ece: null,
};

/** @throws InputError naming the file: a figure is missing, or none */
export function parseMetrics(value: Record<string, unknown>, file: string): RunMetrics {
  const check = (good: boolean, what: string, found: unknown): void => {
    if (!good) throw new InputError(`${file}: expected ${what}, found ${show(found)}`);
  };
  const { classes, per_class, confusion, reliability = [], untrained = [], ...figures } = value;
  for (const name of ['accuracy', 'macro_f1', 'best_epoch', 'samples', 'challenge_expression'])
    check(typeof figures[name] === 'number', `a number as ${name}`, figures[name]);
  for (const [name, figure] of Object.entries(figures))
    check(figure === null || typeof figure === 'number', `a number or null as ${name}`, figure);
  if (!isNames(classes))
    throw new InputError(`${file}: expected the classes' names as classes, found ${show(classes)}`);
  check(
    isList(untrained) && untrained.every((name) => classes.includes(name as string)),
    'names of classes as untrained',
    untrained,
  );
  const isShare = (v: unknown): boolean => v === null || typeof v === 'number';
  check(
    isList(reliability) &&
      reliability.every(
        (bin) =>
          isObject(bin) &&
          isNumbers([bin.from, bin.to, bin.samples]) &&
          isShare(bin.accuracy) &&
          isShare(bin.confidence),
      ),
    'bins as reliability',
    reliability,
  );
  const square = (row: unknown): boolean => isNumbers(row) && row.length === classes.length;
  check(
    isList(confusion) && confusion.length === classes.length && confusion.every(square),
    'counts of each class as confusion',
    confusion,
  );
  const scores = isObject(per_class) ? per_class : {};
  for (const name of classes) {
    const of = Object.hasOwn(scores, name) ? scores[name] : undefined;
    const good = isObject(of) && isNumbers([of.precision, of.recall, of.f1, of.support]);
    check(good, `precision, recall, f1 and support of ${show(name)} in per_class`, of);
  }
  // In the file's order: what is written again has the same bytes.
  const lacking = Object.entries(NO_FIGURES).filter(([name]) => !(name in value));
  return { ...value, ...Object.fromEntries(lacking) } as unknown as RunMetrics;
}

/** Most bytes of a run's texts that are read. */
const MAX_JSON = 2 ** 22;

/** A value of a file, cut to a readable length. */
const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};

/** @throws InputError naming the file: none, too large, or no JSON object */
export function readJson(file: string): Record<string, unknown> {
  return parseJson(readText(file), file);
}

/** A text of the run's, without a byte order mark. @throws InputError naming the file: too large, or no UTF-8 */
export function readText(file: string, most = MAX_JSON): string {
  if (lookAt(file) !== 'a file') throw new InputError(`${file}: expected a file, found ${lookAt(file)}`);
  const { size } = statSync(file);
  if (size > most) throw new InputError(`${file}: expected at most ${most} bytes, found ${size}`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch {
    throw new InputError(`${file}: expected a text in UTF-8, found bytes that are not`);
  }
}

/** @throws InputError naming the file: it is no JSON object */
export function parseJson(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    checkJson(text);
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${file}: ${error.message}`);
    throw new InputError(`${file}: expected JSON: ${(error as Error).message}`);
  }
  if (!isObject(value)) {
    throw new InputError(`${file}: expected a JSON object, found ${show(value)}`);
  }
  return value;
}
