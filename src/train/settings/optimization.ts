import { InputError } from '../../base/errors';
import type { NetworkArgs } from './network';
import { choice, type Kind, orNone, real, type Setting, type Settings, shares, whole } from './settings';

export interface OptimizationArgs {
  epochs: number;
  /** Images a step; `AUTO`: as many as fit. */
  batch_size: number;
  /** Batches whose gradients are averaged for one step of the optimizer. */
  grad_accum_steps: number;
  optimizer: 'sgd' | 'adam' | 'adamw';
  lr: number;
  /** Learning rate of the backbone, all but the heads; null: `lr`. */
  backbone_lr: number | null;
  /** Of sgd; null: another optimizer. */
  momentum: number | null;
  /** Of adam and adamw: shares of the averages of gradients and of their squares that stay; null: sgd. */
  betas: readonly [number, number] | null;
  /** Of adam and adamw; null: sgd. */
  eps: number | null;
  weight_decay: number;
  /** The norm of all gradients of a step is at most this; 0: whatever it is. */
  clip_grad_norm: number;
  /** How the learning rate falls: see `rateFactor`. */
  schedule: 'step' | 'cosine';
  /** Of schedule step: epochs after which the rate is multiplied with `gamma`. */
  step_size: number;
  gamma: number;
  /** Steps in which the learning rate rises linearly to `lr`. */
  warmup: number;
  /** Decay of an average of the weights, which then is validated and kept as the best; 0: none. */
  ema: number;
}

/** The batch size that stands for `auto`: the largest that fits, chosen as a run starts, whose args.json has it. */
export const AUTO = 0;

const orAuto = (kind: Kind<number>): Kind<number> => ({
  placeholder: `${kind.placeholder}|auto`,
  expected: `${kind.expected}, or auto`,
  read: (value) => (value === 'auto' ? AUTO : kind.read(value)),
});

/** Of a command that trains nothing: one that is given. */
export const BATCH_SIZE: Setting<number> = { kind: whole(1, 65536), default: 35, help: 'images a step' };

export const OPTIMIZATION: Settings<OptimizationArgs> = {
  epochs: { kind: whole(1), default: 10, help: 'passes over the training set' },
  batch_size: {
    kind: orAuto(BATCH_SIZE.kind),
    default: BATCH_SIZE.default,
    help: 'images a step, or auto: as many as memory holds, at most 256',
  },
  grad_accum_steps: {
    kind: whole(1),
    default: 1,
    help: 'batches whose gradients are averaged for one step; under mpirun a multiple of the ranks, by default their number',
  },
  optimizer: {
    kind: choice('sgd', 'adam', 'adamw'),
    default: 'sgd',
    help: 'sgd (with momentum), adam, or adamw (with decoupled weight decay)',
  },
  lr: { kind: real(0, { excluded: true }), default: 0.001, help: 'learning rate' },
  backbone_lr: {
    kind: orNone(real(0, { excluded: true })),
    default: null,
    help: 'learning rate of the backbone, all but the heads; default: --lr',
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
  ema: {
    kind: real(0, { most: 0.999999 }),
    default: 0,
    help: 'decay of an average of the weights, which is then validated and kept as the best, such as 0.999; 0: none',
  },
};

/** The settings that an optimizer has and another has not. */
export const OF_OPTIMIZERS = ['momentum', 'betas', 'eps'] as const;
type OfOptimizers = Pick<OptimizationArgs, (typeof OF_OPTIMIZERS)[number]>;

/** An optimizer's own settings, with PyTorch's defaults; those of others are null. */
export const usualOfOptimizer = (optimizer: OptimizationArgs['optimizer']): OfOptimizers =>
  optimizer === 'sgd' ? { momentum: 0.9, betas: null, eps: null } : { momentum: null, betas: [0.9, 0.999], eps: 1e-8 };

/** @throws InputError for a setting of another optimizer, and for a batch that the model does not take */
export function checkOptimization(args: OptimizationArgs & Pick<NetworkArgs, 'model'>): void {
  const usual = usualOfOptimizer(args.optimizer);
  for (const name of OF_OPTIMIZERS) {
    if (args[name] === null || usual[name] !== null) continue;
    const own = OF_OPTIMIZERS.filter((n) => usual[n] !== null).map((n) => `--${n}`);
    throw new InputError(
      `--${name} ${args[name]}: --optimizer ${args.optimizer} has none (it has ${own.join(', ')}); leave it out`,
    );
  }
  if (args.model !== 'single_task' && args.batch_size === 1) {
    throw new InputError(`--batch_size expects at least 2 for ${args.model} (the CCC of one sample is 0/0), found 1`);
  }
}
