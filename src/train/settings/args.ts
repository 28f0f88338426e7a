// Everything that changes a run's numbers, in one plain object: what a run folder's args.json holds.
import { resolve } from 'node:path';
import { InputError } from '../../base/errors';
import { GLOVE_HELP } from '../../data/embedding';
import { lookAt } from '../../data/files';
import { classesOf, DATASETS, type Dataset } from '../../data/labels';
import { SAMPLERS, type Sampler } from '../../data/loader';
import { CLASS_WEIGHTS, type ClassWeights } from '../../data/samples';
import { imageSizeWanted } from '../../models/config';
import { BEST_BY, type BestBy } from './best';
import { choice, type Kind, orNone, readSettings, real, type Settings, shares, text, toggle, whole } from './settings';

/** Settings of a training run. The names are the original program's flags where it has them. Paths are absolute. */
export interface TrainArgs {
  /** Folder below which the annotation files' images are. */
  image_dir: string;
  /** Annotations of the training samples: a file, or Aff-Wild2's folder. */
  data: string;
  /** Annotations of the validation samples; null: those in `data`, or a part of it, split off by `seed`. */
  val_data: string | null;
  /** Share of the samples that is split off for validation where there are no other. */
  val_fraction: number;
  dataset: Dataset;
  /** Classes that are told apart: 7, or 8 with AffectNet's contempt. */
  num_classes: number;
  network: 'densenet' | 'bregnext';
  model: 'emotion_gcn' | 'single_task' | 'multi_task';
  /** File of the label graph; null, or a file that is not there: made from the training labels. */
  adj: string | null;
  /** File of the word vectors, or `random`; only emotion_gcn needs it. */
  emb: string | null;
  /** Weights to start from in place of random ones, wherever names and shapes fit; null: none. */
  pretrained: string | null;
  /** Checkpoint of PyTorch to go on with: weights, the optimizer's state, epoch; null: none. */
  checkpoint: string | null;
  /** Side of the network's input in pixels. */
  image_size: number;
  /** Threads that prepare images; the numbers do not depend on it. */
  workers: number;
  /** Images a step; `AUTO`: as many as fit. */
  batch_size: number;
  epochs: number;
  /** Weight of the valence/arousal loss. */
  lambda_multi: number;
  lr: number;
  /** Learning rate of the backbone, all but the heads; null: `lr`. */
  backbone_lr: number | null;
  /** Trains the heads alone: the backbone keeps its weights and normalises by its running statistics. */
  freeze_backbone: boolean;
  optimizer: 'sgd' | 'adam' | 'adamw';
  /** Of sgd; null: another optimizer. */
  momentum: number | null;
  /** Of adam and adamw: shares of the averages of gradients and of their squares that stay; null: sgd. */
  betas: readonly [number, number] | null;
  /** Of adam and adamw; null: sgd. */
  eps: number | null;
  weight_decay: number;
  /** The norm of all gradients of a step is at most this; 0: whatever it is. */
  clip_grad_norm: number;
  /** Batches whose gradients are averaged for one step of the optimizer. */
  grad_accum_steps: number;
  /** Decay of an average of the weights, which then is validated and kept as the best; 0: none. */
  ema: number;
  /** After a step whose loss or gradients are not finite, which changes nothing: the run stops, or goes on without it. */
  on_nan: 'stop' | 'skip';
  /** How the learning rate falls: see `rateFactor`. */
  schedule: 'step' | 'cosine';
  /** Of schedule step: epochs after which the rate is multiplied with `gamma`. */
  step_size: number;
  gamma: number;
  /** Steps in which the learning rate rises linearly to `lr`. */
  warmup: number;
  /** Weights of the classes in the cross entropy: AffectNet's constants, by the training set's counts, or none. */
  class_weights: ClassWeights;
  /** What makes an epoch the best, whose weights are kept: see `isBetter`. */
  best: BestBy;
  /** Epochs without a better one, by `best`, after which training ends. */
  patience: number;
  /** Random flip and rotation of the training images. */
  augment: boolean;
  /** Largest angle of that rotation, either way, in degrees. */
  rotation: number;
  /** Another order of the training images in every epoch. */
  shuffle: boolean;
  /** natural: every training image once an epoch; balanced: as many of every class. */
  sampler: Sampler;
  /** At most so many training rows an epoch; null: all. */
  limit: number | null;
  /** Largest fraction of bad rows and images that is passed over. */
  max_bad: number;
  /** Of initial weights, order, augmentation, split. */
  seed: number;
  /** How training steps store activations and their gradients; weights and all sums are f32. */
  precision: 'f32' | 'f16';
  /** Adapter by index or by a part of its name, or `software`; null: the best. */
  gpu: string | null;
  /** Measure which kernels are fastest here; null: on a GPU, not on a driver that computes on the CPU. */
  tune: boolean | null;
  /** Folder of the prepared faces, or `off`; null: one per user. */
  cache: string | null;
  /** The run folder. */
  saved_model: string;
  /** Minutes of an epoch after which a checkpoint is written; 0: none by time. */
  save_minutes: number;
  /** Batches after which a checkpoint is written; null: none by number. */
  save_every: number | null;
}

const file = (what: string) => text('FILE', `the path of ${what}`);

/** The batch size that stands for `auto`: the largest that fits, chosen as a run starts, whose args.json has it. */
export const AUTO = 0;

const orAuto = (kind: Kind<number>): Kind<number> => ({
  placeholder: `${kind.placeholder}|auto`,
  expected: `${kind.expected}, or auto`,
  read: (value) => (value === 'auto' ? AUTO : kind.read(value)),
});

/** Kinds, defaults and help of the settings that training shares with `evaluate` and `predict`. */
export const COMMON = {
  image_dir: { kind: text('DIR', 'the path of a folder'), help: "folder that the images' paths start from" },
  workers: { kind: whole(1, 256), default: 4, help: 'threads that prepare images' },
  batch_size: { kind: whole(1, 65536), default: 35, help: 'images a step' },
  max_bad: {
    kind: real(0, { most: 1 }),
    default: 0.01,
    help: 'largest fraction of bad rows and images that is passed over',
  },
  gpu: {
    kind: orNone(text('ID', 'an index, a part of an adapter name, or software')),
    default: null,
    help: 'adapter: index, part of its name, or software (see: emotion-gcn doctor); default: the best',
  },
  cache: {
    kind: orNone(text('DIR|off', 'the path of a folder, or off')),
    default: null,
    help: 'where prepared faces are kept, or off; default: a folder per user (see: emotion-gcn cache)',
  },
} as const;

/** Settings as they are given: null stands for what suits data set and network. */
type GivenArgs = Omit<TrainArgs, 'image_size' | 'class_weights'> & {
  image_size: number | null;
  class_weights: ClassWeights | null;
};

/** Kinds, defaults and help of all settings: the command line and the checks follow from it. */
export const TRAIN_SETTINGS: Settings<GivenArgs> = {
  image_dir: COMMON.image_dir,
  data: {
    kind: file('an annotation file'),
    help: "annotations: AffectNet's CSV, Aff-Wild2's annotation folder, or the original's pickle of either",
  },
  val_data: {
    kind: orNone(file('an annotation file')),
    default: null,
    help: 'validation annotations; default: those in --data, or a part of it is split off (--val_fraction)',
  },
  val_fraction: {
    kind: real(0, { excluded: true, most: 1 }),
    default: 0.1,
    help: 'share of --data that is split off for validation where there is no other',
  },
  dataset: { kind: choice(...DATASETS), default: 'affectnet', help: 'affectnet or affwild2' },
  num_classes: { kind: whole(7, 8), default: 7, help: 'classes: 7, or 8 to keep contempt of AffectNet' },
  network: {
    kind: choice('densenet', 'bregnext'),
    default: 'densenet',
    help: 'densenet (DenseNet-121) or bregnext (BReG-NeXt)',
  },
  model: {
    kind: choice('emotion_gcn', 'single_task', 'multi_task'),
    default: 'emotion_gcn',
    help: 'emotion_gcn (classes, valence, arousal by a label graph), multi_task (side by side), single_task (classes)',
  },
  adj: {
    kind: orNone(file('a label graph')),
    default: null,
    help: "label graph: the original's adj.pkl, or safetensors; default, or if absent: made from the training labels",
  },
  emb: {
    kind: orNone(text('FILE|random', 'the path of word vectors, or random')),
    default: null,
    help: "word vectors of emotion_gcn: GloVe text, the original's emb.pkl, safetensors, or random",
  },
  pretrained: {
    kind: orNone(file('weights')),
    default: null,
    help: "weights to start from, .pth or safetensors: torchvision's DenseNet-121, or a trained model; what fits is taken",
  },
  checkpoint: {
    kind: orNone(file('a checkpoint')),
    default: null,
    help: "the original's checkpoint (.pth) to go on with in a new run: weights, the optimizer's state, epoch",
  },
  image_size: {
    kind: orNone(whole(4, 4096)),
    default: null,
    help:
      'input size in pixels; emotion_gcn on densenet: 227 or 93 to 188; bregnext: a multiple of 4; ' +
      'default: 227 for affectnet on densenet, else 112',
  },
  workers: COMMON.workers,
  batch_size: {
    kind: orAuto(COMMON.batch_size.kind),
    default: COMMON.batch_size.default,
    help: 'images a step, or auto: as many as memory holds, at most 256',
  },
  epochs: { kind: whole(1), default: 10, help: 'passes over the training set' },
  lambda_multi: { kind: real(0), default: 1, help: 'weight of the valence/arousal loss' },
  lr: { kind: real(0, { excluded: true }), default: 0.001, help: 'learning rate' },
  backbone_lr: {
    kind: orNone(real(0, { excluded: true })),
    default: null,
    help: 'learning rate of the backbone, all but the heads; default: --lr',
  },
  freeze_backbone: { kind: toggle, default: false, help: 'train the heads alone, the backbone stays as it is' },
  optimizer: {
    kind: choice('sgd', 'adam', 'adamw'),
    default: 'sgd',
    help: 'sgd (with momentum), adam, or adamw (with decoupled weight decay)',
  },
  momentum: { kind: orNone(real(0, { most: 1 })), default: null, help: 'momentum of sgd; default: 0.9' },
  betas: {
    kind: orNone(shares),
    default: null,
    help: 'of adam and adamw: what stays of the averages of gradients and of their squares; default: 0.9,0.999',
  },
  eps: {
    kind: orNone(real(0)),
    default: null,
    help: 'of adam and adamw: what is added to the root of the average of squares; default: 1e-8',
  },
  weight_decay: {
    kind: real(0),
    default: 0.001,
    help: 'weight decay: part of the gradient (sgd, adam), or beside it (adamw)',
  },
  clip_grad_norm: {
    kind: real(0),
    default: 0,
    help: 'largest L2 norm of all gradients together, to which they are scaled down; 0: any',
  },
  grad_accum_steps: { kind: whole(1), default: 1, help: 'batches whose gradients are averaged for one step' },
  ema: {
    kind: real(0, { most: 0.999999 }),
    default: 0,
    help: 'decay of an average of the weights, which is then validated and kept as the best, such as 0.999; 0: none',
  },
  on_nan: {
    kind: choice('stop', 'skip'),
    default: 'stop',
    help: 'after a step whose loss or gradients are not finite, which changes nothing: stop, saved as before it, or skip it',
  },
  schedule: {
    kind: choice('step', 'cosine'),
    default: 'step',
    help: 'of the learning rate: step (times --gamma after every --step_size epochs) or cosine (down to 0)',
  },
  step_size: { kind: whole(1), default: 10, help: 'epochs after which --schedule step lowers the learning rate' },
  gamma: {
    kind: real(0, { excluded: true, most: 1 }),
    default: 0.1,
    help: 'what --schedule step multiplies the learning rate with',
  },
  warmup: { kind: whole(0), default: 0, help: 'steps in which the learning rate rises to --lr' },
  class_weights: {
    kind: orNone(choice(...CLASS_WEIGHTS)),
    default: null,
    help:
      "in the loss: affectnet (its constants), balanced (by this set's counts) or none; " +
      'default: affectnet for affectnet, none for affwild2',
  },
  best: {
    kind: choice(...BEST_BY),
    default: 'accuracy',
    help: 'which weights are kept: of the highest validation accuracy (of equals the lowest loss), the lowest loss, or the highest mean ccc',
  },
  patience: { kind: whole(1), default: 10, help: 'epochs without a better one, by --best, before training ends' },
  augment: { kind: toggle, default: true, help: 'flip and rotate the training images at random' },
  rotation: { kind: real(0, { most: 180 }), default: 30, help: 'largest rotation of --augment either way, in degrees' },
  shuffle: { kind: toggle, default: true, help: 'take the training images in another order in every epoch' },
  sampler: {
    kind: choice(...SAMPLERS),
    default: 'natural',
    help: 'natural (every training image once an epoch) or balanced (as many of every class)',
  },
  limit: { kind: orNone(whole(2)), default: null, help: 'at most so many training rows an epoch' },
  max_bad: COMMON.max_bad,
  seed: { kind: whole(0, 2 ** 32 - 1), default: 0, help: 'of initial weights, order, augmentation and split' },
  precision: {
    kind: choice('f32', 'f16'),
    default: 'f32',
    help: 'of activations in training: f32, or f16 with loss scaling (half the memory); validation is f32 always',
  },
  gpu: COMMON.gpu,
  tune: {
    kind: orNone(toggle),
    default: null,
    help: 'measure once which kernels are fastest on this adapter, some seconds; default: on for a GPU',
  },
  cache: COMMON.cache,
  saved_model: { kind: text('DIR', 'the path of the run folder'), help: 'run folder: weights, metrics, pictures, log' },
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
};

/** Which trained network `evaluate` and `predict` take; see `openNetwork`. */
export interface NetworkSettings {
  /** Folder of a run. */
  saved_model: string | null;
  /** Weights, `.pth` or safetensors: of a network trained elsewhere, or in place of the run's. */
  checkpoint: string | null;
  /** What a file of weights alone does not tell: word vectors, input size, names of the classes. */
  emb: string | null;
  image_size: number | null;
  dataset: Dataset | null;
}

/** The flags by which `evaluate` and `predict` find their network. */
export const NETWORK_SETTINGS: Settings<NetworkSettings> = {
  saved_model: {
    kind: orNone(TRAIN_SETTINGS.saved_model.kind),
    default: null,
    help: 'folder of the run; its best weights are taken unless --checkpoint is given',
  },
  checkpoint: {
    ...TRAIN_SETTINGS.checkpoint,
    help: "weights to take, .pth (the original's too) or safetensors; without --saved_model: which network it is follows from its names",
  },
  emb: { ...TRAIN_SETTINGS.emb, help: `of --checkpoint, without --saved_model: ${TRAIN_SETTINGS.emb.help}` },
  image_size: {
    kind: TRAIN_SETTINGS.image_size.kind,
    default: null,
    help: 'of --checkpoint, without --saved_model: input size; default: 227 for affectnet on densenet, else 112',
  },
  dataset: {
    kind: orNone(TRAIN_SETTINGS.dataset.kind),
    default: null,
    help: 'of --checkpoint, without --saved_model: the classes it tells apart; default: affectnet',
  },
};

/**
 * Checked settings out of whatever was given (texts of a command line or typed values), with the defaults, and with
 * absolute paths. Looks at no file; see `checkInputs`.
 *
 * @throws InputError naming the setting, what was expected and what was found
 */
export function readTrainArgs(given: Readonly<Record<string, unknown>>): TrainArgs {
  const read = readSettings(TRAIN_SETTINGS, given);
  const { model, network, dataset } = read;
  const usual = dependentDefaults(read);
  checkOptimizer(read, usual);
  const args = {
    ...read,
    image_size: read.image_size ?? usual.image_size,
    class_weights: read.class_weights ?? usual.class_weights,
    momentum: read.momentum ?? usual.momentum,
    betas: read.betas ?? usual.betas,
    eps: read.eps ?? usual.eps,
  };
  const { image_size } = args;
  classesOf(args);
  if (dataset !== 'affectnet' && args.class_weights === 'affectnet') {
    throw new InputError(`--class_weights expects balanced or none for ${dataset}, found "affectnet"`);
  }
  if (args.sampler === 'balanced' && !args.shuffle) {
    throw new InputError('--sampler balanced draws at random: it expects --shuffle on, found off');
  }
  const wanted = imageSizeWanted({ model, network, imageSize: image_size });
  if (wanted) throw new InputError(`--image_size expects ${wanted} for ${model} on ${network}, found ${image_size}`);
  if (args.model !== 'single_task' && args.batch_size === 1) {
    throw new InputError(`--batch_size expects at least 2 for ${args.model} (the CCC of one sample is 0/0), found 1`);
  }
  if (args.model === 'single_task' && args.best === 'ccc') {
    throw new InputError('--best ccc expects a model with valence and arousal, found single_task');
  }
  if (args.pretrained !== null && args.checkpoint !== null) {
    throw new InputError('--pretrained and --checkpoint both say what to start from; give one of them');
  }
  return {
    ...args,
    image_dir: resolve(args.image_dir),
    data: resolve(args.data),
    val_data: args.val_data && resolve(args.val_data),
    adj: args.adj && resolve(args.adj),
    pretrained: args.pretrained && resolve(args.pretrained),
    checkpoint: args.checkpoint && resolve(args.checkpoint),
    emb: args.emb === 'random' ? args.emb : args.emb && resolve(args.emb),
    cache: args.cache === 'off' ? args.cache : args.cache && resolve(args.cache),
    saved_model: resolve(args.saved_model),
  };
}

/** The defaults that follow from other settings. Of the optimizer's own settings those of other optimizers are null. */
export function dependentDefaults({
  dataset,
  network,
  optimizer,
}: Pick<TrainArgs, 'dataset' | 'network' | 'optimizer'>): Pick<
  TrainArgs,
  'image_size' | 'class_weights' | 'momentum' | 'betas' | 'eps'
> {
  const sgd = optimizer === 'sgd';
  return {
    image_size: dataset === 'affectnet' && network === 'densenet' ? 227 : 112,
    class_weights: dataset === 'affectnet' ? 'affectnet' : 'none',
    momentum: sgd ? 0.9 : null,
    betas: sgd ? null : [0.9, 0.999],
    eps: sgd ? null : 1e-8,
  };
}

/** The settings that an optimizer has and another has not. */
export const OF_OPTIMIZERS = ['momentum', 'betas', 'eps'] as const;
type OfOptimizers = Pick<TrainArgs, (typeof OF_OPTIMIZERS)[number]>;

/** @throws InputError for a setting of another optimizer */
function checkOptimizer(read: OfOptimizers & Pick<TrainArgs, 'optimizer'>, usual: OfOptimizers): void {
  for (const name of OF_OPTIMIZERS) {
    if (read[name] === null || usual[name] !== null) continue;
    const own = OF_OPTIMIZERS.filter((n) => usual[n] !== null).map((n) => `--${n}`);
    throw new InputError(
      `--${name} ${read[name]}: --optimizer ${read.optimizer} has none (it has ${own.join(', ')}); leave it out`,
    );
  }
}

/**
 * Looks whether the files and folders that a run starts from are there.
 * @throws InputError naming the setting and the path
 */
export function checkInputs(
  args: Pick<TrainArgs, 'dataset' | 'image_dir' | 'data' | 'val_data' | 'model' | 'emb'> &
    Partial<Pick<TrainArgs, 'pretrained' | 'checkpoint'>>,
): void {
  for (const name of ['pretrained', 'checkpoint'] as const) if (args[name]) checkFile(name, args[name]);
  checkPlaces(args);
  if (args.model !== 'emotion_gcn' || args.emb === 'random') return;
  if (args.emb === null) {
    throw new InputError(`missing: --emb FILE. emotion_gcn needs word vectors. ${GLOVE_HELP}`);
  }
  checkFile('emb', args.emb);
}

/** @throws InputError unless pictures and annotations are where the settings say */
export function checkPlaces({
  image_dir,
  data,
  val_data,
  dataset,
}: Pick<TrainArgs, 'dataset' | 'image_dir' | 'data' | 'val_data'>): void {
  checkFolder('image_dir', image_dir);
  checkAnnotations('data', data, dataset);
  if (val_data !== null) checkAnnotations('val_data', val_data, dataset);
}

/** @throws InputError unless there is a file at `path`, or, for Aff-Wild2, a folder */
export function checkAnnotations(name: string, path: string, dataset: Dataset): void {
  const found = lookAt(path);
  if (found === 'a file' || (found === 'a folder' && dataset === 'affwild2')) return;
  const expected = dataset === 'affwild2' ? 'a file or the folder of annotations' : 'a file';
  throw new InputError(`--${name} expects ${expected}, found ${found} at ${path}; check the path`);
}

/** @throws InputError unless there is a folder at `path` */
export function checkFolder(name: string, path: string): void {
  const found = lookAt(path);
  if (found !== 'a folder') {
    throw new InputError(`--${name} expects a folder, found ${found} at ${path}; check the path`);
  }
}

/** @throws InputError unless there is a file at `path` */
export function checkFile(name: string, path: string): void {
  const found = lookAt(path);
  if (found !== 'a file') throw new InputError(`--${name} expects a file, found ${found} at ${path}; check the path`);
}
