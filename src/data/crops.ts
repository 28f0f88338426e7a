// Prepared faces for a list of samples: made in parallel threads, kept on disk, read by the loader.
import { rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError, MachineError } from '../base/errors';
import { addressSpaceLeft } from '../device/node/memory';
import { checkCropRoom, openCropCache } from './crop_cache';
import { CropSet } from './crop_set';
import type { FacePose } from './face';
import type { CropJob, CropResult, GroupDone } from './image_worker';
import { runImageWorkers } from './image_workers';
import type { Samples } from './sample_columns';
import { type BadItem, describeBad } from './samples';

export interface PrepareOptions {
  /** Directory below which the samples' images are; a link that leads out of it is bad. */
  imageDir: string;
  /** Side of a crop in pixels. */
  size: number;
  /** Parallel threads, 1 or more; default 4. */
  workers?: number;
  /** Directory of the cache, or `off`; default: per user. */
  cache?: string;
  /** Largest fraction of bad rows and images that is passed over; default 0.01. */
  maxBad?: number;
  /** Bad rows of the annotations: they count as well. */
  badRows?: readonly BadItem[];
  /** Ends it early, with the pictures at hand. */
  signal?: AbortSignal;
  /** Called after each group of images. */
  onProgress?: (done: number, total: number) => void;
  /** Called with what a thread did, and when, after each group of images. */
  onGroup?: (group: GroupDone, thread: number) => void;
}

/** Bad items that a message names. */
const SHOWN = 20;

/**
 * Decodes, aligns, crops and resizes every sample's face (a picture that is the face is resized), or takes it from the cache. An image that cannot be used is
 * left out and listed in the result's `bad`, after the bad rows. What is cleared from the cache meanwhile is prepared again. The
 * result must be closed; until then it needs the cache no more.
 *
 * @throws InputError: no such image directory; more than `maxBad` of the rows and images are bad (with a list)
 * @throws the signal's reason
 * @throws MachineError: the disk has no room for them, the image directory is gone, a thread died, or cannot write the cache
 */
export async function prepareCrops(samples: Samples, options: PrepareOptions): Promise<CropSet> {
  const { imageDir, size, cache, maxBad = 0.01, badRows = [] } = options;
  if (!statSync(imageDir, { throwIfNoEntry: false })?.isDirectory()) {
    throw new InputError(`${imageDir}: no such image directory; check --image_dir`);
  }
  const limit = badAllowed(samples.length + badRows.length, maxBad);
  checkCropRoom(cache, size, samples.length);
  const { dir, temporary } = openCropCache(cache);
  const remove = () => rmSync(dir, { recursive: true, force: true });
  const release = () => {
    process.off('exit', remove);
    remove();
  };
  if (temporary) process.once('exit', remove);
  const files: Packs = new Map();
  try {
    const jobs = samples.map(({ image, pose }, index) => ({
      index,
      file: resolve(imageDir, image),
      pose: pose as FacePose | null,
    }));
    const prepare = (wanted: readonly CropJob[]) => prepareAll(wanted, options, dir, limit - badRows.length);
    const results = badRows.length > limit ? [] : await prepareAndOpen(jobs, prepare, dir, files);
    const usable = results.filter((r) => 'place' in r);
    const bad = [...badRows];
    for (const result of results) {
      if (!('reason' in result)) continue;
      const { image, where } = samples.at(result.index);
      bad.push({ where, image, reason: result.reason });
    }
    checkBad(bad, samples.length + badRows.length, maxBad);
    if (usable.length === 0) throw new InputError(`${imageDir}: expected images, found none that can be used`);
    return new CropSet({
      size,
      samples: samples.select(usable.map((r) => r.index)),
      bad,
      made: usable.filter((r) => r.made).length,
      places: usable.map((r) => r.place),
      files,
      release: temporary ? release : undefined,
    });
  } catch (error) {
    for (const file of files.values()) await file.close();
    if (temporary) release();
    throw error;
  }
}

type Packs = Map<string, FileHandle>;

/** How often what was cleared meanwhile is prepared anew. */
const TRIES = 10;

/** Prepares `jobs`, and opens the packs that they are in; prepares again what is gone from the cache by then. Results in order. */
async function prepareAndOpen(
  jobs: readonly CropJob[],
  prepare: (wanted: readonly CropJob[]) => Promise<CropResult[]>,
  dir: string,
  files: Packs,
): Promise<CropResult[]> {
  const results = new Map<number, CropResult>();
  let wanted = jobs;
  for (let tries = 0; wanted.length > 0; tries++) {
    if (tries === TRIES)
      throw new MachineError(`${dir}: prepared faces vanish as soon as they are made; give another --cache`);
    for (const result of await prepare(wanted)) results.set(result.index, result);
    const packOf = (index: number): string | undefined => {
      const result = results.get(index);
      return result && 'place' in result ? result.place.pack : undefined;
    };
    const gone = await openPacks(dir, files, new Set(jobs.flatMap(({ index }) => packOf(index) ?? [])));
    wanted = jobs.filter(({ index }) => gone.has(packOf(index)));
  }
  return [...results.values()].sort((a, b) => a.index - b.index);
}

/** Opens those packs that are not open yet. @returns the ones that are gone */
async function openPacks(dir: string, files: Packs, packs: ReadonlySet<string>): Promise<Set<string | undefined>> {
  const gone = new Set<string | undefined>();
  for (const pack of packs) {
    if (files.has(pack)) continue;
    try {
      files.set(pack, await open(join(dir, pack)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      gone.add(pack);
    }
  }
  return gone;
}

/** Results in no fixed order. Ends early once `limit` is passed and there are enough bad images to show. */
async function prepareAll(
  jobs: readonly CropJob[],
  { imageDir, size, workers = 4, signal, onProgress, onGroup }: PrepareOptions,
  store: string,
  limit: number,
): Promise<CropResult[]> {
  const results: CropResult[] = [];
  let bad = 0;
  // A thread costs a tenth of a second to start: not for a handful of pictures.
  const threads = Math.max(1, Math.min(workers, Math.ceil(jobs.length / 32), threadsThatFit()));
  signal?.throwIfAborted();
  await runImageWorkers(
    jobs,
    { store, imageDir, size },
    threads,
    (group, thread) => {
      results.push(...group.results);
      bad += group.results.filter((r) => 'reason' in r).length;
      onProgress?.(results.length, jobs.length);
      onGroup?.(group, thread);
      return bad <= limit || bad < SHOWN;
    },
    { signal },
  );
  signal?.throwIfAborted();
  return results;
}

/** Address space that a thread reserves, and the first one beside it; Node 20 does not survive that it has too little. */
const THREAD = 600 * 2 ** 20;
const FIRST = 300 * 2 ** 20;

/** @throws MachineError if there is not room for one */
function threadsThatFit(): number {
  const left = addressSpaceLeft();
  const threads = Math.floor((left - FIRST) / THREAD);
  if (threads >= 1) return threads;
  const [has, needs] = [left, FIRST + THREAD].map((bytes) => Math.round(bytes / 2 ** 20));
  throw new MachineError(
    `ulimit -v leaves ${has} MiB of address space, a thread that prepares images needs ${needs} MiB: raise it`,
  );
}

const badAllowed = (total: number, maxBad: number): number => Math.floor(maxBad * total);

/** @throws InputError with a list if more than `maxBad` of `total` rows and images are bad */
export function checkBad(bad: readonly BadItem[], total: number, maxBad: number): void {
  if (bad.length <= badAllowed(total, maxBad)) return;
  const lines = bad.slice(0, SHOWN).map((item) => `  ${describeBad(item)}`);
  if (bad.length > SHOWN) lines.push(`  ... and ${bad.length - SHOWN} more`);
  throw new InputError(
    `${bad.length} of ${total} rows and images cannot be used, more than ${100 * maxBad} % (--max_bad ${maxBad}):\n` +
      `${lines.join('\n')}\ncheck --image_dir and the files, or allow more with --max_bad`,
  );
}
