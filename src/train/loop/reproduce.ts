// Runs the first steps of a run again, and compares the hashes of its state.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../base/errors';
import { temporaryFolder } from '../../data/files';
import { type HashRow, readHashes } from '../run/hashes';
import { differences, readManifest } from '../run/manifest';
import { type Run, readRun } from '../run/read_run';
import { readTrainArgs, type TrainArgs } from '../settings/args';
import { checkInputs } from '../settings/places';
import type { TrainHooks } from './events';
import { Trainer } from './trainer';

/** What came of it. */
export interface Reproduction {
  /** Rows that are equal, from the first on. */
  readonly equal: readonly HashRow[];
  /** The first row that differs, as the run has it and as it is now; null: it has none there, for its epochs have other lengths. */
  readonly different: { readonly was: HashRow; readonly is: HashRow | null } | null;
  /** Where there is one: what is recorded of both and differs, in words. */
  readonly causes: readonly string[];
}

/**
 * Trains the first steps of a run anew, in a folder that is gone afterwards: by its settings, its kernels, its label graph and word
 * vectors as it has kept them. Ends at the first hash that differs.
 *
 * @param steps at least so many, up to the next row of hashes.csv
 * @param moved settings that are others now: where things are, and on what is computed
 * @throws InputError if the run has no hashes, or what it learnt from is not there any more; `signal`'s reason once that is aborted
 */
export async function reproduce(
  run: Run,
  steps: number,
  moved: Readonly<Record<string, unknown>>,
  hooks: TrainHooks,
  signal: AbortSignal,
): Promise<Reproduction> {
  const rows = readHashes(run.dir);
  if (rows.length === 0)
    throw new InputError(
      `${run.dir}: no hashes.csv to compare with: the run was made by a version without, or has not begun to learn`,
    );
  // A run that was begun by a checkpoint has its epochs behind it.
  const start = run.args.checkpoint === null ? 0 : rows[0].step;
  const last = (rows.find(({ step }) => step >= start + steps) ?? rows[rows.length - 1]).step;
  const wanted = rows.filter(({ step }) => step <= last);
  const dir = temporaryFolder('reproduce');
  const stop = new AbortController();
  const equal: HashRow[] = [];
  let different: Reproduction['different'] = null;
  const onHash = (is: HashRow): void => {
    const was = wanted[equal.length];
    // Of a device that was lost, or one that the run has not.
    if (stop.signal.aborted || is.step < was.step) return;
    if (is.step === was.step && is.hash === was.hash) equal.push(is);
    else different = { was, is: is.step === was.step ? is : null };
    if (different || equal.length === wanted.length) stop.abort();
  };
  try {
    const args = argsOf(run, moved, join(dir, 'run'));
    const { kernels, format_version: formatVersion } = run.args;
    const trainer = new Trainer(args, { hooks: { ...hooks, onHash }, kernels, formatVersion });
    await trainer.run(AbortSignal.any([signal, stop.signal]));
    signal.throwIfAborted();
    if (equal.length < wanted.length) different ??= { was: wanted[equal.length], is: null };
    return { equal, different, causes: different ? causesOf(run, args) : [] };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** @throws InputError if what the run learnt from is not there */
function argsOf(
  { args: { kernels: _, format_version: __, ...own }, dir }: Run,
  moved: object,
  saved_model: string,
): TrainArgs {
  const kept = (name: 'adj' | 'emb'): string | null => {
    const file = join(dir, `${name}.safetensors`);
    return existsSync(file) ? file : own[name];
  };
  // Its kernels are taken; where it had none measured, none are.
  const args = readTrainArgs({
    ...own,
    ...moved,
    adj: kept('adj'),
    emb: kept('emb'),
    tune: false,
    keep: 0,
    max_hours: 0,
    tensorboard: false,
    saved_model,
  });
  try {
    checkInputs(args);
  } catch (error) {
    const hint = 'if the data were moved, give --image_dir, --data and --val_data as they are now';
    throw error instanceof InputError ? new InputError(`${error.message}; ${hint}`) : error;
  }
  return args;
}

function causesOf(run: Run, args: TrainArgs): string[] {
  const [now, before] = [args.saved_model, run.dir].map(readManifest);
  if (!now || !before) return [`${run.dir} has no manifest.json to compare with`];
  const kernels = [readRun(args.saved_model), run].map((of) => JSON.stringify(of.args.kernels));
  const found = differences(now, args, before, run.args);
  if (kernels[0] !== kernels[1])
    found.push('kernels: this adapter lacks some that the run had measured as the fastest');
  return found;
}
