import { InputError } from '../../base/errors';
import { hashOf } from '../../data/data_hash';
import { lookAt } from '../../data/files';
import { readTrainArgs, type TrainArgs } from '../settings/args';
import { readManifest } from './manifest';
import { type Run, type RunArgs, readRun } from './read_run';
import type { RunFolder } from './run_folder';
import { toJson } from './write';

/**
 * The settings that may differ on `--resume`, always or where a rule allows it: those that change nothing that the run
 * has computed so far. All others are the run's own.
 */
export const MAY_DIFFER: {
  readonly [name in keyof TrainArgs]?: true | ((own: TrainArgs, wanted: TrainArgs, dir: string) => boolean);
} = {
  image_dir: true,
  // Where they are now, if they are the same.
  data: (own, wanted, dir) => same(dir, own.data, wanted.data),
  val_data: (own, wanted, dir) => same(dir, own.val_data, wanted.val_data),
  saved_model: true,
  workers: true,
  gpu: true,
  // The run's kernels stay, whatever is measured.
  tune: true,
  cache: true,
  cache_limit: true,
  verify: true,
  save_minutes: true,
  save_every: true,
  keep: true,
  max_hours: true,
  tensorboard: true,
  on_nan: true,
  // The cosine's whole course hangs on their number.
  epochs: (own, wanted) => own.schedule === 'step' && wanted.epochs > own.epochs,
  rank_timeout: true,
};

/**
 * The run to go on with, its settings overruled by those in `given` that may differ.
 * @throws InputError as `readRun`; or naming a setting that differs from the run's
 * @example
 * const run = readRunToResume('run1', { epochs: 2 });
 * run.args.epochs; // 2
 * const more = new Trainer(run.args, { resume: run });
 */
export function readRunToResume(dir: string, given: Readonly<Record<string, unknown>>): Run {
  const run = readRun(dir);
  const { kernels, format_version, ...own } = run.args;
  // Where they are the data set's own, they follow from it.
  const classes = own.num_classes === null ? own.classes : null;
  const wanted = readTrainArgs({ ...own, classes, ...given });
  for (const name of Object.keys(given) as (keyof TrainArgs)[]) {
    const rule = MAY_DIFFER[name];
    const [a, b] = [own[name], wanted[name]].map((value) => JSON.stringify(value));
    if (a === b || (typeof rule === 'function' ? rule(own, wanted, run.dir) : rule)) continue;
    throw new InputError(
      `--${name} ${wanted[name]} differs from the run's own ${own[name]} (${run.dir}/args.json); ` +
        `resume without it, or start another run (what may differ: ${Object.keys(MAY_DIFFER).join(', ')}; ` +
        'data and val_data where the annotations are the same, by the hash in manifest.json)',
    );
  }
  const args: RunArgs = { format_version, ...wanted, saved_model: run.dir, kernels };
  return { ...run, args };
}

/** Whether annotations have the hash that the run's manifest has of its own. */
function same(dir: string, own: string | null, wanted: string | null): boolean {
  if (own === null || wanted === null || lookAt(wanted) === 'nothing') return false;
  return readManifest(dir)?.data[own] === hashOf(wanted);
}

/** Writes down what a run goes on with, so that the next resume needs not be told again: args.json, and moved data in manifest.json. */
export async function writeResumed(folder: RunFolder, args: RunArgs): Promise<void> {
  const own = readRun(folder.dir).args;
  const manifest = readManifest(folder.dir);
  if (manifest) {
    const data = { ...manifest.data };
    for (const name of ['data', 'val_data'] as const) {
      const [before, now] = [own[name], args[name]];
      if (before !== null && now !== null) data[now] = manifest.data[before];
    }
    await folder.write('manifest.json', toJson({ ...manifest, data }));
  }
  await folder.writeArgs(args);
}
