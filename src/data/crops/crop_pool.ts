// Prepared faces for samples: made in threads as they are needed, and kept on disk.

import type { Canvas } from '../../base/pixels/warp';
import { diskRoom } from '../disk_room';
import { openCropCache } from './crop_cache';
import { type KeyTable, readKeys } from './crop_keys';
import { recordLength, recordsOf } from './crop_packs';
import type { CropJob, CropResult, GroupDone } from './image_worker';
import { GROUP, ImageWorkers } from './image_workers';

export interface CropOptions {
  /** Side of a crop in pixels. */
  readonly size: number;
  /** See `canvasOf`. Default original. */
  readonly canvas?: Canvas;
  /** Parallel threads, 1 or more; default 4. */
  readonly workers?: number;
  /** Directory of the cache, or `off`; default: per user. */
  readonly cache?: string;
  /** Most bytes that the cache may hold of crops of this size; default: any number. */
  readonly cacheLimit?: number;
  /** Pictures are known by what they contain alone, not by path, size and times. */
  readonly verify?: boolean;
  /** Faces that will be asked for. */
  readonly faces: number;
  /** Told once what is kept where, or why not. */
  readonly say?: (line: string) => void;
  /** Called with what a thread did, and when, after each group of images. */
  readonly onGroup?: (group: GroupDone, thread: number) => void;
}

/** What a thread takes, with pictures as AffectNet's: measured. */
export const THREAD_BYTES = 40 * 2 ** 20;

/**
 * What prepares the faces of one or more sets. It must be closed.
 * @example
 * const pool = new CropPool({ size: 32, cache: 'off', faces: 14 });
 * pool.size; // 32
 * await pool.close();
 */
export class CropPool {
  readonly size: number;
  private readonly workers: ImageWorkers;
  private readonly keys: KeyTable | null;
  /** Bytes that may still be kept. */
  private room: number;
  private readonly say: (line: string) => void;
  private threads: number;

  /** @throws InputError if the cache cannot be made */
  constructor({
    size,
    canvas = 'original',
    workers = 4,
    cache,
    cacheLimit,
    verify = false,
    faces,
    say = () => {},
    onGroup,
  }: CropOptions) {
    this.size = size;
    this.say = say;
    const dir = openCropCache(cache);
    this.room = dir === null ? 0 : roomIn(dir, size, faces, cacheLimit ?? Number.POSITIVE_INFINITY, say);
    this.keys = dir === null ? null : readKeys(dir, size, this.room > 0 ? faces : 0);
    // A thread costs a tenth of a second to start: not for a handful of pictures.
    this.threads = Math.max(1, Math.min(workers, Math.ceil(faces / 32)));
    const settings = {
      size,
      canvas,
      verify,
      cache: dir === null || !this.keys ? null : { dir, keys: this.keys.memory },
    };
    this.workers = new ImageWorkers(
      settings,
      () => this.threads,
      () => this.room > 0,
      (group, thread) => {
        for (const result of group.results) this.take(result);
        onGroup?.(group, thread);
      },
    );
  }

  /** From now on no further thread begins beyond so many (or one), each of which takes `THREAD_BYTES`. */
  limitThreads(most: number): void {
    this.threads = Math.max(1, Math.min(this.threads, most));
  }

  /** Faces that are to be asked for ahead of need, so that all threads have work. */
  get ahead(): number {
    return 2 * GROUP * this.threads;
  }

  /** Writes crops to `into`, one after the other; results in order. */
  prepare(jobs: readonly CropJob[], into: Uint8Array): Promise<CropResult[]> {
    return this.workers.run(jobs, into);
  }

  private take(result: CropResult): void {
    if ('reason' in result) return;
    const { keys, made, place, full } = result;
    if (place) for (const key of keys ?? []) this.keys?.set(Buffer.from(key), place);
    if (this.room <= 0) return;
    if (made && place) this.room -= recordLength(this.size);
    const why = full === undefined ? 'the cache has reached --cache_limit' : `a prepared face cannot be kept: ${full}`;
    if (full === undefined && this.room > 0) return;
    this.room = 0;
    this.say(`${why}; from here on new ones are prepared again in every epoch`);
  }

  close(): Promise<void> {
    return this.workers.close();
  }
}

/** Bytes of further crops that are kept in a cache; says how many there may be, or why none. */
function roomIn(dir: string, size: number, faces: number, limit: number, say: (line: string) => void): number {
  const each = recordLength(size);
  const has = each * [...recordsOf(dir, size).values()].reduce((a, b) => a + b, 0);
  const needs = Math.max(0, faces * each - has);
  const allowed = limit - has;
  // There may be as many of others, but then this set's are to come beside them.
  if (needs === 0 && allowed > 0) return allowed;
  const free = diskRoom(dir);
  const what = `${faces} prepared faces of ${size} pixels take ${bytes(faces * each)}`;
  if (needs > free) {
    say(
      `${what}, ${dir} has room for ${bytes(Math.max(0, free))} more: --cache off, they are prepared again in every epoch`,
    );
    return 0;
  }
  if (needs <= allowed)
    say(`${what} in ${dir}, which has ${bytes(has)} of them or others and room for ${bytes(free)} more`);
  else
    say(`${what}, --cache_limit leaves ${bytes(Math.max(0, allowed))}: the others are prepared again in every epoch`);
  return Math.max(0, allowed);
}

const bytes = (n: number): string =>
  n >= 2 ** 30
    ? `${(n / 2 ** 30).toFixed(1)} GiB`
    : n >= 2 ** 20
      ? `${(n / 2 ** 20).toFixed(1)} MiB`
      : `${Math.ceil(n / 1024)} KiB`;
