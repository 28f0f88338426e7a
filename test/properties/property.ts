// What an op has: how its problems are drawn. fast-check draws them and makes a failing one as small as it can.
import fc from 'fast-check';
import { forceVariant, variantsOf } from '../../src/kernels/variant';
import { device } from '../gpu';
import { type Float, type Problem, type Setting, solve } from './problem';

export interface Property {
  /** Tries `runs` problems. @throws Error with the smallest one that fails, and the seed that it was drawn from */
  readonly check: (runs: number, seed: number) => Promise<void>;
}

export interface PropertyOptions<D> {
  /** Large problems, tried with all that is. */
  readonly examples?: readonly D[];
  /** Whether its operands are stored as f16 in short, too: what is stored so has kernels of its own to compile. Default false. */
  readonly half?: boolean;
  /** Whether a matrix kernel computes it, of which there are variants. Default false. */
  readonly gemm?: boolean;
}

/** Whether all is tried, every variant of the matrix kernels included. */
export const WHOLE = Boolean(process.env.WHOLE);

/** One of some, each of which takes kernels of its own: in short, of the first two. */
export const kinds = <T>(first: T, second: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.constantFrom(first, second, ...(WHOLE ? others : []));

const setting: fc.Arbitrary<Setting> = fc.record({
  numbers: fc.constantFrom('grid', 'floats'),
  seed: fc.nat(),
  passes: fc.constantFrom(1, 2),
  frozen: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(7) }),
});
const PLAIN: Setting = { numbers: 'grid', seed: 0, passes: 1, frozen: 0 };

/** An op by its draws: from what `draw` gives, `problem` makes a problem whose operands are stored as `dtype`. */
export function property<D>(
  draw: fc.Arbitrary<D>,
  problem: (drawn: D, dtype: Float) => Problem,
  { examples = [], half = false, gemm = false }: PropertyOptions<D> = {},
): Property {
  const dtypes: Float[] = (half || WHOLE) && device.features.has('shader-f16') ? ['f32', 'f16'] : ['f32'];
  const variants = gemm && WHOLE ? variantsOf(device) : [null];
  const drawn = fc.record({
    of: draw,
    dtype: fc.constantFrom(...dtypes),
    variant: fc.constantFrom(...variants),
    setting,
  });
  const tried = fc.asyncProperty(drawn, async ({ of, dtype, variant, setting }) => {
    forceVariant(device, variant);
    try {
      await solve(problem(of, dtype), setting);
    } finally {
      forceVariant(device, null);
    }
  });
  const large = WHOLE ? examples : [];
  return {
    check: (runs, seed) =>
      fc.assert(tried, {
        numRuns: runs + large.length,
        seed,
        includeErrorInReport: true,
        examples: large.map((of) => [{ of, dtype: 'f32', variant: null, setting: PLAIN }]),
      }),
  };
}
