// The faces that a run was measured on, as features: which of them a network takes for most like a face.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InputError, MachineError } from '../../base/errors';
import { CropPool, CropSet } from '../../data';
import { canvasOf } from '../../data/face';
import { replaceFile } from '../../data/files';
import { cacheDir } from '../../device/node/cache';
import { readSafetensors, writeSafetensors } from '../../formats/safetensors';
import { FeatureSet, MOST_FEATURES } from '../loop/features';
import type { Learner } from '../loop/learner';
import { cropSettings, readRunSamples } from '../loop/run_data';
import type { Run } from '../run/read_run';

/** Faces that go through the network at once. */
const AT_ONCE = 32;

/** Counts up when the same network gives other features of the same faces. */
const VERSION = 1;

/** Sets of features that are kept; the least lately made goes first. */
const KEPT = 16;

/** A validation face, and how far it is: 1 - cos of the angle between its features and the asked face's, from 0 to 2. */
export interface Neighbour {
  /** As the annotations have it. */
  readonly image: string;
  /** What it is labelled as. */
  readonly expression: string;
  /** null where it is not labelled. */
  readonly valence: number | null;
  readonly arousal: number | null;
  readonly distance: number;
}

/** A neighbour with its place in the set. */
export interface FoundNeighbour extends Neighbour {
  readonly row: number;
}

export interface ValidationOptions {
  readonly say: (line: string) => void;
  /** Hears how many features are there, as they are computed. */
  readonly onFeatures?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** A run's validation faces as features of a network. To be closed. */
export class ValidationFaces {
  private constructor(
    private readonly pool: CropPool,
    private readonly crops: CropSet,
    private readonly classes: readonly string[],
    private readonly features: Features,
    private readonly width: number,
  ) {}

  /**
   * The validation faces of a run, whose features are kept in the user's cache (as the run's `--cache` says) by the network's weights and the pictures.
   * null, with a line why: there are none any more.
   * @throws the signal's reason
   */
  static async open(run: Run, learner: Learner, options: ValidationOptions): Promise<ValidationFaces | null> {
    const { say, signal } = options;
    const { args } = run;
    if (args.data === args.saved_model) {
      say('no nearest faces: these weights came without a run, whose validation faces they would be');
      return null;
    }
    let pool: CropPool | null = null;
    try {
      const { samples, training, validation } = await readRunSamples(args, () => {}, signal);
      const { val } = samples;
      const { width } = learner.model;
      const { root } = validation ?? training;
      if (4 * val.length * width > MOST_FEATURES)
        throw new InputError(`the features of ${val.length} validation faces are too many to keep`);
      pool = new CropPool({
        size: args.image_size,
        canvas: canvasOf(args.align),
        ...cropSettings(args),
        faces: val.length,
        say,
      });
      // What cannot be read any more is no neighbour.
      const crops = new CropSet(pool, { samples: val, root: root as string, maxBad: 1 });
      const features = await keptFeatures(run, learner, crops, root as string, options);
      const bad = val.length - features.usable.reduce((sum, v) => sum + v, 0);
      if (bad === val.length) throw new InputError(`none of the ${bad} validation faces can be read`);
      if (bad > 0) say(`${bad} of ${val.length} validation faces cannot be read: they are no neighbours`);
      return new ValidationFaces(pool, crops, args.classes, features, width);
    } catch (error) {
      await pool?.close();
      signal?.throwIfAborted();
      if (!(error instanceof InputError || error instanceof MachineError)) throw error;
      say(`no nearest faces: ${error.message}`);
      return null;
    }
  }

  /** The nearest `most` faces to features [width], nearest first; of equal ones in the set's order. */
  nearest(features: Float32Array, most: number): FoundNeighbour[] {
    const { width } = this;
    const { data, usable } = this.features;
    const own = norm(features);
    const found: { row: number; distance: number }[] = [];
    for (const [row, good] of usable.entries()) {
      if (!good) continue;
      const other = data.subarray(row * width, (row + 1) * width);
      let product = 0;
      for (let i = 0; i < width; i++) product += features[i] * other[i];
      const size = own * norm(other);
      found.push({ row, distance: size > 0 ? Math.max(0, 1 - product / size) : 1 });
    }
    found.sort((a, b) => a.distance - b.distance);
    return found.slice(0, most).map(({ row, distance }) => {
      const { image, expression, valence, arousal } = this.crops.samples.at(row);
      const known = (v: number): number | null => (Number.isNaN(v) ? null : v);
      return {
        ...{ row, image, expression: this.classes[expression] },
        ...{ valence: known(valence), arousal: known(arousal), distance },
      };
    });
  }

  /** The prepared faces of some rows: size x size x 3 bytes of RGB each; null: it cannot be read any more. */
  async pictures(rows: readonly number[]): Promise<(Uint8Array | null)[]> {
    const { crops } = this;
    const bytes = new Uint8Array(rows.length * crops.bytes);
    const good = await crops.read(rows, bytes);
    return rows.map((_, i) => (good[i] ? bytes.subarray(i * crops.bytes, (i + 1) * crops.bytes) : null));
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}

const norm = (v: Float32Array): number => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));

interface Features {
  /** N x width. */
  readonly data: Float32Array;
  /** Of each, 1: its picture could be read. */
  readonly usable: Uint8Array;
}

/** What is kept of a set, else what is computed, which is then kept. */
async function keptFeatures(
  run: Run,
  learner: Learner,
  crops: CropSet,
  root: string,
  options: ValidationOptions,
): Promise<Features> {
  const file = fileFor(run, await keyOf(learner, crops, root, run));
  const kept = file === null ? null : take(file, crops.samples.length, learner.model.width);
  if (kept) return kept;
  const made = await compute(learner, crops, options);
  if (file !== null) await keep(file, made, learner.model.width);
  return made;
}

async function compute(learner: Learner, crops: CropSet, { onFeatures, signal }: ValidationOptions): Promise<Features> {
  const { length } = crops.samples;
  const { width } = learner.model;
  const set = new FeatureSet(crops, learner, 1, AT_ONCE);
  const [data, usable] = [new Float32Array(length * width), new Uint8Array(length)];
  for (let from = 0; from < length; from += AT_ONCE) {
    signal?.throwIfAborted();
    const rows = Array.from({ length: Math.min(AT_ONCE, length - from) }, (_, i) => from + i);
    const into = new Uint8Array(data.buffer, 4 * from * width, 4 * rows.length * width);
    for (const [i, good] of (await set.read(rows, into)).entries()) usable[from + i] = Number(good);
    onFeatures?.(from + rows.length, length);
  }
  return { data, usable };
}

/** Of the network's weights, and of the faces: which pictures, as they are now, and where in them. */
async function keyOf(learner: Learner, { samples, size }: CropSet, root: string, run: Run): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([VERSION, run.args.model, run.args.network, size, run.args.align]));
  for (const [name, { shape, data }] of await learner.model.stateDict()) {
    hash.update(JSON.stringify([name, shape]));
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  for (let row = 0; row < samples.length; row++) {
    const [image, pose] = [samples.imageAt(row), samples.poseAt(row)];
    const files = [image, ...(pose && 'landmarks' in pose ? [pose.landmarks] : [])];
    const found = files.map((file) => statSync(resolve(root, file), { throwIfNoEntry: false }));
    hash.update(JSON.stringify([image, pose, found.map((stat) => [stat?.size, stat?.mtimeMs])]));
  }
  return hash.digest('hex').slice(0, 32);
}

/** null: there is no place for it. */
function fileFor({ args: { cache } }: Run, key: string): string | null {
  if (cache === 'off') return null;
  try {
    return join(cache ?? cacheDir(), 'features', `${key}.safetensors`);
  } catch {
    return null;
  }
}

/** null: nothing is kept, or it is damaged. */
function take(file: string, length: number, width: number): Features | null {
  try {
    const { tensors } = readSafetensors(readFileSync(file), file);
    const [data, usable] = [tensors.get('features')?.data, tensors.get('usable')?.data];
    if (!(data instanceof Float32Array && usable instanceof Uint8Array)) return null;
    return data.length === length * width && usable.length === length ? { data, usable } : null;
  } catch {
    return null;
  }
}

async function keep(file: string, { data, usable }: Features, width: number): Promise<void> {
  const { length } = usable;
  try {
    const folder = join(file, '..');
    mkdirSync(folder, { recursive: true });
    const tensors = { features: { shape: [length, width], data }, usable: { shape: [length], data: usable } };
    await replaceFile(file, Buffer.from(writeSafetensors(tensors, {}, { sealed: true })));
    const files = readdirSync(folder).map((name) => join(folder, name));
    const age = new Map(files.map((name) => [name, statSync(name).mtimeMs]));
    const oldest = files.sort((a, b) => (age.get(b) as number) - (age.get(a) as number)).slice(KEPT);
    for (const name of oldest) rmSync(name, { force: true });
  } catch {
    // No room, or no right to write: they are computed anew the next time.
  }
}
