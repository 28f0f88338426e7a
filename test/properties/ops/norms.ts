// Batch normalisation, alone and with what is fused to it.
import fc from 'fast-check';
import * as F from '../../../src/autograd';
import { channels, type Margin, margin, operand, small } from '../draws';
import type { Base, Float, Input } from '../problem';
import { kinds, type Property, property } from '../property';
import { rounded } from '../reference/accuracy';
import type { Scalar } from '../reference/scalar';
import * as R from '../reference/scalar';
import { type Convolution, convolution, convolve, inputShape, options, parameters } from './convolutions';
import { UNARY } from './pointwise';

interface Norm {
  readonly training: boolean;
  readonly activation: F.Activation;
  /** What all of x has in common: statistics must not cancel. */
  readonly offset: number;
  readonly margin: Margin | null;
}

const norm: fc.Arbitrary<Norm> = fc.record({
  training: fc.boolean(),
  activation: kinds<F.Activation>('relu', 'elu', 'none', 'swish'),
  offset: fc.constantFrom(0, 0, 100),
  margin,
});

/** An activation with its usual number. */
const activated = (activation: F.Activation, z: Scalar): Scalar =>
  activation === 'none' ? z : UNARY[activation].reference(z, R.constant(1));

/** With the batch's statistics and with the running ones. */
const MODES = [true, false].map((training): Norm => ({ training, activation: 'elu', offset: 0, margin: null }));
/** More elements than are summed with care for each. */
const MANY = [2, 4, 91, 91];

/** Other than what they are by default. */
const MOMENTUM = 0.3;
const EPS = 1 / 128;

/** x [N, C, ...], and gamma, beta, running mean and running variance. */
function tensors({ offset, margin }: Norm, shape: readonly number[], dtype: Float): Input[] {
  const of = (more: Partial<Base>): Input => ({ base: { shape: [shape[1]], ...more } });
  return [
    operand(shape, dtype, margin, { low: offset - 2, high: offset + 2 }),
    of({ low: 0.5, high: 2, signed: true }),
    of({}),
    of({ low: offset - 1, high: offset + 1, fixed: true }),
    of({ low: 0.5, high: 3, fixed: true }),
  ];
}

const engineNorm = ([, weight, bias, runningMean, runningVar]: F.Tensor[]): F.BatchNormTensors => ({
  weight,
  bias,
  runningMean,
  runningVar,
});

interface Normalised {
  readonly y: Scalar[];
  readonly runningMean: Scalar[];
  readonly runningVar: Scalar[];
}

/** act((x - mean) / sqrt(variance + eps) * gamma + beta), and the running statistics afterwards. */
function normalise({ training, activation }: Norm, shape: readonly number[], inputs: Scalar[][]): Normalised {
  const [x, gamma, beta, runningMean, runningVar] = inputs;
  const [n, c, ...map] = shape;
  const pixels = map.reduce((a, b) => a * b, 1);
  const channelOf = (i: number): number => Math.floor(i / pixels) % c;
  const moments = gamma.map((_, channel) => {
    if (!training) return { mean: runningMean[channel], variance: runningVar[channel] };
    const own = x.filter((_, i) => channelOf(i) === channel);
    const count = R.constant(n * pixels);
    // On differences to what is near the mean, as the engine takes them.
    const near = R.constant(own.reduce((sum, v) => sum + v.value, 0) / own.length);
    const mean = R.add(near, R.divide(R.add(...own.map((v) => R.subtract(v, near))), count));
    const squares = own.map((v) => R.subtract(v, mean)).map((d) => R.multiply(d, d));
    return { mean, variance: R.divide(R.add(...squares), count) };
  });
  const scales = moments.map(({ variance }, channel) =>
    R.multiply(R.inverseSqrt(R.add(variance, R.constant(Math.fround(EPS)))), gamma[channel]),
  );
  const y = x.map((v, i) => {
    const channel = channelOf(i);
    const z = R.add(R.multiply(R.subtract(v, moments[channel].mean), scales[channel]), beta[channel]);
    return activated(activation, z);
  });
  if (!training) return { y, runningMean, runningVar };
  const share = new R.Scalar(rounded(MOMENTUM));
  const follow = (from: Scalar, to: Scalar): Scalar => R.add(from, R.multiply(share, R.subtract(to, from)));
  const unbiased = R.divide(R.constant(n * pixels), R.constant(n * pixels - 1));
  return {
    y,
    runningMean: runningMean.map((v, i) => follow(v, moments[i].mean)),
    runningVar: runningVar.map((v, i) => follow(v, R.multiply(moments[i].variance, unbiased))),
  };
}

const optionsOf = ({ training }: Norm): F.BatchNormOptions => ({ training, momentum: MOMENTUM, eps: EPS });

/** Two rows at least: of one there are no statistics. */
const shape: fc.Arbitrary<readonly number[]> = fc.oneof(
  fc.tuple(small(2, 9), channels),
  fc.tuple(small(2, 3), channels, small(1, 5), small(1, 5)),
  fc.constant([70, 3]),
);

const batchNorm = property(
  fc.record({ norm, shape }),
  ({ norm, shape }, dtype) => ({
    inputs: tensors(norm, shape, dtype),
    run: (inputs) => {
      const bn = engineNorm(inputs);
      const y = F.batchNorm(inputs[0], bn, optionsOf(norm), norm.activation);
      return [y, bn.runningMean, bn.runningVar];
    },
    reference: (inputs) => {
      const { y, runningMean, runningVar } = normalise(norm, shape, inputs);
      return [y, runningMean, runningVar];
    },
  }),
  { half: true, examples: MODES.map((norm) => ({ norm, shape: MANY })) },
);

const batchNormAvgPool2d = property(
  fc.record({ norm, shape: fc.tuple(small(1, 3), channels, small(2, 5), small(2, 5)) }),
  ({ norm, shape }, dtype) => ({
    inputs: tensors(norm, shape, dtype),
    run: (inputs) => [F.batchNormAvgPool2d(inputs[0], engineNorm(inputs), optionsOf(norm), norm.activation)],
    reference: (inputs) => {
      const [n, c, h, w] = shape;
      const { y } = normalise(norm, shape, inputs);
      const pooled: Scalar[] = [];
      for (let p = 0; p < n * c; p++)
        for (let oy = 0; oy + 1 < h; oy += 2)
          for (let ox = 0; ox + 1 < w; ox += 2) {
            const corner = (p * h + oy) * w + ox;
            const window = [corner, corner + 1, corner + w, corner + w + 1].map((i) => y[i]);
            pooled.push(R.multiply(R.constant(0.25), R.add(...window)));
          }
      return [pooled];
    },
  }),
);

const POINTWISE: Convolution = {
  ...{ n: MANY[0], ci: MANY[1], h: MANY[2], w: MANY[3], co: 5, groups: 1, bias: true, margin: null, into: null },
  ...{ kernel: [1, 1], stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0] },
};

const batchNormConv2d = property(
  fc.record({ norm, of: convolution }),
  ({ norm, of }, dtype) => {
    // The norm's two rows at least; the slice is the norm's.
    const c: Convolution = { ...of, n: 2 };
    return {
      inputs: [...tensors(norm, inputShape(c), dtype), ...parameters(c)],
      run: (inputs) => {
        const [weight, bias = null] = inputs.slice(5);
        const bn = engineNorm(inputs);
        const result = F.batchNormConv2d(
          inputs[0],
          bn,
          optionsOf(norm),
          norm.activation,
          weight,
          bias,
          options(c, dtype),
        );
        return [result];
      },
      reference: (inputs) => {
        const [weight, bias] = inputs.slice(5);
        const { y } = normalise(norm, inputShape(c), inputs);
        // Its gradient is stored as x is, on its way to the norm.
        return [
          convolve(
            c,
            y.map((v) => R.gradientStored(v, dtype)),
            weight,
            bias,
          ),
        ];
      },
    };
  },
  // Gradients of a 1x1 kernel on a large map go through the norm as the convolution makes them.
  { gemm: true, examples: MODES.map((norm) => ({ norm, of: POINTWISE })) },
);

export const NORMS: Readonly<Record<string, Property>> = { batchNorm, batchNormAvgPool2d, batchNormConv2d };
