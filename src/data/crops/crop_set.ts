import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { InputError } from '../../base/errors';
import type { Samples } from '../sample_columns';
import { type BadItem, describeBad } from '../samples';
import { BadItems } from './bad_items';
import { type CropPlace, packOf, packWords } from './crop_packs';
import type { CropPool } from './crop_pool';
import type { CropJob } from './image_worker';

/** Words of a place: the pack, and its record, from 1; 0: not known. */
const WORDS = 3;

export interface CropSetOptions {
  readonly samples: Samples;
  /** Folder that their paths start from; a link that leads out of it is bad. */
  readonly root: string;
  /** Bad rows of the annotations: they count as well. */
  readonly badRows?: readonly BadItem[];
  /** Largest fraction of bad rows and images that is passed over; default 0.01. */
  readonly maxBad?: number;
  /** Told of each picture that is left out. */
  readonly say?: (line: string) => void;
}

interface Progress {
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Faces of samples, prepared as they are read.
 * @example
 * const { train } = await readAnnotations('faces/training.csv', { dataset: 'affectnet', classes: CLASSES, imageDir: 'faces' });
 * const pool = new CropPool({ size: 32, cache: 'off', faces: 14 });
 * const faces = new CropSet(pool, { samples: train.samples, root: 'faces' });
 * faces.bytes; // 3072
 * await pool.close();
 */
export class CropSet {
  /** Side of a crop in pixels. */
  readonly size: number;
  /** Of a crop. */
  readonly bytes: number;
  readonly views = null;
  /** Crops made now; the others came from the cache. */
  made = 0;
  private readonly places: Uint32Array;
  /** Why pictures cannot be used. */
  private readonly reasons = new Map<number, string>();

  /** Those that were left out so far. */
  private readonly left = new Set<number>();
  private readonly bad: BadItems;
  readonly samples: Samples;

  /** @throws InputError: no such image directory; TooManyBad if the annotations alone have too many bad rows */
  constructor(
    private readonly pool: CropPool,
    private readonly options: CropSetOptions,
  ) {
    const { badRows = [], maxBad = 0.01, root, samples } = options;
    if (!statSync(root, { throwIfNoEntry: false })?.isDirectory())
      throw new InputError(`${root}: no such image directory; check --image_dir`);
    this.size = pool.size;
    this.bytes = pool.size ** 2 * 3;
    this.samples = samples;
    this.places = new Uint32Array(samples.length * WORDS);
    this.bad = new BadItems(samples.length + badRows.length, maxBad);
    this.bad.add(...badRows);
  }

  /** How many faces are to be asked for ahead of need, so that all threads have work. */
  get ahead(): number {
    return this.pool.ahead;
  }

  /**
   * Writes the crops of `samples[rows[i]]` to `into`, one after the other: rows x size x size x 3 bytes of RGB.
   * @returns of each, whether there is one: its picture can be used
   * @throws MachineError if the image folder is gone, or a thread dies
   */
  async read(rows: ArrayLike<number>, into: Uint8Array): Promise<boolean[]> {
    const wanted = Array.from(rows, (row, i) => ({ row, i })).filter(({ row }) => !this.reasons.has(row));
    const length = this.bytes;
    const whole = wanted.length === rows.length;
    const pixels = whole ? into : new Uint8Array(wanted.length * length);
    const results = await this.pool.prepare(
      wanted.map(({ row }) => this.job(row)),
      pixels,
    );
    for (const [n, result] of results.entries()) {
      const { row, i } = wanted[n];
      if (!whole) into.set(pixels.subarray(n * length, (n + 1) * length), i * length);
      if ('reason' in result) this.reasons.set(row, result.reason);
      else {
        if (result.made) this.made++;
        if (result.place) this.setPlace(row, result.place);
      }
    }
    return Array.from(rows, (row) => !this.reasons.has(row));
  }

  /** How many samples may be left out, at most. */
  get mayBeBad(): number {
    return this.bad.most;
  }

  /** Samples that were left out so far, in the order in which they were. */
  get leftOut(): number[] {
    return [...this.left];
  }

  /** Why the picture of a sample that was read cannot be used. */
  reasonOf(row: number): string {
    return this.reasons.get(row) as string;
  }

  /**
   * Counts a sample whose picture cannot be used, and says it, once.
   * @param reason why, as somebody else has found who has read it
   * @throws TooManyBad
   */
  leaveOut(row: number, reason = this.reasonOf(row)): void {
    if (this.left.has(row)) return;
    this.reasons.set(row, reason);
    this.left.add(row);
    const item = this.badItem(row);
    this.options.say?.(`left out: ${describeBad(item)}`);
    this.bad.add(item);
  }

  /** Takes up what was left out before; what can be used by now is not counted. */
  async recall(rows: readonly number[]): Promise<void> {
    const good = await this.read(rows, new Uint8Array(rows.length * this.bytes));
    for (const [i, row] of rows.entries()) {
      if (good[i] || this.left.has(row)) continue;
      this.left.add(row);
      this.bad.add(this.badItem(row));
    }
  }

  /**
   * The samples whose pictures can be used: all are prepared.
   * @throws TooManyBad; the signal's reason
   */
  async usable({ onProgress, signal }: Progress = {}): Promise<Samples> {
    const { samples, ahead } = this;
    const good: number[] = [];
    for (let from = 0; from < samples.length; from += ahead) {
      signal?.throwIfAborted();
      const rows = Array.from({ length: Math.min(ahead, samples.length - from) }, (_, i) => from + i);
      const found = await this.read(rows, new Uint8Array(rows.length * this.bytes));
      for (const [i, row] of rows.entries()) {
        if (found[i]) good.push(row);
        else this.leaveOut(row);
      }
      onProgress?.(from + rows.length, samples.length);
    }
    return samples.select(good);
  }

  private badItem(row: number): BadItem {
    const { image, where } = this.samples.at(row);
    return { where, image, reason: this.reasons.get(row) as string };
  }

  private job(row: number): CropJob {
    const { root, samples } = this.options;
    const pose = samples.poseAt(row);
    return {
      file: resolve(root, samples.imageAt(row)),
      root,
      pose: pose && 'landmarks' in pose ? { landmarks: resolve(root, pose.landmarks) } : pose,
      place: this.place(row),
    };
  }

  private place(row: number): CropPlace | null {
    const [high, low, record] = this.places.subarray(row * WORDS, (row + 1) * WORDS);
    return record === 0 ? null : { pack: packOf(high, low), record: record - 1 };
  }

  private setPlace(row: number, { pack, record }: CropPlace): void {
    this.places.set([...packWords(pack), record + 1], row * WORDS);
  }
}
