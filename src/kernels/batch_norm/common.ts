import { defineKernel, type Kernel } from '../../device';
import type { Matrix } from '../launch/matrix';
import { across } from '../norm';
import { isFew } from '../pair';

export type PerWidth = Readonly<Record<4 | 1, Kernel>>;

/** A kernel that unpacks what channels have (`across`), for lanes of four channels and of one. */
export const perWidth = (name: string, ...sources: string[]): PerWidth => ({
  4: defineKernel(`${name}.4`, across[4], ...sources),
  1: defineKernel(`${name}.1`, across[1], ...sources),
});

/** Rows that one workgroup sums, 64 at a time. */
export const ROWS = 512;

/** What few rows leave of a gradient is next to nothing (see backward_apply), however many the channels. */
export const takesPairs = (x: Matrix): boolean => isFew(x) || x.rows < 64;

export const describe = (m: Matrix): string => `${m.rows}x${m.channels}`;

/** A 2x2 average pool after the activation: sizes before it. */
export interface Pooled {
  readonly h: number;
  readonly w: number;
}
