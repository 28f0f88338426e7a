import { InputError } from '../../base/errors';
import { readTrainArgs, type TrainArgs } from '../settings/args';
import { type Run, type RunArgs, readRun } from './run_folder';

/**
 * The settings that may differ on `--resume`, always or where a rule allows it: those that change nothing that the run
 * has computed so far. All others are the run's own.
 */
const MAY_DIFFER: { readonly [name in keyof TrainArgs]?: true | ((own: TrainArgs, wanted: TrainArgs) => boolean) } = {
  image_dir: true,
  saved_model: true,
  workers: true,
  gpu: true,
  // The run's kernels stay, whatever is measured.
  tune: true,
  cache: true,
  // The cosine's whole course hangs on their number.
  epochs: (own, wanted) => own.schedule === 'step' && wanted.epochs > own.epochs,
};

/**
 * The run to go on with, its settings overruled by those in `given` that may differ.
 * @throws InputError as `readRun`; or naming a setting that differs from the run's
 */
export function readRunToResume(dir: string, given: Readonly<Record<string, unknown>>): Run {
  const run = readRun(dir);
  const { classes, kernels, ...own } = run.args;
  const wanted = readTrainArgs({ ...own, ...given });
  for (const name of Object.keys(given) as (keyof TrainArgs)[]) {
    const rule = MAY_DIFFER[name];
    const [a, b] = [own[name], wanted[name]].map((value) => JSON.stringify(value));
    if (a === b || (typeof rule === 'function' ? rule(own, wanted) : rule)) continue;
    throw new InputError(
      `--${name} ${wanted[name]} differs from the run's own ${own[name]} (${run.dir}/args.json); ` +
        `resume without it, or start another run (what may differ: ${Object.keys(MAY_DIFFER).join(', ')})`,
    );
  }
  const args: RunArgs = { ...wanted, saved_model: run.dir, classes, kernels };
  return { ...run, args };
}
