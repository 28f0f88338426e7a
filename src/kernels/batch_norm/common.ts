import type { Matrix } from '../launch/matrix';
import { isFew } from '../pair';

/** Rows that one workgroup sums, 64 at a time. */
export const ROWS = 512;

/** What few rows leave of a gradient is next to nothing (see backward_apply), however many the channels. */
export const takesPairs = (x: Matrix): boolean => isFew(x) || x.rows < 64;

/** Rows that a workgroup takes in alone. */
export const FEW = ROWS;

export const describe = (m: Matrix): string => `${m.rows}x${m.channels}`;

/** A 2x2 average pool after the activation: sizes before it. */
export interface Pooled {
  readonly h: number;
  readonly w: number;
}
