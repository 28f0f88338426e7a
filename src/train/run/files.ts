// The names in a run folder.
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from '../../base/errors';
import { LOCK } from './lock';
import { writeError } from './write';

/** With it a run is there. */
export const ARGS = 'args.json';
export const BEST = 'weights/best.safetensors';
export const LAST = 'weights/last.safetensors';
/** The checkpoint before the last. */
export const PREVIOUS = 'weights/previous.safetensors';

/** The weights of an epoch, from 1, that a run keeps with `keep`. */
export type EpochFile = `weights/epoch_${string}.safetensors`;
export const epochFile = (epoch: number): EpochFile => `weights/epoch_${String(epoch).padStart(4, '0')}.safetensors`;

/** Which epoch a file of a run has the weights of, from 1; undefined: of none. */
export function epochOf(name: string): number | undefined {
  const epoch = Number(/^weights\/epoch_(\d{4,9})\.safetensors$/.exec(name)?.[1]);
  return epochFile(epoch) === name ? epoch : undefined;
}

/** What a run tells TensorBoard, a file each time that it goes on: found by its name, and read in the order of names. */
export type EventsFile = `events.out.tfevents.${string}`;
export const eventsFile = (n: number): EventsFile => `events.out.tfevents.${String(n).padStart(6, '0')}`;

/** Which of a run's event files a name is, from 1; undefined: none. */
export function eventsOf(name: string): number | undefined {
  const n = Number(/^events\.out\.tfevents\.(\d{6,9})$/.exec(name)?.[1]);
  return eventsFile(n) === name ? n : undefined;
}

/** A row a batch: see `StepRow`. */
export const STEPS = 'steps.csv';

/** A line an epoch: see `PageLayers`. */
export const LAYERS = 'layers.jsonl';

/** Files with lines that a run appends as it goes on; a resume cuts off those behind its checkpoint. */
export type Appended = typeof STEPS | typeof LAYERS;

/** The page with the run inside. */
export const REPORT = 'report.html';

/** What is drawn of a run, each as .svg and .png. */
export const PICTURES = [
  'results',
  'confusion_matrix',
  'reliability',
  'valence_arousal',
  'label_graph',
  'gradcheck',
] as const;

/**
 * Every file that a run may write but epochs' weights (`EpochFile`), event files (`EventsFile`), and those of its evaluations, which lie in
 * evaluate/NAME/.
 */
export const FILES = [
  ARGS,
  'manifest.json',
  'run.log',
  'results.csv',
  STEPS,
  LAYERS,
  'hashes.csv',
  'metrics.json',
  'predictions.csv',
  'adj.safetensors',
  'emb.safetensors',
  'trace.json',
  'profile.json',
  REPORT,
  'gradcheck.json',
  BEST,
  LAST,
  PREVIOUS,
  LOCK,
  ...PICTURES.flatMap((name) => [`${name}.svg`, `${name}.png`] as const),
] as const;

/** A file of a run, by its path in the folder. */
export type RunFile = (typeof FILES)[number] | EpochFile | EventsFile;

export const isRunFile = (name: string): name is RunFile =>
  (FILES as readonly string[]).includes(name) || epochOf(name) !== undefined || eventsOf(name) !== undefined;

export const EVALUATIONS = 'evaluate';

/** The names that a run takes in its folder. */
const NAMES: ReadonlySet<string> = new Set([...FILES.map((file) => file.split('/')[0]), EVALUATIONS]);

/**
 * What keeps a new run out of a folder: the names in it that the run would write.
 * @throws InputError if the folder cannot be read
 */
export function takenNames(dir: string): string[] {
  try {
    return readdirSync(dir).filter((name) => NAMES.has(name) || eventsOf(name) !== undefined);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    if (code === 'ENOTDIR' && existsSync(dir))
      throw new InputError(`${dir}: expected a folder or nothing there, found a file; check --saved_model`);
    throw writeError(dir, error);
  }
}

/** @throws InputError naming what a new run in a folder would write over */
export function checkFree(dir: string): void {
  // An empty lock is one that a killed program was making.
  const [name] = takenNames(dir).filter((name) => name !== LOCK || statSync(join(dir, name)).size > 0);
  if (name === undefined) return;
  if ([ARGS, LAST].some((file) => existsSync(join(dir, file))))
    throw new InputError(
      `${dir} holds a run already; go on with it by --resume, or give another --saved_model (or delete the folder)`,
    );
  throw new InputError(
    `${dir} holds ${name}, a name that the run would write; move it away, or give another --saved_model`,
  );
}

/** @throws InputError if `file`, which a person named with --out or another flag, is one of a run's own, or a link to one */
export function checkNotOfRun(file: string, flag = 'out'): void {
  const place = resolve(file);
  const folder = dirname(place);
  checkPlace(file, flag, existsSync(folder) ? join(realpathSync(folder), basename(place)) : place);
  if (existsSync(place)) checkPlace(file, flag, realpathSync(place));
}

function checkPlace(file: string, flag: string, place: string): void {
  let [dir, name] = [dirname(place), basename(place)];
  for (; ; [dir, name] = [dirname(dir), `${basename(dir)}/${name}`]) {
    const own = NAMES.has(name) || isRunFile(name) || (name.startsWith(`${EVALUATIONS}/`) && existsSync(file));
    if (own && existsSync(join(dir, ARGS)))
      throw new InputError(`--${flag} ${file}: ${name} is a file of the run in ${dir}; give another name`);
    if (dir === dirname(dir)) return;
  }
}
