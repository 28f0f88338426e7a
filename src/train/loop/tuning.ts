// Which tiles a run's matrix kernels use, where those are measured: kept per user, by adapter, driver and version.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../base/errors';
import { replaceFile } from '../../data/files';
import type { Device } from '../../device';
import { ensureCacheDir } from '../../device/node';
import { tune, type Work, worksOf } from '../../kernels/gemm/tuner';
import { type TileTable, useTiles } from '../../kernels/variant';
import { packageVersion } from '../run/package_version';
import type { Run } from '../run/read_run';

/** Seconds that measuring takes at most. What was not reached is measured by the next run. */
const SECONDS = 20;

/**
 * Settles which tiles the device uses, and returns the table, for the run's record. A resumed run keeps those it has, whatever
 * was measured since, and one that repeats another those of the other, if this adapter has them. Else, if wanted, all kinds of matrix products that `step` computes get the tile that was fastest when
 * this or an earlier run measured on this adapter, with this driver and version; the rest goes by rule.
 *
 * @param wanted null: on a GPU
 * @param step computes as a training step does, in a dry run
 * @param repeated the tiles of the run that this one repeats; none: as if it repeated none
 * @throws InputError when a resumed run's tile cannot be run here
 */
export async function chooseKernels(
  device: Device,
  wanted: boolean | null,
  resume: Run | null,
  step: () => void,
  notice: (line: string) => void,
  repeated: TileTable = {},
): Promise<TileTable> {
  let tiles: TileTable = {};
  if (resume) tiles = resume.args.kernels;
  else if (canUse(device, repeated, notice)) return repeated;
  else if (wanted ?? !device.software) tiles = await measuredTiles(device, worksOf(device, step), notice);
  try {
    useTiles(device, tiles);
  } catch (error) {
    if (!resume || !(error instanceof InputError)) throw error;
    throw new InputError(`${resume.dir}/args.json: ${error.message}; resume on the adapter that the run began on`);
  }
  return tiles;
}

/** Lets the device use what another run has measured: false where that is nothing, or not for this adapter. */
function canUse(device: Device, tiles: TileTable, notice: (line: string) => void): boolean {
  try {
    useTiles(device, tiles);
    return Object.keys(tiles).length > 0;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    notice(`kernels of the run that is repeated: ${error.message}; they are chosen anew`);
    return false;
  }
}

async function measuredTiles(device: Device, works: Work[], notice: (line: string) => void): Promise<TileTable> {
  const cache = new TuningCache(device);
  const known = cache.read();
  const missing = works.filter((w) => !Object.hasOwn(known, w.class));
  let tiles = known;
  if (missing.length > 0) {
    notice(
      `tuning kernels, once: ${missing.length} kinds of matrix products, at most ${SECONDS} s (--tune off: not at all)`,
    );
    const start = performance.now();
    const { table, better } = await tune(device, missing, { seconds: SECONDS });
    const done = `tuned ${Object.keys(table).length} of ${missing.length}`;
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    notice(`${done} in ${seconds} s, ${better} run faster than before; ${await cache.add(table)}`);
    tiles = { ...known, ...table };
  }
  const own = new Set(works.map((w) => w.class));
  return Object.fromEntries(Object.entries(tiles).filter(([key]) => own.has(key)));
}

/** What the tuner found on one adapter, with one driver and version of this program. */
export class TuningCache {
  private readonly of: Readonly<Record<string, string>>;

  constructor(private readonly device: Device) {
    const { vendor, architecture, device: adapter, description: driver } = device.info;
    const version = packageVersion('emotion-gcn', import.meta.url);
    this.of = { vendor, architecture, adapter, driver, version };
  }

  get file(): string {
    const key = createHash('sha256').update(JSON.stringify(this.of)).digest('hex').slice(0, 16);
    return join(ensureCacheDir(), 'kernels', `${key}.json`);
  }

  /** Nothing where there is no file, or one that is damaged or names a tile that is no more: all is measured again. */
  read(): TileTable {
    try {
      const { tiles, ...of } = JSON.parse(readFileSync(this.file, 'utf8'));
      if (JSON.stringify(of) !== JSON.stringify(this.of)) return {};
      useTiles(this.device, tiles);
      return tiles;
    } catch {
      return {};
    } finally {
      useTiles(this.device, {});
    }
  }

  /** Adds to what is there by now. @returns where, or why not: a run goes on without. */
  async add(table: TileTable): Promise<string> {
    try {
      mkdirSync(join(this.file, '..'), { recursive: true });
      const content = { ...this.of, tiles: { ...this.read(), ...table } };
      await replaceFile(this.file, `${JSON.stringify(content, null, 2)}\n`);
      return `kept in ${this.file}`;
    } catch (error) {
      return `not kept: ${(error as Error).message}`;
    }
  }
}
