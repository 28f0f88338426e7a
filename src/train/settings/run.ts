// What a run keeps, and when it ends.
import { InputError } from '../../base/errors';
import { BEST_BY, type BestBy } from './best';
import type { NetworkArgs } from './network';
import { choice, orNone, path, real, type Settings, toggle, whole } from './settings';

export interface RunFolderArgs {
  /** The run folder. */
  saved_model: string;
  /** Minutes of an epoch after which a checkpoint is written; 0: none by time. */
  save_minutes: number;
  /** Batches after which a checkpoint is written; null: none by number. */
  save_every: number | null;
  /** The last epochs whose weights are kept, each in a file of its own. */
  keep: number;
  /** Hours after which the run is saved and ends, to be resumed; 0: none. */
  max_hours: number;
  /** Tells TensorBoard, in event files of the run folder. */
  tensorboard: boolean;
  /** What makes an epoch the best, whose weights are kept: see `isBetter`. */
  best: BestBy;
  /** Epochs without a better one, by `best`, after which training ends. */
  patience: number;
  /** After a step whose loss or gradients are not finite, which changes nothing: the run stops, or goes on without it. */
  on_nan: 'stop' | 'skip';
  /** Seconds that a rank may live without progress while the others wait; ten times the longest step, if that is more. */
  rank_timeout: number;
}

export const RUN: Settings<RunFolderArgs> = {
  saved_model: { kind: path('DIR', 'the run folder'), help: 'run folder: weights, metrics, pictures, log' },
  save_minutes: {
    kind: real(0),
    default: 10,
    help: 'minutes after which a checkpoint is written in the middle of an epoch, while training goes on; 0: never',
  },
  save_every: {
    kind: orNone(whole(1)),
    default: null,
    help: 'batches after which a checkpoint is written in the middle of an epoch; default: by --save_minutes alone',
  },
  keep: {
    kind: whole(0),
    default: 0,
    help: 'keep the weights of the last N epochs too, as weights/epoch_0007.safetensors',
  },
  max_hours: {
    kind: real(0),
    default: 0,
    help: 'hours after which the run is saved and ends (exit code 0), to go on by --resume, which has as many again; 0: any',
  },
  tensorboard: {
    kind: toggle,
    default: false,
    help: 'write event files for TensorBoard into the run folder: scalars, histograms of weights and gradients, pictures',
  },
  best: {
    kind: choice(...BEST_BY),
    default: 'accuracy',
    help: 'which weights are kept: of the highest validation accuracy (of equals the lowest loss), the lowest loss, or the highest mean ccc',
  },
  patience: { kind: whole(1), default: 10, help: 'epochs without a better one, by --best, before training ends' },
  on_nan: {
    kind: choice('stop', 'skip'),
    default: 'stop',
    help: 'after a step whose loss or gradients are not finite, which changes nothing: stop, saved as before it, or skip it',
  },
  rank_timeout: {
    kind: whole(1),
    default: 600,
    help: 'seconds that a rank of an mpirun may live without progress while the others wait (never under ten times the longest step); a dead one is found in 15',
  },
};

/** @throws InputError for a measure that the model has not */
export function checkRun({ best, model }: Pick<RunFolderArgs & NetworkArgs, 'best' | 'model'>): void {
  if (model === 'single_task' && best === 'ccc') {
    throw new InputError('--best ccc expects a model with valence and arousal, found single_task');
  }
}
