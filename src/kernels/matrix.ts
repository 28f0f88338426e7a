import type { Storage } from '../device';

/** Rows of channels in memory: element (r, c) lies at `offset + r * stride + c`, counted in elements. */
export interface Matrix {
  readonly storage: Storage;
  readonly rows: number;
  readonly channels: number;
  readonly stride: number;
  readonly offset: number;
}

/** Elements that a lane can load at once: 4 when every row of every operand starts at a multiple of 4, else 1. */
export function vectorWidth(...operands: readonly (Matrix | { readonly channels: number })[]): 4 | 1 {
  const aligned = operands.every(
    (m) => m.channels % 4 === 0 && (!('stride' in m) || (m.stride % 4 === 0 && m.offset % 4 === 0)),
  );
  return aligned ? 4 : 1;
}

/** The WGSL type of that many elements. */
export const vectorType = (width: 4 | 1): string => (width === 4 ? 'vec4f' : 'f32');

export const ceilDiv = (a: number, b: number): number => Math.ceil(a / b);

/** Splits a one-dimensional grid that may exceed 65,535 workgroups; the kernel uses `id.y * GRID_X + id.x`. */
export function grid(workgroups: number): [number, number] {
  return workgroups <= GRID_X ? [workgroups, 1] : [GRID_X, ceilDiv(workgroups, GRID_X)];
}
export const GRID_X = 32768;
