import { type Constants, type Device, defineKernel, type Kernel, type Storage } from '../../device';
import { ceilDiv } from '../launch/ceil_div';
import { vectorType } from '../launch/matrix';
import { choose, chooseTile, type Problem, type Tile } from '../variant';
import adjacentPositions from './adjacent_positions.wgsl';
import adjacentRows from './adjacent_rows.wgsl';
import apart from './apart.wgsl';
import packByNumber from './pack_by_number.wgsl';
import packByPosition from './pack_by_position.wgsl';
import part from './part.wgsl';
import plain from './plain.wgsl';
import rowByRow from './row_by_row.wgsl';
import singly from './singly.wgsl';
import subgroup from './subgroup.wgsl';
import sum from './sum.wgsl';
import tiled from './tiled.wgsl';
import whole from './whole.wgsl';

/** What a matrix product computes with: how rows of A, rows of B and results are found in memory. */
export interface Gemm extends Readonly<Record<'tiled' | 'part' | 'sum' | 'plain', Kernel>> {
  readonly name: string;
  /** By what is loaded of A at once; `eights`: positions, in subgroups of eight lanes and more. */
  readonly subgroup: Readonly<Record<'number' | 'positions' | 'eights' | 'rows', Kernel>>;
}

/**
 * A matrix product over `operands`, a WGSL file that says what A, B and C are. It declares `struct Params` with `rows` and
 * `columns` (of C, columns counted in V), the buffers, and
 * - `Row`, `open_row(m)`: what is worth keeping for a row of A; `Cursor`, `seek(row, s)`: its place in segment s;
 * - `position_at(q, lane) -> Position`: what all rows share at position q; `load_a(cursor, q, position) -> A`, W numbers that lie
 *   side by side: one, or 2 positions from q on, or 4 rows;
 * - `b_row(s)`: the row of B at the start of segment s; `load_b(row, column) -> V`;
 * - `segments_of(split) -> vec2u`, `positions_of(s, row) -> vec2u`: the sum's range, `row` being the first of the tile; `store(m, n, split, value: V)`.
 * The sum runs over segments (taps of a kernel, lines of an image), within them over positions (channels, pixels).
 */
export const defineGemm = (name: string, ...operands: string[]): Gemm => kernelsOf(name, operands, [apart]);

/**
 * A matrix product whose operands sum over the rows that an invocation stores, one after the other: in place of `store` they
 * declare `Column`, what is kept for a column of C, `open_column(n)`, `put(&column, m, n, split, value: V)` and
 * `close_column(column, tile, n)`, tile being m counted in `Tile.rows`. Only for devices that `ownColumns`, unless there is a `store` besides.
 */
export const defineColumnGemm = (name: string, ...operands: string[]): Gemm => kernelsOf(name, operands, []);

/** Whether one invocation stores all rows that a workgroup has of a column. */
export const ownColumns = (device: Device): boolean => choose(device).variant !== 'tiled';

function kernelsOf(name: string, operands: readonly string[], columns: readonly string[]): Gemm {
  const kernel = (core: string, ...texts: string[]): Kernel => defineKernel(`${name}.${core}`, ...operands, ...texts);
  return {
    name,
    subgroup: {
      number: kernel('subgroup', singly, rowByRow, ...columns, subgroup),
      positions: kernel('subgroup_positions', adjacentPositions, packByPosition, rowByRow, ...columns, subgroup),
      eights: kernel('subgroup_positions', adjacentPositions, packByNumber, rowByRow, ...columns, subgroup),
      rows: kernel('subgroup_rows', adjacentRows, ...columns, subgroup),
    },
    tiled: kernel('tiled', singly, whole, tiled),
    part: kernel('part', singly, part, tiled),
    sum: kernel('sum', singly, sum),
    plain: kernel('plain', singly, ...columns, plain),
  };
}

export interface GemmLaunch extends Omit<Problem, 'kernel' | 'splits'> {
  readonly splits?: number;
  /** What lies side by side in A's memory, and whether fours of them can be loaded at once. */
  readonly adjacent: { readonly what: 'rows' | 'positions'; readonly width: 4 | 1 };
  readonly buffers: Readonly<Record<string, Storage>>;
  readonly params: Readonly<Record<string, number>>;
  /** May depend on the tile. */
  readonly constants: Constants | ((tile: Tile) => Constants);
  readonly label: string;
  /** Operations of the products that are there, two each: the last split may hold fewer than `segments` x `positions`. */
  readonly flop: number;
  /** Bytes of A, B and C, for profiles. */
  readonly bytes?: number;
}

/** How many numbers of A a lane loads at once. */
const LOADED = { number: 1, positions: 2, eights: 2, rows: 4 } as const;

/** @param left where a tile in parts leaves them, as [part][row][column], for the caller to add up; else they are added here */
export function runGemm(device: Device, gemm: Gemm, launch: GemmLaunch, left: Storage | null = null): void {
  const { rows, columns, splits = 1, width, adjacent, stored, buffers, label, flop, bytes } = launch;
  watchers.get(device)?.(gemm, launch);
  const tile = tileOf(device, gemm, launch);
  const parts = splits === 1 ? tile.parts : 1;
  const params = { ...launch.params, rows, columns };
  const own = typeof launch.constants === 'function' ? launch.constants(tile) : launch.constants;
  const atOnce = loadedAtOnce(tile, launch);
  const constants = {
    ...own,
    V: vectorType(width),
    A: vectorType(LOADED[atOnce]),
    AS: vectorType(LOADED[atOnce], stored),
    PACK: vectorType(atOnce === 'eights' ? 1 : 4),
    ADJACENT_ROWS: adjacent.what === 'rows',
    PARTS: parts,
  };
  const compute = (kernel: Kernel, all: typeof buffers): void =>
    device.dispatch(kernel, {
      buffers: all,
      params,
      constants: { ...constants, ...tile.constants },
      workgroups: [ceilDiv(columns, tile.columns), ceilDiv(rows, tile.rows), splits * parts],
      label,
      flop,
      bytes,
    });
  if (parts === 1) {
    compute(tile.variant === 'subgroup' ? gemm.subgroup[atOnce] : gemm[tile.variant], buffers);
    return;
  }
  const partial = left ?? device.alloc(parts * rows * columns * width * 4, 'gemm.parts');
  compute(gemm.part, { ...buffers, partial });
  if (left) return;
  device.dispatch(gemm.sum, {
    buffers: { ...buffers, partial },
    params,
    constants: { ...constants },
    workgroups: [ceilDiv(rows * columns, 64)],
    label: label.replace(' ', '.sum '),
    bytes: partial.bytes,
  });
  device.free(partial);
}

function loadedAtOnce({ variant, constants }: Tile, { width, adjacent }: GemmLaunch): keyof typeof LOADED {
  if (variant !== 'subgroup' || width !== 4 || adjacent.width !== 4) return 'number';
  if (adjacent.what === 'rows') return constants.ROWS === 4 ? 'rows' : 'number';
  return Number(constants.LANES) >= 8 ? 'eights' : 'positions';
}

/** The tile that `runGemm` takes. */
export const tileOf = (device: Device, gemm: Gemm, launch: GemmLaunch): Tile =>
  chooseTile(device, problemOf(gemm, launch));

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
