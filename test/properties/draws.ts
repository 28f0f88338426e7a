// What the draws of many ops have in common.
import fc from 'fast-check';
import type { Base, Float, Input } from './problem';

/** So few that shapes meet kernels' edges and kernels are met again. */
export const small = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
/** 1, odd numbers and multiples of 4. */
export const channels: fc.Arbitrary<number> = fc.constantFrom(1, 3, 4, 5, 8);

/** Channels before and behind a slice: none, so that it is no slice, or rows that do or do not begin at multiples of 4. */
export interface Margin {
  readonly before: number;
  readonly after: number;
}
export const margin: fc.Arbitrary<Margin | null> = fc.constantFrom(
  null,
  { before: 0, after: 4 },
  { before: 4, after: 4 },
  { before: 1, after: 2 },
);

/** An operand [N, C, ...] of that shape, a slice of a wider one where there is a margin. */
export function operand(
  shape: readonly number[],
  dtype: Float,
  margin: Margin | null,
  more: Partial<Base> = {},
): Input {
  if (!margin) return { base: { shape, dtype, ...more } };
  const [n, c, ...map] = shape;
  const { before, after } = margin;
  return { base: { shape: [n, before + c + after, ...map], dtype, ...more }, channels: [before, before + c] };
}

/** Strides of a row-major shape. */
export const stepsOf = (shape: readonly number[]): number[] =>
  shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));

/** Calls `f` with each index into a shape, in row-major order. */
export function eachIndex(shape: readonly number[], f: (index: number[]) => void): void {
  const index = shape.map(() => 0);
  const size = shape.reduce((a, b) => a * b, 1);
  for (let i = 0; i < size; i++) {
    f(index.slice());
    for (let d = shape.length - 1; d >= 0 && ++index[d] === shape[d]; d--) index[d] = 0;
  }
}

export const at = <T>(values: readonly T[], shape: readonly number[], index: readonly number[]): T =>
  values[stepsOf(shape).reduce((sum, step, d) => sum + step * index[d], 0)];
