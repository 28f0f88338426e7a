// A line of a chart, and its value anywhere.
import type { ShownRun } from '../state';
import { nearest } from './numbers';

export interface Line {
  readonly run: ShownRun;
  readonly part: 'train' | 'validation';
  /** Rising. */
  readonly x: Float64Array;
  /** As measured. */
  readonly y: Float64Array;
  /** Drawn over it, and told; null: `y` itself is. */
  readonly smooth: Float64Array | null;
}

/** What a line says at `x`: the nearest point; null before its first and behind its last, and where there is no number. */
export function valueAt({ x, y, smooth }: Line, at: number): number | null {
  const place = nearest(x, at);
  const inside = place >= 0 && at >= x[0] - 0.5 && at <= x[x.length - 1] + 0.5;
  const value = inside ? (smooth ?? y)[place] : Number.NaN;
  return Number.isFinite(value) ? value : null;
}

/** The last number of a line. */
export function lastOf({ y, smooth }: Line): number | null {
  const values = smooth ?? y;
  for (let i = values.length - 1; i >= 0; i--) if (Number.isFinite(values[i])) return values[i];
  return null;
}

/** From the first to the last x of all lines; null: there is none. */
export function spanOf(lines: readonly Line[]): [low: number, high: number] | null {
  const some = lines.filter((line) => line.x.length > 0);
  if (some.length === 0) return null;
  const low = Math.min(...some.map((line) => line.x[0]));
  const high = Math.max(...some.map((line) => line.x[line.x.length - 1]));
  return low < high ? [low, high] : [low - 1, high + 1];
}

/** A range inside of `span`, not narrower than a few steps; null: all of it. */
export function within(
  [low, high]: readonly [number, number],
  span: readonly [number, number],
): [number, number] | null {
  const width = Math.max(high - low, Math.min(4, span[1] - span[0]));
  if (width >= span[1] - span[0]) return null;
  const start = Math.min(Math.max((low + high - width) / 2, span[0]), span[1] - width);
  return [start, start + width];
}
