import type { Constants, Storage } from '../../device';

/** How elements lie in memory. Kernels compute in f32 whatever it is; u32 (labels, indices) is moved bit by bit as f32. */
export type DType = 'f32' | 'f16' | 'u32';
export const BYTES: Readonly<Record<DType, number>> = { f32: 4, f16: 2, u32: 4 };

/** Elements in memory from `offset` on, counted in elements. Where the next ones lie is said beside it. */
export interface Elements {
  readonly storage: Storage;
  readonly offset: number;
  readonly dtype: DType;
}

/** Rows of channels in memory: element (r, c) lies at `offset + r * stride + c`. */
export interface Matrix extends Elements {
  readonly rows: number;
  readonly channels: number;
  readonly stride: number;
}

/** A matrix; with `parts` so many without gaps, one after the other, for its reader to add up. */
export interface Parted extends Matrix {
  readonly parts?: number;
}

/** Where rows start; without stride and offset they follow one another. */
type Rows = Pick<Matrix, 'channels'> & Partial<Pick<Matrix, 'stride' | 'offset'>>;

/** Elements that a lane can load at once: 4 when every row of every operand starts at a multiple of 4, else 1. */
export function vectorWidth(...operands: readonly Rows[]): 4 | 1 {
  const aligned = operands.every(
    ({ channels, stride = 0, offset = 0 }) => channels % 4 === 0 && stride % 4 === 0 && offset % 4 === 0,
  );
  return aligned ? 4 : 1;
}

/** The WGSL type of that many elements, as kernels compute with them or, given a type, as they are stored. */
export function vectorType(width: 4 | 2 | 1, stored: DType = 'f32'): string {
  if (stored === 'f16') return width === 1 ? 'f16' : `vec${width}h`;
  return width === 1 ? 'f32' : `vec${width}f`;
}

/**
 * What kernels call the types of `width` elements: V to compute with, S as the operands store them, and E for one stored
 * element. A kernel loads V(x[i]) and stores S(v).
 * @throws Error when the operands are not stored alike.
 */
export function vectorTypes(width: 4 | 1, ...operands: readonly { readonly dtype: DType }[]): Constants {
  const [{ dtype }] = operands;
  if (operands.some((m) => m.dtype !== dtype))
    throw new Error(`operands of one launch are stored as ${operands.map((m) => m.dtype).join(', ')}`);
  return { V: vectorType(width), S: vectorType(width, dtype), E: vectorType(1, dtype) };
}

/** Bytes of the elements of some matrices: what a launch that sees a slice of them reads and writes. */
export const bytesOf = (...matrices: readonly Matrix[]): number =>
  matrices.reduce((sum, m) => sum + m.rows * m.channels * BYTES[m.dtype], 0);
