import { InputError } from '../base/errors';
import { randomPermutation, randomStream } from '../base/random';
import { type Augmentation, type Changes, changesOf } from './augment';
import type { CropSet } from './crops/crop_set';
import type { Samples } from './sample_columns';

/** One batch of N samples, ready for upload; images are S x S. Labels, valence and arousal are each picture's own, mixed or not. */
export interface Batch extends Changes {
  /** N * S * S * 3 bytes of RGB, as they were prepared; of a source of features none. */
  images: Uint8Array;
  /** Of a source of features: N * width, what a network makes of the pictures, mirrored where `flip` says so. */
  features?: Float32Array | null;
  /** N classes. */
  labels: Uint32Array;
  /** N * 2: valence, arousal. */
  va: Float32Array;
  /** N places in the set's `samples`. */
  rows: Uint32Array;
}

/** Faces of samples, as they are or as the features that a network makes of them. */
export interface FaceSource
  extends Pick<CropSet, 'samples' | 'size' | 'ahead' | 'mayBeBad' | 'read' | 'leaveOut' | 'reasonOf'> {
  /** Of a face. */
  readonly bytes: number;
  /** Of float32 features: how many rows a face has, that of the picture and, of two, that of its mirror image; null: faces are pixels. */
  readonly views: 1 | 2 | null;
}

interface Face {
  readonly row: number;
  readonly face: Uint8Array;
}

/** A sample whose picture cannot be used, and why. */
export interface BadPicture {
  readonly row: number;
  readonly reason: string;
}

/** A batch, and the samples whose pictures turned out not to be usable. */
export interface Loaded {
  /** Empty if none could be used, and no other picture takes the place of one that cannot. */
  readonly batch: Batch;
  readonly bad: readonly BadPicture[];
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
  /** What is done to the pictures at random; null, as in validation: nothing. */
  augment: Augmentation | null;
  /** At most so many samples an epoch. */
  limit?: number;
  /** Takes another picture in the place of one that cannot be used: see `Loader`. Else it is left out. */
  replace?: boolean;
  /** Sees every batch as it begins to be read. */
  onRead?: (batch: Promise<Batch>) => void;
}

/**
 * Epochs of batches. Order, augmentation and number of batches are functions of (seed, epoch, annotations) alone: the same for any
 * number of threads, and an epoch can be entered at any step.
 *
 * A last batch of one sample would give a CCC of 0/0 (the original's does): it takes a second one from the batch before
 * it, or, where that would be left with one, is joined to it. So no sample is lost.
 *
 * Whether a picture can be used is known when its batch is read. With `replace`, the place of one that cannot is taken by the nearest
 * earlier one of its batch that can, else by the next one of the epoch's order, which begins anew at its end; without, its batch is smaller.
 * @example
 * const { train } = await readAnnotations('faces/training.csv', { dataset: 'affectnet', classes: CLASSES, imageDir: 'faces' });
 * const pool = new CropPool({ size: 32, cache: 'off', faces: 14 });
 * const faces = new CropSet(pool, { samples: train.samples, root: 'faces' });
 * const loader = new Loader(faces, { batchSize: 4, seed: 1, augment: null });
 * let seen = 0;
 * for await (const { labels } of loader.epoch(0)) seen += labels.length;
 * seen; // 14
 * await pool.close();
 */
export class Loader {
  private readonly starts: number[];

  constructor(
    private readonly source: FaceSource,
    private readonly options: LoaderOptions,
  ) {
    const samples = Math.min(source.samples.length, options.limit ?? Number.POSITIVE_INFINITY);
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

  /**
   * The batches of an epoch (from 0), from `step` on; none is empty. Further ones are read while one is in use.
   * @throws TooManyBad; InputError if no picture can be used
   */
  async *epoch(epoch: number, step = 0): AsyncGenerator<Batch, void, undefined> {
    for await (const { batch, bad } of this.share(epoch, step, 1)) {
      this.leaveOut(bad);
      if (batch.rows.length > 0) yield batch;
    }
  }

  /** Counts pictures that cannot be used, and says them. @throws TooManyBad */
  leaveOut(bad: readonly BadPicture[]): void {
    for (const { row, reason } of bad) this.source.leaveOut(row, reason);
  }

  /**
   * Every `stride`-th batch of an epoch from `step` on: the others are somebody else's. What is bad is not counted.
   * @throws InputError if no picture can be used
   */
  async *share(epoch: number, step: number, stride: number): AsyncGenerator<Loaded, void, undefined> {
    const order = this.order(epoch).subarray(0, this.samples);
    const waiting: Promise<Loaded>[] = [];
    const ahead = Math.ceil(this.source.ahead / this.options.batchSize);
    let next = step;
    const fill = (): void => {
      while (next < this.steps && waiting.length < ahead) {
        const loaded = this.load(order, next, epoch);
        next += stride;
        // Its error is thrown where it is awaited, or is of no interest if the consumer stops before that.
        loaded.catch(() => {});
        this.options.onRead?.(loaded.then(({ batch }) => batch));
        waiting.push(loaded);
      }
    };
    for (fill(); waiting.length > 0; ) {
      const loaded = await (waiting.shift() as Promise<Loaded>);
      fill();
      if (loaded.batch.rows.length === 0 && this.options.replace) {
        this.leaveOut(loaded.bad);
        throw new InputError('expected images, found none that can be used; check --image_dir');
      }
      yield loaded;
    }
  }

  /** Places in the set's `samples`, as many as it has. */
  private order(epoch: number): Uint32Array {
    const { shuffle = true, sampler = 'natural', seed } = this.options;
    const { samples } = this.source;
    if (sampler === 'balanced') return balancedOrder(samples, `balanced/${epoch}`, seed);
    return shuffle
      ? randomPermutation(randomStream(`shuffle/${epoch}`, seed), samples.length)
      : Uint32Array.from({ length: samples.length }, (_, i) => i);
  }

  private async load(order: Uint32Array, step: number, epoch: number): Promise<Loaded> {
    const { size, samples, views } = this.source;
    const { augment, seed } = this.options;
    const { rows, bytes, bad } = await this.faces(order, step);
    const labels = Uint32Array.from(rows, (row) => samples.expressionAt(row));
    const va = Float32Array.from({ length: rows.length * 2 }, (_, i) => {
      const row = rows[i >> 1];
      return i % 2 === 0 ? samples.valenceAt(row) : samples.arousalAt(row);
    });
    const changes = changesOf(augment, rows, size, { seed, epoch, step });
    const faces =
      views === null ? { images: bytes } : { images: new Uint8Array(), features: seen(bytes, views, changes.flip) };
    const reasons = bad.map((row) => ({ row, reason: this.source.reasonOf(row) }));
    return { batch: { ...faces, ...changes, labels, va, rows }, bad: reasons };
  }

  /** The faces of a batch, and which samples' pictures cannot be used. */
  private async faces(
    order: Uint32Array,
    step: number,
  ): Promise<Pick<Batch, 'rows'> & { bytes: Uint8Array; bad: number[] }> {
    const wanted = order.slice(this.starts[step], this.starts[step + 1]);
    const length = this.source.bytes;
    const bytes = new Uint8Array(wanted.length * length);
    const good = await this.source.read(wanted, bytes);
    const bad = [...wanted].filter((_, i) => !good[i]);
    if (bad.length === 0) return { rows: wanted, bytes, bad };
    const usable = [...wanted.keys()].filter((i) => good[i]);
    const crop = (i: number): Face => ({ row: wanted[i], face: bytes.slice(i * length, (i + 1) * length) });
    let faces = usable.map(crop);
    if (this.options.replace) {
      let last = faces[0] ?? (await this.nextUsable(order, this.starts[step + 1], bad));
      if (last)
        faces = Array.from(wanted, (_, i) => {
          if (good[i]) last = crop(i);
          return last as Face;
        });
    }
    return {
      rows: Uint32Array.from(faces, ({ row }) => row),
      bytes: Uint8Array.from(Buffer.concat(faces.map(({ face }) => face))),
      bad,
    };
  }

  /** The next face of an order that can be used, from a place on; null: there is none, or too many cannot, which are added to `bad`. */
  private async nextUsable(order: Uint32Array, from: number, bad: number[]): Promise<Face | null> {
    const face = new Uint8Array(this.source.bytes);
    for (let i = 0; i < order.length && bad.length <= this.source.mayBeBad; i++) {
      const row = order[(from + i) % order.length];
      const [good] = await this.source.read([row], face);
      if (good) return { row, face };
      bad.push(row);
    }
    return null;
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

/** The features of N faces that have `views` rows each: those of the pictures, or of their mirror images where `flip` is 1. */
function seen(bytes: Uint8Array, views: 1 | 2, flip: Uint32Array): Float32Array {
  const features = new Float32Array(bytes.buffer);
  if (views === 1) return features;
  const width = features.length / 2 / flip.length;
  const row = (at: number): Float32Array => features.subarray(at * width, (at + 1) * width);
  const chosen = new Float32Array(flip.length * width);
  for (const [i, mirrored] of flip.entries()) chosen.set(row(2 * i + mirrored), i * width);
  return chosen;
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
