// A run's args.json as the defaults of another run.
import { join, resolve } from 'node:path';
import { InputError } from '../../base/errors';
import { lookAt } from '../../data/files';
import type { TileTable } from '../../kernels/variant';
import { dependentDefaults, readTrainArgs, type TrainArgs } from '../settings/args';
import { OF_OPTIMIZERS } from '../settings/optimization';
import { withRecipe } from '../settings/recipes';
import { readRunArgs } from './read_run';

/** Settings of which a run has one: who is given one leaves the run's other. */
const RIVALS = {
  ...({ pretrained: 'checkpoint', checkpoint: 'pretrained' } as const),
  ...({ classes: 'num_classes', num_classes: 'classes' } as const),
};

/**
 * Settings that repeat a run, but for those in `given`, among which `saved_model` must be, the new run's folder. What the run has as
 * a default that follows from other settings (`dependentDefaults`) follows from the new ones, and what only its optimizer has goes
 * with that optimizer.
 *
 * @param path the args.json of a run, or its folder
 * @returns also the run's measured kernels, for `TrainerOptions.kernels`: none where `tune` is given
 * @throws InputError naming the file, as `readRun`, or the setting
 * @example
 * const { args, kernels } = readRunToRepeat('run1', { saved_model: 'run3', lr: 0.01 });
 * args.lr; // 0.01
 * const again = new Trainer(args, { kernels });
 */
export function readRunToRepeat(
  path: string,
  given: Readonly<Record<string, unknown>>,
): { args: TrainArgs; kernels: TileTable } {
  const file = lookAt(path) === 'a folder' ? join(path, 'args.json') : path;
  if (lookAt(file) !== 'a file')
    throw new InputError(`--config expects the args.json of a run, found ${lookAt(file)} at ${resolve(file)}`);
  const { kernels, saved_model: _, format_version: __, ...own } = readRunArgs(resolve(file));
  const news = withRecipe(given);
  const merged: Record<string, unknown> = { ...own, ...news };
  const follows = (name: string): void => {
    if (!(name in news)) delete merged[name];
  };
  // Where they are the data set's own, they follow from it.
  if (own.num_classes !== null) follows('classes');
  for (const [name, usual] of Object.entries(dependentDefaults(own)))
    if (JSON.stringify(own[name as keyof typeof own]) === JSON.stringify(usual)) follows(name);
  const usual = dependentDefaults(merged as unknown as TrainArgs);
  for (const name of OF_OPTIMIZERS) if (usual[name] === null) follows(name);
  for (const [name, rival] of Object.entries(RIVALS)) if (name in news) follows(rival);
  return { args: readTrainArgs(merged), kernels: news.tune === undefined ? kernels : {} };
}
