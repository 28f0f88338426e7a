// How what is refused is tried: from just inside each bound to just outside. On the mock device: what is taken is launched, and computes nothing.
import * as assert from 'uvu/assert';
import * as F from '../../../src/autograd';
import { mockDevice } from '../../mock_gpu';

export const { device } = await mockDevice({ features: ['shader-f16'] });
export const { device: bare } = await mockDevice();

/** @throws AssertionError where something is not taken, or not refused as it should be */
export type Trial = () => Promise<void>;

const shown = (value: unknown): string => (Array.isArray(value) ? `[${value.map(shown).join(', ')}]` : String(value));

/** Tries one argument of something with what it takes, and with what it refuses and what it says about that. */
export function argument<T>(
  run: (value: T) => unknown,
  taken: readonly T[],
  refused: readonly T[],
  says: (value: T) => string,
  kind = 'InputError',
): Trial {
  const found = async (value: T): Promise<string> => {
    try {
      await run(value);
      return 'taken';
    } catch (error) {
      return String(error);
    }
  };
  return async () => {
    for (const value of taken) assert.is(await found(value), 'taken', `${run} of ${shown(value)}`);
    for (const value of refused) {
      const expected = `${kind}: ${says(value)}`;
      const said = await found(value);
      assert.ok(said.startsWith(expected), `${run} of ${shown(value)}: expected ${expected}, found ${said}`);
    }
  };
}

/** The usual numbers with another in the place of one of them, place by place. */
export function places<const T extends readonly number[]>(usual: T, ...others: readonly ((usual: number) => number)[]) {
  const at = (place: number, other: (usual: number) => number) =>
    usual.map((v, i) => (i === place ? other(v) : v)) as { readonly [K in keyof T]: number };
  return usual.flatMap((_, place) => others.map((other) => at(place, other)));
}

export const eachOf = <const T extends readonly number[]>(usual: T, ...others: readonly number[]) =>
  places(usual, ...others.map((other) => () => other));

export const oneMore = <const T extends readonly number[]>(usual: T) => places(usual, (v) => v + 1);

export const t = (name: string, shape: readonly number[], options: F.TensorOptions = {}): F.Tensor =>
  F.empty(device, shape, { name, ...options });

export const slice = (name: string, [n, c, ...map]: readonly number[]): F.Tensor =>
  F.sliceChannels(t(name, [n, c + 4, ...map]), 4, 4 + c);

export const parameter = (name: string, shape: readonly number[], options: F.TensorOptions = {}) =>
  t(name, shape, { requiresGrad: true, ...options });

export const U32 = { dtype: 'u32' } as const;
export const F16 = { dtype: 'f16' } as const;
export const TAPS = { layout: 'taps' } as const;
export const PLAIN = { layout: 'plain' } as const;

export const { NaN: NAN, POSITIVE_INFINITY: INFINITE } = Number;

/** What is said of types. */
export const floatsOnly = (op: string) => (x: F.Tensor) =>
  `${op}: expected numbers of type f32 or f16, found ${x} of type u32`;

export const float32Only = (op: string) => (x: F.Tensor) =>
  `${op}: expected numbers of type f32, found ${x} of type ${x.dtype}`;

/** What an op of one tensor of any shape takes. */
export const anyFloats = (op: string, run: (x: F.Tensor) => unknown): Trial =>
  argument(
    run,
    [t('x', [3]), t('x', [2, 3]), t('x', [1, 2, 2, 2], PLAIN), t('w', [2, 2, 1, 1], TAPS), t('x', [2, 4], F16)],
    [t('x', [3], U32), t('x', [2, 3], U32)],
    floatsOnly(op),
  );

export type Pair = readonly [number, number];

export type Sides = readonly [number, number, number, number];

export const NO_COUNTS = eachOf([1, 1], 0, -1, 0.5, 1.5, NAN, INFINITE);
export const x = t('x', [1, 4, 5, 6]);

export const map = (op: string, run: (x: F.Tensor) => unknown): Trial[] => [
  argument(run, [x, slice('x', [1, 4, 5, 6]), t('x', [1, 4, 5, 6], F16)], [t('x', [1, 4, 5, 6], U32)], floatsOnly(op)),
  argument(
    run,
    [],
    [t('x', [5, 6]), t('x', [4, 5, 6]), t('x', [1, 4, 5, 6], PLAIN), t('x', [1, 4, 5, 6], TAPS)],
    (x) => `${op}: x must be [N, C, H, W] in layout rows, found ${x} in layout ${x.layout}`,
  ),
];

export const matrix = (run: (x: F.Tensor) => unknown, says: (x: F.Tensor) => string): Trial[] => [
  argument(
    run,
    [t('x', [2, 3]), slice('x', [2, 3]), t('x', [2, 3], F16)],
    [t('x', [3]), t('x', [1, 2, 3]), t('x', [2, 3, 1, 1]), t('x', [2, 3], PLAIN)],
    says,
  ),
];

/** Their operands become f32 first. */
export const turnedFloat = (run: (x: F.Tensor) => unknown, shape = [2, 3]): Trial =>
  argument(run, [t('x', shape, F16)], [t('x', shape, U32)], floatsOnly('f32'));

export const NORM = ['weight', 'bias', 'runningMean', 'runningVar'] as const;

export const norm = (channels: number, other: Partial<F.BatchNormTensors> = {}): F.BatchNormTensors => ({
  weight: t('weight', [channels]),
  bias: t('bias', [channels]),
  runningMean: t('mean', [channels]),
  runningVar: t('var', [channels]),
  ...other,
});

export const EVALUATION = { training: false } as const;
export const TRAINING = { training: true } as const;

/** An op of one of its operands, and of the other. */
export const either = (...runs: readonly ((operand: F.Tensor) => unknown)[]) => runs;
