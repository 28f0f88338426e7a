import { type Constants, type Device, defineKernel, type Kernel, type Storage } from '../../device';
import { ceilDiv, vectorType } from '../matrix';
import { choose, type Variant } from '../variant';
import plain from './plain.wgsl';
import subgroup from './subgroup.wgsl';
import tiled from './tiled.wgsl';

/** What a matrix product computes with: how rows of A, rows of B and results are found in memory. */
export type Gemm = Readonly<Record<Variant, Kernel>>;

/**
 * A matrix product over `operands`, a WGSL file that says what A, B and C are. It declares `struct Params` with `rows` and
 * `columns` (of C, columns counted in V), the buffers, and
 * - `Row`, `open_row(m)`: what is worth keeping for a row of A; `Cursor`, `seek(row, s)`: its place in segment s;
 * - `position_at(q) -> Position`: what all rows share at position q; `load_a(cursor, q, position) -> f32`;
 * - `b_row(s)`: the row of B at the start of segment s; `load_b(row, column) -> V`;
 * - `segments_of(split) -> vec2u`, `positions_of(s, m0) -> vec2u`: the sum's range, for the tile of rows that begins at m0; `store(m, n, split, value: V)`.
 * The sum runs over segments (taps of a kernel, lines of an image), within them over positions (channels, pixels).
 */
export function defineGemm(name: string, ...operands: string[]): Gemm {
  const variant = (v: Variant, core: string): Kernel => defineKernel(`${name}.${v}`, ...operands, core);
  return { subgroup: variant('subgroup', subgroup), tiled: variant('tiled', tiled), plain: variant('plain', plain) };
}

interface GemmLaunch {
  readonly rows: number;
  /** Columns of C, counted in vectors of `width`. */
  readonly columns: number;
  readonly splits?: number;
  readonly width: 4 | 1;
  readonly buffers: Readonly<Record<string, Storage>>;
  readonly params: Readonly<Record<string, number>>;
  readonly constants?: Constants;
  readonly label: string;
}

export function runGemm(device: Device, gemm: Gemm, launch: GemmLaunch): void {
  const { rows, columns, splits = 1, width, buffers, params, constants, label } = launch;
  const { variant, lanes } = choose(device);
  const [height, across, own] = tile(variant, lanes, rows, columns);
  device.dispatch(gemm[variant], {
    buffers,
    params: { ...params, rows, columns },
    constants: { ...constants, V: vectorType(width), ...own },
    workgroups: [ceilDiv(columns, across), ceilDiv(rows, height), splits],
    label,
  });
}

/** Rows of C that a workgroup of this device owns at most. */
export function tileRows(device: Device, rows: number): number {
  const { variant, lanes } = choose(device);
  return tile(variant, lanes, rows, 1)[0];
}

/** Rows and columns (in vectors) of C that a workgroup owns, and the constants that say so. */
function tile(variant: Variant, lanes: number, rows: number, columns: number): [number, number, Constants] {
  if (variant === 'tiled') return [64, 16, {}];
  if (variant === 'plain') return [8, lanes, { LANES: lanes, TM: 8 }];
  const TN = columns > lanes ? 2 : 1;
  const TM = rows > 2 * lanes ? 4 * lanes : rows > lanes ? 2 * lanes : lanes;
  return [TM, TN * lanes, { LANES: lanes, TM, TN }];
}
