import { MachineError } from '../../base/errors';
import type { Device } from '../../device';
import { candidates, chooseTile, classOf, type Tile, type TileTable, useTiles } from '../variant';
import { type Gemm, type GemmLaunch, problemOf, runGemm, watchGemms } from './index';

/** The problems of one class, by the largest of them: what a tile is measured on. */
export interface Work {
  /** See `classOf`. */
  readonly class: string;
  readonly gemm: Gemm;
  readonly launch: GemmLaunch;
  /** Products of all problems of the class together. */
  readonly products: number;
}

/** The classes of the matrix products that `fn` computes, those with most products first. `fn` may be a dry run. */
export function worksOf(device: Device, fn: () => unknown): Work[] {
  const works = new Map<string, Work>();
  const sizes = new Map<string, number>();
  watchGemms(
    device,
    (gemm, launch) => {
      const problem = problemOf(gemm, launch);
      const size = launch.flop / 2;
      const key = classOf(problem);
      const known = works.get(key);
      const largest = !known || size > (sizes.get(key) ?? 0) ? { gemm, launch } : known;
      works.set(key, {
        class: key,
        gemm: largest.gemm,
        launch: largest.launch,
        products: (known?.products ?? 0) + size,
      });
      sizes.set(key, Math.max(size, sizes.get(key) ?? 0));
    },
    fn,
  );
  return [...works.values()].sort((a, b) => b.products - a.products);
}

export interface TuneOptions {
  /** No measurement begins after so many seconds. */
  readonly seconds: number;
  /** Median milliseconds of a work with a tile; infinity: it cannot run, or is slower than `limit` for sure. */
  readonly measure?: (work: Work, tile: Tile, limit: number) => Promise<number>;
  /** Milliseconds. */
  readonly now?: () => number;
}

export interface Tuned {
  /** The fastest tile of each class that was measured. */
  readonly table: TileTable;
  /** Classes whose tile is not the rule's. */
  readonly better: number;
}

/** Another tile than the rule's must be so much faster: less is noise. */
const MARGIN = 0.95;

/**
 * Measures the tiles that this device may want for each work and finds the fastest by median. A class that was begun but not
 * finished in time has the best of those tiles that were tried. The device must have nothing else to do: memory as for the
 * largest work is taken meanwhile, and all that is free is given back to the driver at the end.
 * @throws MachineError when the device is lost or its memory is spent
 */
export async function tune(device: Device, works: readonly Work[], options: TuneOptions): Promise<Tuned> {
  const { seconds, now = () => performance.now() } = options;
  const measure = options.measure ?? ((work, tile, limit) => timeTile(device, work, tile, limit));
  const end = now() + 1000 * seconds;
  const table: Record<string, string> = {};
  let better = 0;
  for (const work of works) {
    if (now() >= end) break;
    const problem = problemOf(work.gemm, work.launch);
    const rule = chooseTile(device, problem);
    let fastest = rule;
    let least = await measure(work, rule, Number.POSITIVE_INFINITY);
    let limit = least * MARGIN;
    for (const tile of candidates(device, problem)) {
      if (tile.name === rule.name || now() >= end) continue;
      const time = await measure(work, tile, limit);
      if (time >= limit) continue;
      [fastest, least, limit] = [tile, time, time];
    }
    table[work.class] = fastest.name;
    if (fastest !== rule) better++;
  }
  await device.wait();
  device.pool.shrink(); // the operands' memory: a step may want other sizes
  device.pool.resetPeak();
  return { table, better };
}

const REPEAT = 5;

/** Median milliseconds of a work, on memory of its own; of one run alone if that takes twice the limit. */
async function timeTile(
  device: Device,
  { class: key, gemm, launch }: Work,
  tile: Tile,
  limit: number,
): Promise<number> {
  const buffers = Object.entries(launch.buffers).map(
    ([name, { bytes }]) => [name, device.persistent(() => device.alloc(bytes, `tuner.${name}`))] as const,
  );
  const run = (): void => runGemm(device, gemm, { ...launch, buffers: Object.fromEntries(buffers) });
  useTiles(device, { [key]: tile.name });
  try {
    run();
    await device.wait(); // compiled
    const [first] = await time(device, run, 1);
    return first > 2 * limit ? first : median(await time(device, run, REPEAT));
  } catch (error) {
    if (error instanceof MachineError) throw error;
    return Number.POSITIVE_INFINITY; // its driver does not take this tile
  } finally {
    useTiles(device, {});
    for (const [, storage] of buffers) device.free(storage);
  }
}

/** Milliseconds of each of `repeat` runs, by the GPU's clock where it has timestamps. */
async function time(device: Device, run: () => void, repeat: number): Promise<number[]> {
  const launches = await device.profile(() => {
    for (let i = 0; i < repeat; i++) run();
  });
  if (launches.length > 0) {
    const each = launches.length / repeat;
    const total = (i: number): number =>
      launches.slice(i * each, (i + 1) * each).reduce((s, l) => s + l.milliseconds, 0);
    return Array.from({ length: repeat }, (_, i) => total(i));
  }
  const times: number[] = [];
  for (let i = 0; i < repeat; i++) {
    const start = performance.now();
    run();
    await device.wait();
    times.push(performance.now() - start);
  }
  return times;
}

const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1];
