// What a frozen network makes of faces, computed once and kept.
import type { CropSet, FaceSource, Samples } from '../../data';
import { type Augmentation, changesOf } from '../../data/augment';
import type { TrainArgs } from '../settings/args';
import type { Learner, Pictures } from './learner';

/** Most bytes of features of a set: 2^19 faces of 256 numbers. */
export const MOST_FEATURES = 2 ** 29;

/**
 * Rows of features a face that can stand for its pictures: 1 where nothing is drawn at random, 2 where mirroring alone is; null: the
 * network learns, or sees other pixels in every epoch, or there would be too many.
 * @param width numbers of a row
 */
export function viewsOf(
  { freeze_backbone, precision }: Pick<TrainArgs, 'freeze_backbone' | 'precision'>,
  augment: Augmentation | null,
  faces: number,
  width: number,
): 1 | 2 | null {
  const { rotation = null, random_erasing = 0, color_jitter = 0, mixup = 0 } = augment ?? {};
  if (!freeze_backbone || (augment && precision === 'f16')) return null;
  if (rotation || random_erasing || color_jitter || mixup) return null;
  const views = rotation === null ? 1 : 2;
  return 4 * faces * views * width <= MOST_FEATURES ? views : null;
}

/**
 * The faces of a set as features. A picture's are computed when it is first asked for, or in the place of another that is not missing, in a
 * batch of always the same size: no bit of them depends on what else was asked for.
 */
export class FeatureSet implements FaceSource {
  readonly samples: Samples;
  readonly size: number;
  readonly bytes: number;
  private readonly kept: Float32Array;
  /** Settled once a sample's features are there, or its picture cannot be used. */
  private readonly made: Promise<void>[] = [];
  private readonly bad = new Set<number>();
  /** All samples before it are made. */
  private next = 0;
  /** Done once the network is free. */
  private turn: Promise<unknown> = Promise.resolve();

  /** @param batch how many pictures the network sees at once */
  constructor(
    private readonly crops: CropSet,
    private readonly learner: Pick<Learner, 'features' | 'model'>,
    readonly views: 1 | 2,
    private readonly batch: number,
  ) {
    this.samples = crops.samples;
    this.size = crops.size;
    this.bytes = 4 * views * learner.model.width;
    this.kept = new Float32Array((this.samples.length * this.bytes) / 4);
  }

  get ahead(): number {
    return this.crops.ahead;
  }

  get mayBeBad(): number {
    return this.crops.mayBeBad;
  }

  leaveOut(row: number, reason: string): void {
    this.crops.leaveOut(row, reason);
  }

  reasonOf(row: number): string {
    return this.crops.reasonOf(row);
  }

  /** As `CropSet.read`, of features. */
  async read(rows: ArrayLike<number>, into: Uint8Array): Promise<boolean[]> {
    const wanted = Array.from(rows);
    const missing = [...new Set(wanted.filter((row) => !this.made[row]))];
    for (let from = 0; from < missing.length; from += this.batch) {
      const some = missing.slice(from, from + this.batch);
      const whole = [...some, ...this.others(this.batch - some.length, missing)];
      const made = this.make(whole);
      for (const row of whole) this.made[row] = made;
    }
    await Promise.all(wanted.map((row) => this.made[row]));
    const kept = new Uint8Array(this.kept.buffer);
    for (const [i, row] of wanted.entries())
      into.set(kept.subarray(row * this.bytes, (row + 1) * this.bytes), i * this.bytes);
    return wanted.map((row) => !this.bad.has(row));
  }

  /** The first samples, at most `n`, that are not made, and not among those that will be. */
  private others(n: number, missing: readonly number[]): number[] {
    while (this.made[this.next]) this.next++;
    const found: number[] = [];
    for (let row = this.next; row < this.samples.length && found.length < n; row++)
      if (!this.made[row] && !missing.includes(row)) found.push(row);
    return found;
  }

  /** One batch after the other: a step, or the end of a run, waits for one at most, however many are read ahead. */
  private compute(pictures: Pictures): Promise<Float32Array> {
    const features = this.turn.then(() => this.learner.features(pictures));
    this.turn = features.catch(() => {});
    return features;
  }

  private async make(rows: readonly number[]): Promise<void> {
    const { batch, crops, kept, size, views } = this;
    const { width } = this.learner.model;
    const images = new Uint8Array(batch * crops.bytes);
    const good = await crops.read(rows, images.subarray(0, rows.length * crops.bytes));
    const changes = changesOf(null, new Uint32Array(batch), size, { seed: 0, epoch: 0, step: 0 });
    for (let view = 0; view < views; view++) {
      const features = await this.compute({ images, ...changes, flip: changes.flip.fill(view) });
      for (const [i, row] of rows.entries())
        kept.set(features.subarray(i * width, (i + 1) * width), (row * views + view) * width);
    }
    for (const [i, row] of rows.entries()) if (!good[i]) this.bad.add(row);
  }
}
