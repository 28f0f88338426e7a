import { randomPermutation, randomStream, randomUniform } from '../base/random';
import type { CropSet } from './crop_set';
import { rotationAffine } from './rotate';
import type { Samples } from './sample_columns';

/** One batch of N samples, ready for upload; images are S x S. */
export interface Batch {
  /** N * S * S * 3 bytes of RGB, neither flipped nor rotated. */
  images: Uint8Array;
  /** N * 6 integers of 1/65536 pixel, see Affine. */
  affine: Int32Array;
  /** N, 1 where the picture is mirrored before it is rotated. */
  flip: Uint32Array;
  /** N classes. */
  labels: Uint32Array;
  /** N * 2: valence, arousal. */
  va: Float32Array;
  /** N places in the set's `samples`. */
  rows: Uint32Array;
}

export const SAMPLERS = ['natural', 'balanced'] as const;
export type Sampler = (typeof SAMPLERS)[number];

export interface LoaderOptions {
  batchSize: number;
  seed: number;
  /** Another order in every epoch; else the file's. Default true. */
  shuffle?: boolean;
  /** natural (the default): every sample once an epoch; balanced: see `balancedOrder`. */
  sampler?: Sampler;
  /** Random flip, and rotation by up to so many degrees either way; null, as in validation: none. */
  augment: { readonly rotation: number } | null;
  /** At most so many samples an epoch. */
  limit?: number;
  /** Sees every batch as it begins to be read. */
  onRead?: (batch: Promise<Batch>) => void;
}

/**
 * Epochs of batches. Order and augmentation are functions of (seed, epoch, sample) alone: the same for any number of
 * threads, and an epoch can be entered at any step.
 *
 * A last batch of one sample would give a CCC of 0/0 (the original's does): it takes a second one from the batch before
 * it, or, where that would be left with one, is joined to it. So no sample is lost.
 */
export class Loader {
  private readonly starts: number[];

  constructor(
    private readonly crops: CropSet,
    private readonly options: LoaderOptions,
  ) {
    const samples = Math.min(crops.samples.length, options.limit ?? Number.POSITIVE_INFINITY);
    this.starts = batchStarts(samples, options.batchSize);
  }

  /** Batches an epoch. */
  get steps(): number {
    return this.starts.length - 1;
  }

  /** Samples an epoch. */
  get samples(): number {
    return this.starts[this.steps];
  }

  /** The batches of an epoch (from 0), from `step` on. The next one is read while the current one is in use. */
  async *epoch(epoch: number, step = 0): AsyncGenerator<Batch, void, undefined> {
    const order = this.order(epoch);
    const load = (s: number) => {
      const batch = s < this.steps ? this.load(order.slice(this.starts[s], this.starts[s + 1]), epoch) : undefined;
      // Its error is thrown where it is awaited, or is of no interest if the consumer stops before that.
      batch?.catch(() => {});
      if (batch) this.options.onRead?.(batch);
      return batch;
    };
    let next = load(step);
    for (let s = step + 1; next; s++) {
      const batch = await next;
      next = load(s);
      yield batch;
    }
  }

  /** Places in the set's `samples`, as many as it has. */
  private order(epoch: number): Uint32Array {
    const { shuffle = true, sampler = 'natural', seed } = this.options;
    const { samples } = this.crops;
    if (sampler === 'balanced') return balancedOrder(samples, `balanced/${epoch}`, seed);
    return shuffle
      ? randomPermutation(randomStream(`shuffle/${epoch}`, seed), samples.length)
      : Uint32Array.from({ length: samples.length }, (_, i) => i);
  }

  private async load(rows: Uint32Array, epoch: number): Promise<Batch> {
    const { size, samples } = this.crops;
    const { augment, seed } = this.options;
    const images = new Uint8Array(rows.length * size * size * 3);
    const affine = new Int32Array(rows.length * 6);
    const flip = new Uint32Array(rows.length);
    const flips = randomStream(`flip/${epoch}`, seed);
    const angles = randomStream(`rotate/${epoch}`, seed);
    rows.forEach((row, i) => {
      const degrees = augment ? (2 * randomUniform(angles, row) - 1) * augment.rotation : 0;
      affine.set(rotationAffine(size, size, degrees), i * 6);
      flip[i] = augment && randomUniform(flips, row) < 0.5 ? 1 : 0;
    });
    await this.crops.read(rows, images);
    const labels = Uint32Array.from(rows, (row) => samples.expressionAt(row));
    const va = Float32Array.from({ length: rows.length * 2 }, (_, i) => {
      const row = rows[i >> 1];
      return i % 2 === 0 ? samples.valenceAt(row) : samples.arousalAt(row);
    });
    return { images, affine, flip, labels, va, rows };
  }
}

/**
 * Balanced sampling: of C classes that occur, each C places in a row hold every class once, in random order. Samples of a
 * class come in random order, all of them before any comes again. As long as `samples`; rare classes are repeated, frequent
 * ones have their turns over the epochs.
 */
export function balancedOrder(samples: Samples, name: string, seed: number): Uint32Array {
  const permutation = (of: string, n: number): ArrayLike<number> =>
    randomPermutation(randomStream(`${name}/${of}`, seed), n);
  const rowsOf = new Map<number, number[]>();
  for (let i = 0; i < samples.length; i++) {
    const expression = samples.expressionAt(i);
    if (!rowsOf.has(expression)) rowsOf.set(expression, []);
    rowsOf.get(expression)!.push(i);
  }
  const members = [...rowsOf]
    .sort(([a], [b]) => a - b)
    .map(([expression, rows]) => ({ expression, rows, order: [] as ArrayLike<number> }));
  const classes = members.length;
  let turns: ArrayLike<number> = [];
  return Uint32Array.from({ length: samples.length }, (_, i) => {
    const round = Math.floor(i / classes);
    if (i % classes === 0) turns = permutation(`round ${round}`, classes);
    const drawn = members[turns[i % classes]];
    const n = drawn.rows.length;
    if (round % n === 0) drawn.order = permutation(`class ${drawn.expression} from ${round}`, n);
    return drawn.rows[drawn.order[round % n]];
  });
}

/** Where each batch begins, and the end: none but an only batch, or those of a batch size of 1, has one sample. */
function batchStarts(samples: number, batchSize: number): number[] {
  const starts = Array.from({ length: Math.ceil(samples / batchSize) }, (_, i) => i * batchSize);
  if (samples % batchSize === 1 && batchSize > 1 && starts.length > 1) {
    if (batchSize > 2) starts[starts.length - 1]--;
    else starts.pop();
  }
  return [...starts, samples];
}
