// The run folder: the only thing that a training leaves behind, and all that evaluation, prediction and resuming need.
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { InputError, MachineError } from '../../base/errors';
import { lookAt } from '../../data/files';
import type { TileTable } from '../../kernels/variant';
import type { StateEntry } from '../../models';
import type { Evaluation } from '../measures/evaluation';
import type { Metrics } from '../measures/metrics';
import type { Picture } from '../reports/charts/canvas';
import { readTrainArgs, type TrainArgs } from '../settings/args';
import type { Manifest } from './manifest';
import { type EpochRow, formatResults, parseResults } from './results';

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

const BEST = 'weights/best.safetensors';
const LAST = 'weights/last.safetensors';

/** Writes a run folder. Every file is replaced as a whole, so that a reader or a crash never meets half of one. */
export class RunFolder {
  private constructor(readonly dir: string) {}

  /**
   * Starts a run: makes the folder if need be and claims it by writing args.json.
   * @throws InputError if a run is there already, or the folder cannot be made
   */
  static create(args: RunArgs): RunFolder {
    const folder = new RunFolder(resolve(args.saved_model));
    const taken = () =>
      new InputError(
        `${folder.dir} holds a run already; go on with it by --resume, or give another --saved_model` +
          ' (or delete the folder)',
      );
    if (['args.json', 'results.csv', BEST, LAST].some((name) => existsSync(folder.path(name)))) throw taken();
    try {
      mkdirSync(folder.path('weights'), { recursive: true });
      // Exclusive: of two runs that start at once, one is refused.
      writeFileSync(folder.path('args.json'), toJson(args), { flag: 'wx' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST' && existsSync(folder.path('args.json'))) throw taken();
      throw writeError(folder.dir, error);
    }
    return folder;
  }

  /** Goes on with a run that `readRun` has read. */
  static reopen({ dir }: Run): RunFolder {
    return new RunFolder(dir);
  }

  /** The path of a file of the run. */
  path(name: string): string {
    return join(this.dir, name);
  }

  writeArgs(args: RunArgs): Promise<void> {
    return this.write('args.json', toJson(args));
  }

  /** Replaces results.csv by these rows. */
  writeResults(rows: readonly EpochRow[]): Promise<void> {
    return this.write('results.csv', formatResults(rows));
  }

  writeMetrics(metrics: RunMetrics): Promise<void> {
    return this.write('metrics.json', toJson(metrics));
  }

  /** @param bytes a whole safetensors file */
  writeWeights(which: 'best' | 'last', bytes: Uint8Array): Promise<void> {
    return this.write(which === 'best' ? BEST : LAST, bytes);
  }

  /** Writes a picture as NAME.svg and NAME.png. */
  async writePicture(name: string, { svg, png }: Picture): Promise<void> {
    await this.write(`${name}.svg`, svg);
    await this.write(`${name}.png`, png);
  }

  /**
   * Writes metrics.json, predictions.csv and the confusion matrix of an evaluation, in place of an older one of that name.
   * @returns their folder, `evaluate/NAME`
   */
  async writeEvaluation(name: string, { metrics, intervals, videos, predictions }: Evaluation): Promise<string> {
    const dir = this.path(join('evaluate', name));
    try {
      mkdirSync(dir, { recursive: true });
    } catch (error) {
      throw writeError(dir, error);
    }
    const { drawConfusion } = await import('../reports/charts/matrix');
    await this.write(
      join('evaluate', name, 'metrics.json'),
      toJson({ ...metrics, intervals, ...(videos && { videos }) }),
    );
    await this.write(join('evaluate', name, 'predictions.csv'), predictions);
    await this.writePicture(join('evaluate', name, 'confusion_matrix'), await drawConfusion(metrics));
    return dir;
  }

  /** What the run's numbers rest on, besides args.json. */
  writeManifest(manifest: Manifest): Promise<void> {
    return this.write('manifest.json', toJson(manifest));
  }

  /** Any further file of the run, such as its label graph. */
  async write(name: string, content: string | Uint8Array): Promise<void> {
    try {
      const data =
        typeof content === 'string' ? content : Buffer.from(content.buffer, content.byteOffset, content.length);
      await writeFileAtomic(this.path(name), data);
    } catch (error) {
      throw writeError(this.path(name), error);
    }
  }

  /** Appends a line, with the time, to run.log. */
  log(line: string): void {
    try {
      appendFileSync(this.path('run.log'), `${new Date().toISOString()} ${line}\n`);
    } catch (error) {
      throw writeError(this.path('run.log'), error);
    }
  }

  /** Gives the folder back if no epoch and no checkpoint was written: a run that failed at its start is no run. */
  abandon(): void {
    if (['results.csv', BEST, LAST].some((name) => existsSync(this.path(name)))) return;
    for (const name of ['args.json', 'run.log', 'manifest.json', 'adj.safetensors', 'emb.safetensors']) {
      rmSync(this.path(name), { force: true });
    }
    for (const dir of [this.path('weights'), this.dir]) {
      try {
        rmdirSync(dir);
      } catch {
        return; // It holds something of its owner's.
      }
    }
  }
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
    args: { ...parseRunArgs(readJson(args), args), saved_model: dir },
    rows: existsSync(results) ? parseResults(readFileSync(results, 'utf8'), results) : [],
    metrics: existsSync(metrics) ? parseMetrics(readJson(metrics), metrics) : null,
  };
}

/**
 * The bytes of a run's weights.
 * @throws InputError if they are not there
 */
export function readWeights({ dir }: Run, which: 'best' | 'last'): Uint8Array {
  const file = join(dir, which === 'best' ? BEST : LAST);
  if (lookAt(file) !== 'a file') {
    throw new InputError(`${file}: no such file; the run has not come to the end of an epoch, or was moved in part`);
  }
  return readFileSync(file);
}

function parseRunArgs(value: Record<string, unknown>, file: string): RunArgs {
  const { classes, kernels = {}, ...rest } = value;
  if (!Array.isArray(classes) || classes.length === 0 || !classes.every((name) => typeof name === 'string')) {
    throw new InputError(`${file}: expected the classes' names as classes, found ${JSON.stringify(classes)}`);
  }
  if (!isTable(kernels)) {
    throw new InputError(`${file}: expected names of tiles as kernels, found ${JSON.stringify(kernels)}`);
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

function parseMetrics(value: Record<string, unknown>, file: string): RunMetrics {
  for (const name of ['accuracy', 'macro_f1', 'best_epoch']) {
    if (typeof value[name] !== 'number') {
      throw new InputError(`${file}: expected a number as ${name}, found ${JSON.stringify(value[name])}`);
    }
  }
  return value as unknown as RunMetrics;
}

function readJson(file: string): Record<string, unknown> {
  let value: unknown;
  if (lookAt(file) !== 'a file') throw new InputError(`${file}: expected a file, found ${lookAt(file)}`);
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new InputError(`${file}: expected JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null) {
    throw new InputError(`${file}: expected a JSON object, found ${JSON.stringify(value)}`);
  }
  return value as Record<string, unknown>;
}

/** NaN, which JSON lacks, becomes null. */
const toJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** A full disk is the machine's fault; a path that may not be written is the caller's. */
function writeError(path: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO') {
    return new MachineError(`${path}: cannot be written: ${message}; make room on the disk`);
  }
  return new InputError(`${path}: cannot be written: ${message}; check --saved_model and its permissions`);
}
