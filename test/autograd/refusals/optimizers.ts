// Settings of optimizers, and what goes with them.
import * as F from '../../../src/autograd';
import {
  argument,
  device,
  F16,
  float32Only,
  INFINITE,
  NAN,
  oneMore,
  parameter,
  slice,
  TAPS,
  type Trial,
  t,
  U32,
} from './trials';

/** One of them as the only setting that is out of the way. */
const rates = (of: string, make: (rate: number) => unknown): Trial =>
  argument(make, [0, 0.1, 2], [-1e-9, NAN], (v) => `${of} must be 0 or more, found ${v}`);

/** The checks that all optimizers share. */
const optimizer = (
  kind: string,
  make: (params: F.Tensor[], options: Partial<F.OptimizerOptions>) => unknown,
): Trial[] => [
  argument(
    (params: F.Tensor[]) => make(params, {}),
    [[parameter('p', [3])], [parameter('p', [3]), parameter('q', [2, 4, 1, 1], TAPS)]],
    [[]],
    () => `${kind}: there are no parameters`,
  ),
  argument(
    (p: F.Tensor) => make([parameter('q', [3]), p], {}),
    [t('p', [3])],
    [F.mul(parameter('p', [3]), 2), F.sliceChannels(parameter('p', [2, 4]), 0, 2)],
    (p) => `${kind}: ${p} is no parameter, but computed or a slice`,
  ),
  argument(
    (p: F.Tensor) => make([parameter('q', [3]), p], {}),
    [],
    [parameter('p', [3], F16), parameter('p', [3], U32)],
    float32Only(kind),
  ),
  argument(
    (p: F.Tensor) => make([p, parameter('q', [3]), p], {}),
    [],
    [parameter('p', [3])],
    (p) => `${kind}: ${p} was given twice`,
  ),
  rates(`${kind}: lr`, (lr) => make([parameter('p', [3])], { lr })),
  rates(`${kind}: weightDecay`, (weightDecay) => make([parameter('p', [3])], { weightDecay })),
];

const adam = (kind: string, Kind: typeof F.Adam): Trial[] => {
  const make = (options: Partial<F.AdamOptions>) => new Kind([parameter('p', [3])], { lr: 1, ...options });
  return [
    ...optimizer(kind, (params, options) => new Kind(params, { lr: 1, ...options })),
    rates(`${kind}: eps`, (eps) => make({ eps })),
    ...[0, 1].map((at) =>
      argument(
        (beta: number) => make({ betas: at === 0 ? [beta, 0.9] : [0.9, beta] }),
        [0, 0.999999],
        [-1e-9, 1, NAN],
        (beta) => `${kind}: betas[${at}] must be from 0 to below 1, found ${beta}`,
      ),
    ),
    rates(
      `${kind}: lr`,
      (lr) => new Kind([{ params: [parameter('p', [3])] }, { params: [parameter('q', [3])], lr }], { lr: 1 }),
    ),
  ];
};

const ofState = parameter('p', [3]);

const withState = new F.Adam([ofState], { lr: 1 });

const state = (step: number, average: number, square: number) => ({
  step: new Float32Array(step),
  exp_avg: new Float32Array(average),
  exp_avg_sq: new Float32Array(square),
});

export const OPTIMIZERS: Readonly<Record<string, readonly Trial[]>> = {
  SGD: [
    ...optimizer('SGD', (params, options) => new F.SGD(params, { lr: 1, ...options })),
    rates('SGD: momentum', (momentum) => new F.SGD([parameter('p', [3])], { lr: 1, momentum })),
    argument(
      (momentum: number) => new F.SGD([parameter('p', [3])], { lr: 1, momentum, nesterov: true }),
      [0.1],
      [0],
      () => 'SGD: nesterov needs a momentum above 0',
    ),
  ],
  Adam: adam('Adam', F.Adam),
  AdamW: adam('AdamW', F.AdamW),
  setState: [
    argument(
      (state: Record<string, Float32Array> | null) => withState.setState(ofState, state),
      [null, state(1, 3, 3)],
      [
        {},
        { step: new Float32Array(1) },
        { ...state(1, 3, 3), more: new Float32Array(3) },
        { step: new Float32Array(1), exp_avg: new Float32Array(3), momentum: new Float32Array(3) },
      ],
      (state) => `Adam: expected step, exp_avg, exp_avg_sq of p[3], found ${Object.keys(state ?? {}).join(', ')}`,
      'Error',
    ),
    argument(
      (sizes: readonly [number, number, number]) => withState.setState(ofState, state(...sizes)),
      [],
      oneMore([1, 3, 3]),
      ([s, average, square]) =>
        `Adam: expected ${s > 1 ? '1 numbers in step' : average > 3 ? '3 numbers in exp_avg' : '3 numbers in exp_avg_sq'} of p[3], found ${s > 1 ? s : Math.max(average, square)}`,
      'Error',
    ),
    argument(
      (p: F.Tensor) => withState.setState(p, null),
      [ofState],
      [parameter('q', [3])],
      (p) => `Adam: ${p} is none of this optimizer's parameters`,
      'Error',
    ),
  ],
  clipGradNorm: [
    argument(
      (max: number) => F.clipGradNorm([parameter('p', [3])], max),
      [1e-9, 1, INFINITE],
      [0, -1, NAN],
      (max) => `clipGradNorm: maxNorm must be above 0, found ${max}`,
    ),
    argument(
      (params: F.Tensor[]) => F.clipGradNorm(params, 1),
      [],
      [[]],
      () => 'clipGradNorm: there are no parameters',
    ),
    argument(
      (p: F.Tensor) => F.clipGradNorm([parameter('q', [3]), p], 1),
      [parameter('p', [3])],
      [parameter('p', [3], F16)],
      float32Only('clipGradNorm'),
    ),
  ],
  Ema: [
    argument(
      (decay: number) => new F.Ema(withState, decay),
      [0, 0.999],
      [-1e-9, 1, NAN],
      (decay) => `Ema: decay must be from 0 to below 1, found ${decay}`,
    ),
    argument(
      (t: number) => new F.Ema(withState, 0.9).update(t),
      [0, 1e9],
      [-1, NAN],
      (t) => `Ema: steps are counted from 0, found ${t}`,
    ),
  ],
  GradScaler: [
    argument(
      (scale: number) => new F.GradScaler(device, { scale }),
      [1e-9, 65536],
      [0, -1, NAN, INFINITE],
      (scale) => `GradScaler: scale must be above 0, found ${scale}`,
    ),
    argument(
      (growthInterval: number) => new F.GradScaler(device, { growthInterval }),
      [1, 2000],
      [0, -1, 0.5, 1.5, NAN, INFINITE],
      (interval) => `GradScaler: growthInterval must be a whole number above 0, found ${interval}`,
    ),
  ],
  'Guard.look': [
    argument(
      (loss: F.Tensor) => new F.Guard(device).look(loss),
      [t('loss', [1]), t('loss', []), t('loss', [1, 1])],
      [t('loss', [2]), slice('loss', [1, 1])],
      (loss) => `Guard.look: a loss must be [1], found ${loss}`,
    ),
    argument(
      (loss: F.Tensor) => new F.Guard(device).look(loss),
      [],
      [t('loss', [1], F16), t('loss', [1], U32)],
      float32Only('Guard.look'),
    ),
  ],
};
