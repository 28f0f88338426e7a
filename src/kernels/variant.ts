import { InputError } from '../base/errors';
import type { Device } from '../device';
import { candidatesOf, type Problem, type Tile, tileByRule, tilesOf, type Variant } from './gemm/tile';

export type { Problem, Tile, Variant };

export interface KernelChoice {
  readonly variant: Variant;
  /** Lanes of a subgroup (`subgroup`), else of a row of the workgroup. */
  readonly lanes: number;
}

/** Tiles by class of problem (see `classOf`), by name: what a tuner measured, what a run's record holds. */
export type TileTable = Readonly<Record<string, string>>;

const forced = new WeakMap<Device, { variant: Variant; tile?: Tile }>();
const tables = new WeakMap<Device, ReadonlyMap<string, Tile>>();

/**
 * Makes a device use one variant for all, or one tile of it (`tiled 64x64x16`), as tests and benchmarks want. `null`: back
 * to choosing.
 * @throws InputError when this adapter cannot run it
 * @example
 * forceVariant(device, 'plain');
 * forceVariant(device, null); // back to what suits the adapter
 */
export function forceVariant(device: Device, name: Variant | (string & {}) | null): void {
  forced.delete(device);
  if (name === null) return;
  const variant = variantsOf(device).find((v) => v === name);
  forced.set(
    device,
    variant ? { variant } : { variant: tileNamed(device, name).variant, tile: tileNamed(device, name) },
  );
}

/** Makes a device use these tiles for the problems of these classes. @throws InputError naming one that it cannot run. */
export function useTiles(device: Device, table: TileTable): void {
  tables.set(device, new Map(Object.entries(table).map(([key, name]) => [key, tileNamed(device, name)])));
}

/**
 * The variants that this adapter can run.
 * @example
 * variantsOf(device).includes('tiled'); // true
 */
export function variantsOf(device: Device): Variant[] {
  return subgroupSize(device) === null ? ['tiled', 'plain'] : ['subgroup', 'tiled', 'plain'];
}

/** All tiles that this adapter can run. */
export const allTiles = (device: Device): Tile[] =>
  variantsOf(device).flatMap((variant) => tilesOf(variant, lanesOf(device, variant)));

/** The tiles that are worth measuring for a problem. */
export function candidates(device: Device, problem: Problem): readonly Tile[] {
  const { variant, lanes } = choose(device);
  return candidatesOf(variant, lanes, problem);
}

/** The variant of this adapter, by its facts, or the one that was forced. */
export function choose(device: Device): KernelChoice {
  const byFacts = !device.software ? 'tiled' : subgroupSize(device) === null ? 'plain' : 'subgroup';
  const variant = forced.get(device)?.variant ?? byFacts;
  return { variant, lanes: lanesOf(device, variant) };
}

/** The one place that chooses how a problem is computed: as was forced, else as was measured, else by rule. */
export function chooseTile(device: Device, problem: Problem): Tile {
  const force = forced.get(device);
  if (force?.tile) return force.tile;
  const measured = force ? undefined : tables.get(device)?.get(classOf(problem));
  if (measured) return measured;
  const { variant, lanes } = choose(device);
  return tileByRule(variant, lanes, problem);
}

/** Problems of one class share a tile: sizes alike up to the next power of two. */
export function classOf(problem: Problem): string {
  const { kernel, rows, columns, width, segments, positions, splits, stored } = problem;
  const [m, n, s, q, z] = [rows, columns * width, segments, positions, splits].map((v) => 2 ** Math.ceil(Math.log2(v)));
  return `${kernel} ${m}x${n} of ${z}x${s}x${q}${width === 1 ? ' scalar' : ''}${stored === 'f32' ? '' : ` ${stored}`}`;
}

function tileNamed(device: Device, name: string): Tile {
  const tiles = allTiles(device);
  const found = tiles.find((t) => t.name === name);
  if (found) return found;
  const known = [...variantsOf(device), ...tiles.map((t) => t.name)];
  throw new InputError(`kernel ${name}: this adapter has ${known.join(', ')}`);
}

const lanesOf = (device: Device, variant: Variant): number =>
  variant === 'subgroup' ? (subgroupSize(device) ?? 8) : 8;

function subgroupSize(device: Device): number | null {
  const { subgroupMinSize: min, subgroupMaxSize: max } = device.info as {
    subgroupMinSize?: number;
    subgroupMaxSize?: number;
  };
  return device.features.has('subgroups') && min !== undefined && min === max && min >= 4 && min <= 32 ? min : null;
}
