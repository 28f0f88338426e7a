import type { Constants } from '../../device';
import type { DType } from '../launch/matrix';

/**
 * How the matrix kernels are written for an adapter:
 * - `subgroup`: one subgroup a workgroup, operands broadcast in registers, large register tiles (drivers on a CPU);
 * - `tiled`: workgroup-memory tiles (GPUs);
 * - `plain`: registers only, runs anywhere.
 */
export type Variant = 'subgroup' | 'tiled' | 'plain';

/** What a matrix kernel is asked for: `splits` sums of `segments` x `positions` products for each element of C. */
export interface Problem {
  readonly kernel: string;
  readonly rows: number;
  /** Columns of C, counted in vectors of `width`. */
  readonly columns: number;
  readonly width: 4 | 1;
  readonly segments: number;
  readonly positions: number;
  readonly splits: number;
  /** How A is stored. */
  readonly stored: DType;
}

/** The part of C that a workgroup owns, and the constants that make the variant's kernel do it. */
export interface Tile {
  /** Variant, rows, columns (of f32), how deep workgroup memory is filled at once, parts: `tiled 32x64x16 in 4`. */
  readonly name: string;
  readonly variant: Variant;
  readonly rows: number;
  /** In vectors. */
  readonly columns: number;
  /** Workgroups that share the sum of one part of C, their results being added by a second pass. */
  readonly parts: number;
  readonly constants: Constants;
}

/** All tiles of a variant on an adapter whose subgroups (or rows of lanes) have `lanes`. */
export function tilesOf(variant: Variant, lanes: number): readonly Tile[] {
  if (variant === 'tiled') return TILED;
  if (variant === 'plain') return [plain(lanes)];
  return [4, 2].flatMap((rows) => [2, 1].map((n) => subgroup(lanes, n, rows)));
}

/** A tile that is expected to reach less than this part of what the likeliest does is not tried. */
const HOPE = 0.7;

/** The tiles that may be the fastest for a problem. Whether parts pay for their second pass is always to be measured. */
export function candidatesOf(variant: Variant, lanes: number, problem: Problem): readonly Tile[] {
  if (variant !== 'tiled') return tilesOf(variant, lanes);
  const best = (tiles: readonly Tile[]): number => Math.max(...tiles.map((t) => estimate(t, problem)));
  const bestWhole = best(TILED.filter((t) => t.parts === 1));
  const bestOfAll = best(TILED);
  return TILED.filter((t) => estimate(t, problem) >= HOPE * (t.parts === 1 ? bestWhole : bestOfAll));
}

/** The tile for a problem as a rule has it, where nobody measured. */
export function tileByRule(variant: Variant, lanes: number, problem: Problem): Tile {
  if (variant === 'tiled')
    return TILED.filter(modest).reduce((a, b) => (estimate(b, problem) > estimate(a, problem) ? b : a));
  if (variant === 'plain') return plain(lanes);
  return subgroup(lanes, problem.columns > lanes && !isThin(problem) ? 2 : 1, rowsOf(lanes, problem));
}

/**
 * Products as a network's head has them: few rows, or sums of few terms. They are over in a millisecond, but come in all
 * layouts of A, each a kernel of its own, and the narrow tile takes half the time to compile.
 */
const isThin = ({ kernel, rows, positions }: Problem): boolean =>
  kernel === 'matmul' && Math.min(rows, positions) <= 16;

/** Rows a lane: four; two where a network sees one image and its map has no more pixels than such a tile has rows. */
const rowsOf = (lanes: number, { kernel, rows }: Problem): number =>
  kernel === 'conv2d.forward' && rows <= 2 * lanes ? 2 : 4;

/** So many rows and `n` vectors a lane. */
const subgroup = (lanes: number, n: number, rows: number): Tile => ({
  name: `subgroup ${rows * lanes}x${4 * n * lanes}`,
  variant: 'subgroup',
  rows: rows * lanes,
  columns: n * lanes,
  parts: 1,
  constants: { LANES: lanes, TN: n, ROWS: rows },
});

const plain = (lanes: number): Tile => ({
  name: `plain 8x${4 * lanes}`,
  variant: 'plain',
  rows: 8,
  columns: lanes,
  parts: 1,
  constants: { LANES: lanes, TM: 8 },
});

/** BM rows x BN vectors, BK deep; an invocation owns TM rows of TN vectors, and there are BM * BK / 4 of them: see tiled.wgsl. */
const tiled = (BM: number, BN: number, BK: number, TM: number, TN: number, parts = 1): Tile => ({
  name: `tiled ${BM}x${4 * BN}x${BK}${parts > 1 ? ` in ${parts}` : ''}`,
  variant: 'tiled',
  rows: BM,
  columns: BN,
  parts,
  constants: { BM, BN, BK, TM, TN },
});

/**
 * At most 256 invocations and 16 KiB of workgroup memory: what every adapter has. 128x128x8, 128x64x8 and 64x64 are the
 * tiles that float32 products are commonly made of (CUTLASS, CLBlast, tfjs); those 32 wide are for DenseNet's 3x3
 * convolutions with their 32 outputs, the low ones and those in parts for maps of 7x7 and 3x3, the
 * shallow ones for few input channels.
 */
const TILED: readonly Tile[] = [
  tiled(128, 32, 8, 8, 2),
  tiled(128, 16, 8, 8, 1),
  tiled(64, 32, 16, 8, 1),
  tiled(64, 16, 16, 4, 1),
  tiled(64, 16, 8, 8, 1),
  tiled(128, 8, 8, 4, 1),
  tiled(64, 8, 8, 4, 1),
  tiled(64, 8, 4, 8, 1),
  tiled(32, 16, 16, 4, 1),
  tiled(32, 8, 8, 4, 1),
  tiled(16, 16, 16, 4, 1),
  tiled(16, 8, 8, 4, 1),
  tiled(32, 16, 16, 4, 1, 4),
  tiled(64, 8, 8, 4, 1, 4),
  tiled(32, 8, 8, 4, 1, 4),
  tiled(16, 8, 8, 4, 1, 4),
];

/** Sums and sums of sums of 8 x 8 elements take 128 registers, more than some GPUs have for an invocation: not unmeasured. */
const modest = ({ constants: { TM, TN } }: Tile): boolean => Number(TM) * Number(TN) <= 8;

/** Workgroups, and invocations in all, that keep a GPU busy. */
const BUSY = { workgroups: 96, invocations: 16384 };

/** What things cost an invocation, in multiply-adds: a number read from workgroup memory, one from storage, a step of BK with its two barriers. */
const COST = { read: 1, load: 8, step: 20 };

/**
 * What share of its rate a GPU can be expected to reach with a tile, on paper: the part of the tiles that lies inside C and
 * inside the sum, times the part of the GPU that has work, over what a multiply-add costs with all that it needs.
 */
function estimate({ rows, columns, constants, parts }: Tile, problem: Problem): number {
  if (parts > 1 && problem.splits > 1) return 0; // a sum that is in parts already
  const [BK, TM, TN] = [constants.BK, constants.TM, constants.TN].map(Number);
  const across = TN * problem.width;
  const filled = (size: number, tile: number): number => size / (Math.ceil(size / tile) * tile);
  const inside = filled(problem.rows, rows) * filled(problem.columns, columns) * filled(problem.positions, parts * BK);
  const workgroups = Math.ceil(problem.rows / rows) * Math.ceil(problem.columns / columns) * problem.splits * parts;
  const invocations = (problem.rows * problem.columns * problem.splits * parts) / (TM * TN);
  const busy = Math.min(1, workgroups / BUSY.workgroups, invocations / BUSY.invocations);
  const cost =
    1 +
    COST.read * (1 / TM + 1 / across) +
    COST.load * (1 / rows + 1 / (columns * problem.width)) +
    COST.step / (BK * TM * across) +
    (parts > 1 ? (2 * COST.load * parts) / (problem.segments * problem.positions) : 0);
  return (inside * busy) / cost;
}
