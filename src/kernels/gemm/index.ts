import { type Constants, type Device, defineKernel, type Kernel, type Storage } from '../../device';
import { ceilDiv, vectorType } from '../matrix';
import { chooseTile, type Problem, type Tile, type Variant } from '../variant';
import plain from './plain.wgsl';
import subgroup from './subgroup.wgsl';
import tiled from './tiled.wgsl';

/** What a matrix product computes with: how rows of A, rows of B and results are found in memory. */
export type Gemm = Readonly<Record<Variant, Kernel>> & { readonly name: string };

/**
 * A matrix product over `operands`, a WGSL file that says what A, B and C are. It declares `struct Params` with `rows` and
 * `columns` (of C, columns counted in V), the buffers, and
 * - `Row`, `open_row(m)`: what is worth keeping for a row of A; `Cursor`, `seek(row, s)`: its place in segment s;
 * - `position_at(q) -> Position`: what all rows share at position q; `load_a(cursor, q, position) -> f32`;
 * - `b_row(s)`: the row of B at the start of segment s; `load_b(row, column) -> V`;
 * - `const ADJACENT_ROWS`: whether A's rows lie side by side in memory, else its positions do;
 * - `segments_of(split) -> vec2u`, `positions_of(s, m0) -> vec2u`: the sum's range, for the tile of rows that begins at m0; `store(m, n, split, value: V)`.
 * The sum runs over segments (taps of a kernel, lines of an image), within them over positions (channels, pixels).
 */
export function defineGemm(name: string, ...operands: string[]): Gemm {
  const variant = (v: Variant, core: string): Kernel => defineKernel(`${name}.${v}`, ...operands, core);
  return {
    name,
    subgroup: variant('subgroup', subgroup),
    tiled: variant('tiled', tiled),
    plain: variant('plain', plain),
  };
}

export interface GemmLaunch extends Omit<Problem, 'kernel' | 'splits'> {
  readonly splits?: number;
  readonly buffers: Readonly<Record<string, Storage>>;
  readonly params: Readonly<Record<string, number>>;
  /** May depend on the tile. */
  readonly constants: Constants | ((tile: Tile) => Constants);
  readonly label: string;
  /** Bytes of A, B and C, for profiles. */
  readonly bytes?: number;
}

export function runGemm(device: Device, gemm: Gemm, launch: GemmLaunch): void {
  const { rows, columns, splits = 1, width, segments, positions, buffers, params, constants, label, bytes } = launch;
  watchers.get(device)?.(gemm, launch);
  const tile = chooseTile(device, problemOf(gemm, launch));
  device.dispatch(gemm[tile.variant], {
    buffers,
    params: { ...params, rows, columns },
    constants: {
      ...(typeof constants === 'function' ? constants(tile) : constants),
      V: vectorType(width),
      ...tile.constants,
    },
    workgroups: [ceilDiv(columns, tile.columns), ceilDiv(rows, tile.rows), splits],
    label,
    flop: 2 * rows * columns * width * segments * positions * splits,
    bytes,
  });
}

export const problemOf = ({ name }: Gemm, { splits = 1, ...launch }: GemmLaunch): Problem => ({
  ...launch,
  kernel: name,
  splits,
});

type Watch = (gemm: Gemm, launch: GemmLaunch) => void;
const watchers = new WeakMap<Device, Watch>();

/** Shows `watch` every matrix product that `fn` launches. */
export function watchGemms(device: Device, watch: Watch, fn: () => unknown): void {
  watchers.set(device, watch);
  try {
    fn();
  } finally {
    watchers.delete(device);
  }
}
