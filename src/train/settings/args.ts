// Everything that changes a run's numbers, in one plain object: what a run folder's args.json holds. A theme a file.
import { AUGMENTATION, type AugmentationArgs, checkAugmentation } from './augmentation';
import { DATA, type DataArgs, readClasses } from './data';
import { checkLoss, LOSS, type LossArgs, usualClassWeights } from './loss';
import { MACHINE, type MachineArgs } from './machine';
import { checkNetwork, NETWORK, type NetworkArgs, usualImageSize, usualVectors } from './network';
import { checkOptimization, OPTIMIZATION, type OptimizationArgs, usualOfOptimizer } from './optimization';
import { RECIPE, type RecipeArgs, withRecipe } from './recipes';
import { checkRun, RUN, type RunFolderArgs } from './run';
import { readSettings, resolvePaths } from './settings';

/** Settings of a training run. The names are the original program's flags where it has them. Paths are absolute. */
export interface TrainArgs
  extends DataArgs,
    RecipeArgs,
    NetworkArgs,
    LossArgs,
    OptimizationArgs,
    AugmentationArgs,
    MachineArgs,
    RunFolderArgs {}

/** The settings by theme, as the help has them. */
export const TRAIN_THEMES = {
  Data: DATA,
  Recipe: RECIPE,
  Network: NETWORK,
  Loss: LOSS,
  Optimization: OPTIMIZATION,
  'Order and augmentation': AUGMENTATION,
  Machine: MACHINE,
  Run: RUN,
} as const;

/** Kinds, defaults and help of all settings: the command line and the checks follow from it. null: what suits the others. */
export const TRAIN_SETTINGS = {
  ...DATA,
  ...RECIPE,
  ...NETWORK,
  ...LOSS,
  ...OPTIMIZATION,
  ...AUGMENTATION,
  ...MACHINE,
  ...RUN,
};

/**
 * Checked settings out of whatever was given (texts of a command line or typed values), with the defaults, and with
 * absolute paths. Looks at no file but for the names of class folders; see `checkInputs`.
 *
 * @throws InputError naming the setting, what was expected and what was found
 * @example
 * const args = readTrainArgs({ image_dir: 'faces', data: 'faces/training.csv', saved_model: 'run2', lr: '0.003' });
 * args.lr; // 0.003
 * args.epochs > 0; // true
 */
export function readTrainArgs(all: Readonly<Record<string, unknown>>): TrainArgs {
  const given = withRecipe(all);
  const read = readSettings(TRAIN_SETTINGS, given);
  const settled = { ...read, ...readClasses(read, given) };
  const usual = dependentDefaults(settled);
  const args = {
    ...settled,
    image_size: read.image_size ?? usual.image_size,
    emb: read.emb ?? usual.emb,
    class_weights: read.class_weights ?? usual.class_weights,
    momentum: read.momentum ?? usual.momentum,
    betas: read.betas ?? usual.betas,
    eps: read.eps ?? usual.eps,
  };
  checkNetwork(args);
  checkLoss(args);
  checkOptimization(args);
  checkAugmentation(args);
  checkRun(args);
  return resolvePaths(TRAIN_SETTINGS, args);
}

/** The defaults that follow from other settings. Of the optimizer's own settings those of other optimizers are null. */
export function dependentDefaults(
  of: Pick<TrainArgs, 'dataset' | 'num_classes' | 'network' | 'model' | 'optimizer'>,
): Pick<TrainArgs, 'image_size' | 'emb' | 'class_weights' | 'momentum' | 'betas' | 'eps'> {
  return {
    image_size: usualImageSize(of),
    emb: usualVectors(of),
    class_weights: usualClassWeights(of),
    ...usualOfOptimizer(of.optimizer),
  };
}
