import { InputError } from '../../base/errors';
import { readTrainArgs, type TrainArgs } from '../settings/args';
import { type Run, type RunArgs, readRun } from './run_folder';

/** May differ from the run's own: they do not change its numbers. (`epochs` too, see below.) */
const FREE: ReadonlySet<string> = new Set(['workers', 'gpu', 'tune', 'cache', 'image_dir', 'saved_model']);

/**
 * The run to go on with, its settings overruled by those in `given` that do not change what it computes: workers, gpu, tune
 * (the run's kernels stay), cache, image_dir, and more epochs unless the schedule depends on their number.
 *
 * @throws InputError as `readRun`; or naming a setting that differs from the run's
 */
export function readRunToResume(dir: string, given: Readonly<Record<string, unknown>>): Run {
  const run = readRun(dir);
  const { classes, kernels, ...own } = run.args;
  const wanted = readTrainArgs({ ...own, ...given });
  const moreEpochs = own.schedule === 'step' && wanted.epochs > own.epochs;
  for (const name of Object.keys(given) as (keyof TrainArgs)[]) {
    if (wanted[name] === own[name] || FREE.has(name) || (name === 'epochs' && moreEpochs)) continue;
    throw new InputError(
      `--${name} ${wanted[name]} differs from the run's own ${own[name]} (${run.dir}/args.json); ` +
        'resume without it, or start another run',
    );
  }
  const args: RunArgs = { ...wanted, saved_model: run.dir, classes, kernels };
  return { ...run, args };
}
