// Numbers that ranks add, and what adding them in rank order gives.
import { type Adding, addOnto } from '../../src/ranks/ranks';

/** No multiple of 3. */
export const LENGTH = 10_000;

const [as, flushed] = [
  { inputs: false, results: false },
  { inputs: true, results: true },
];
export interface Step extends Adding {
  /** Ranks that have no part. */
  readonly without: readonly number[];
}
export const STEPS: readonly Step[] = [
  { fresh: true, flush: as, without: [] },
  { fresh: false, flush: as, without: [] },
  { fresh: true, flush: flushed, without: [0] },
  { fresh: false, flush: flushed, without: [1, 2] },
  { fresh: false, flush: as, without: [0, 1, 2] },
];

/** Numbers of all sizes, subnormal ones among them. */
export function partOf(rank: number, step: number): Float32Array {
  let state = 1 + rank + 97 * step;
  return Float32Array.from({ length: LENGTH }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * 2 ** (i % 3 === 0 ? -127 : i % 17);
  });
}

/** The sum after each step. */
export function sumsOf(size: number): Float32Array[] {
  const sum = new Float32Array(LENGTH);
  return STEPS.map(({ fresh, flush, without }, step) => {
    let begun = !fresh;
    for (let rank = 0; rank < size; rank++) {
      if (without.includes(rank)) continue;
      if (begun) addOnto(sum, partOf(rank, step), flush);
      else sum.set(partOf(rank, step));
      begun = true;
    }
    return sum.slice();
  });
}
