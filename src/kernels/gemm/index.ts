import { type Constants, type Device, defineKernel, type Kernel, type Storage } from '../../device';
import { ceilDiv, GRID_X, grid, vectorType } from '../matrix';
import { chooseTile, type Problem, type Tile, type Variant } from '../variant';
import part from './part.wgsl';
import plain from './plain.wgsl';
import subgroup from './subgroup.wgsl';
import sum from './sum.wgsl';
import tiled from './tiled.wgsl';
import whole from './whole.wgsl';

/** What a matrix product computes with: how rows of A, rows of B and results are found in memory. */
export type Gemm = Readonly<Record<Variant | 'part' | 'sum', Kernel>> & { readonly name: string };

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
  const kernel = (core: string, ...texts: string[]): Kernel => defineKernel(`${name}.${core}`, ...operands, ...texts);
  return {
    name,
    subgroup: kernel('subgroup', subgroup),
    tiled: kernel('tiled', whole, tiled),
    part: kernel('part', part, tiled),
    sum: kernel('sum', sum),
    plain: kernel('plain', plain),
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
  const { rows, columns, splits = 1, width, segments, positions, buffers, label, bytes } = launch;
  watchers.get(device)?.(gemm, launch);
  const tile = chooseTile(device, problemOf(gemm, launch));
  const parts = splits === 1 ? tile.parts : 1;
  const params = { ...launch.params, rows, columns };
  const own = typeof launch.constants === 'function' ? launch.constants(tile) : launch.constants;
  const constants = { ...own, V: vectorType(width), PARTS: parts };
  const compute = (kernel: Kernel, all: typeof buffers): void =>
    device.dispatch(kernel, {
      buffers: all,
      params,
      constants: { ...constants, ...tile.constants },
      workgroups: [ceilDiv(columns, tile.columns), ceilDiv(rows, tile.rows), splits * parts],
      label,
      flop: 2 * rows * columns * width * segments * positions * splits,
      bytes,
    });
  if (parts === 1) {
    compute(gemm[tile.variant], buffers);
    return;
  }
  const partial = device.alloc(parts * rows * columns * width * 4, 'gemm.parts');
  compute(gemm.part, { ...buffers, partial });
  device.dispatch(gemm.sum, {
    buffers: { ...buffers, partial },
    params,
    constants: { ...constants, GRID_X },
    workgroups: grid(ceilDiv(rows * columns, 64)),
    label: `${label} sum`,
    bytes: partial.bytes,
  });
  device.free(partial);
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
