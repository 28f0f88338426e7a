// The run folder: the only thing that a training leaves behind, and all that evaluation, prediction and resuming need.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from '../../base/errors';
import { lookAt } from '../../data/files';
import type { TileTable } from '../../kernels/variant';
import type { StateEntry } from '../../models';
import type { Metrics } from '../measures/metrics';
import type { Picture } from '../reports/charts/canvas';
import { readTrainArgs, type TrainArgs } from '../settings/args';
import type { Manifest } from './manifest';
import { type EpochRow, formatResults, parseResults } from './results';
import { toJson, writeError, writeRunFile } from './write';

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

/** What is drawn of a run, each as .svg and .png. */
export const PICTURES = ['results', 'confusion_matrix', 'valence_arousal', 'label_graph'] as const;

/** Every file that a run may write but those of its evaluations, which lie in evaluate/NAME/. */
const FILES = [
  'args.json',
  'manifest.json',
  'run.log',
  'results.csv',
  'metrics.json',
  'predictions.csv',
  'adj.safetensors',
  'emb.safetensors',
  'trace.json',
  BEST,
  LAST,
  ...PICTURES.flatMap((name) => [`${name}.svg`, `${name}.png`] as const),
] as const;

/** A file of a run, by its path in the folder. */
export type RunFile = (typeof FILES)[number];

export const EVALUATIONS = 'evaluate';

/** The names that a run takes in its folder. */
const NAMES: ReadonlySet<string> = new Set([...FILES.map((file) => file.split('/')[0]), EVALUATIONS]);

/**
 * What keeps a new run out of a folder: a name in it that the run would write; undefined: nothing.
 * @throws InputError if the folder cannot be read
 */
export function takenName(dir: string): string | undefined {
  try {
    return readdirSync(dir).find((name) => NAMES.has(name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR' && existsSync(dir))
      throw new InputError(`${dir}: expected a folder or nothing there, found a file; check --saved_model`);
    throw writeError(dir, error);
  }
}

/** @throws InputError if `file`, which a person named with --out, is one of a run's own, or a link to one */
export function checkNotOfRun(file: string): void {
  const place = resolve(file);
  const folder = dirname(place);
  checkPlace(file, existsSync(folder) ? join(realpathSync(folder), basename(place)) : place);
  if (existsSync(place)) checkPlace(file, realpathSync(place));
}

function checkPlace(file: string, place: string): void {
  let [dir, name] = [dirname(place), basename(place)];
  for (; ; [dir, name] = [dirname(dir), `${basename(dir)}/${name}`]) {
    const own = (FILES as readonly string[]).includes(name) || (name.startsWith(`${EVALUATIONS}/`) && existsSync(file));
    if (own && existsSync(join(dir, 'args.json')))
      throw new InputError(`--out ${file}: ${name} is a file of the run in ${dir}; give another name`);
    if (dir === dirname(dir)) return;
  }
}

/** Writes a run folder. Every file is replaced as a whole, so that a reader or a crash never meets half of one. */
export class RunFolder {
  /** What a new run has made, in order. */
  private readonly made = new Map<string, 'file' | 'folder'>();

  private constructor(
    readonly dir: string,
    /** The run was begun before: what the folder holds is its own. */
    readonly resumed: boolean,
  ) {}

  /**
   * Starts a run: makes the folder if need be and claims it by writing args.json.
   * @throws InputError if a run is there already, or anything of a name that the run will write; or the folder cannot be made
   */
  static create(args: RunArgs): RunFolder {
    const folder = new RunFolder(resolve(args.saved_model), false);
    folder.checkFree();
    const args_json = folder.path('args.json');
    try {
      folder.makeFolder(folder.dir);
      // Exclusive: of two runs that start at once, one is refused.
      writeFileSync(args_json, toJson(args), { flag: 'wx' });
      folder.made.set(args_json, 'file');
      folder.makeFolder(folder.path('weights'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') folder.checkFree();
      folder.abandon();
      throw writeError(folder.dir, error);
    }
    return folder;
  }

  /** @throws InputError naming what the run would write over */
  private checkFree(): void {
    const name = takenName(this.dir);
    if (name === undefined) return;
    if (existsSync(this.path(LAST)))
      throw new InputError(
        `${this.dir} holds a run already; go on with it by --resume, or give another --saved_model` +
          ' (or delete the folder)',
      );
    if (['args.json', 'results.csv', BEST].some((file) => existsSync(this.path(file))))
      throw new InputError(
        `${this.dir} holds a run already, without a checkpoint to resume from: its first epoch is under way, or was broken off; ` +
          'if it is not running any more, delete the folder, or give another --saved_model',
      );
    throw new InputError(
      `${this.dir} holds ${name}, a name that the run would write; move it away, or give another --saved_model`,
    );
  }

  private makeFolder(dir: string): void {
    const first = mkdirSync(dir, { recursive: true });
    if (first === undefined) return;
    const made = [dir];
    while (made[0] !== first) made.unshift(dirname(made[0]));
    for (const path of made) this.made.set(path, 'folder');
  }

  /** Goes on with a run that `readRun` has read. */
  static reopen({ dir }: Run): RunFolder {
    return new RunFolder(dir, true);
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
  async writePicture(name: (typeof PICTURES)[number], { svg, png }: Picture): Promise<void> {
    await this.write(`${name}.svg`, svg);
    await this.write(`${name}.png`, png);
  }

  /** What the run's numbers rest on, besides args.json. */
  writeManifest(manifest: Manifest): Promise<void> {
    return this.write('manifest.json', toJson(manifest));
  }

  /** Any further file of the run, such as its label graph. */
  async write(name: RunFile, content: string | Uint8Array): Promise<void> {
    this.made.set(this.path(name), 'file');
    await writeRunFile(this.path(name), content);
  }

  /** Appends a line, with the time, to run.log. */
  log(line: string): void {
    this.made.set(this.path('run.log'), 'file');
    try {
      appendFileSync(this.path('run.log'), `${new Date().toISOString()} ${line}\n`);
    } catch (error) {
      throw writeError(this.path('run.log'), error);
    }
  }

  /**
   * Of a new run: gives the folder back if no epoch and no checkpoint was written, for a run that failed at its start is no run.
   * What the run has not written itself stays.
   */
  abandon(): void {
    if (this.resumed || ['results.csv', BEST, LAST].some((name) => this.made.has(this.path(name)))) return;
    for (const [path, kind] of [...this.made].reverse()) {
      try {
        if (kind === 'file') rmSync(path, { force: true });
        else rmdirSync(path);
      } catch {
        // A folder that holds something of its owner's.
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
    throw new InputError(
      `${file}: no such file; the run has not come to the end of an epoch (then delete its folder and train anew), or was moved in part`,
    );
  }
  return file;
}

/**
 * The bytes of a run's weights.
 * @throws InputError if they are not there
 */
export const readWeights = (run: Run, which: 'best' | 'last'): Uint8Array => readFileSync(weightsFile(run, which));

/**
 * Reads an args.json.
 * @throws InputError naming the file: none, a damaged one, or an entry that is no setting or has no value of its kind
 */
export function readRunArgs(file: string): RunArgs {
  const { classes, kernels = {}, ...rest } = readJson(file);
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

function parseMetrics(value: Record<string, unknown>, file: string): RunMetrics {
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
  let value: unknown;
  if (lookAt(file) !== 'a file') throw new InputError(`${file}: expected a file, found ${lookAt(file)}`);
  const { size } = statSync(file);
  if (size > MAX_JSON) throw new InputError(`${file}: expected at most ${MAX_JSON} bytes, found ${size}`);
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new InputError(`${file}: expected JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError(`${file}: expected a JSON object, found ${show(value)}`);
  }
  return value as Record<string, unknown>;
}
