// SGD steps of emotion_gcn, loss for loss, over the first rows of real photographs, which are not part of the repository.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  classWeights,
  decodeImage,
  type FacePose,
  prepareFace,
  readAffectNet,
  type Sample,
  Samples,
  toTensor,
} from '../../src/data';
import type { Device } from '../../src/device';
import { inputOf } from '../../src/models';
import { type Check, compareFigure, compareNames, norm } from './compare';
import type { Fixture, Input } from './fixture';
import { release } from './network';
import { type Batch, compareRun, train } from './trajectories';

/** The first rows of real photographs, in the file's order: what each step sees, and what is looked at in the end. */
async function photographs(fixture: Fixture, imageDir: string) {
  const [size, each, steps] = ['input_size', 'batch', 'steps'].map((k) => fixture.number(k));
  const samples = [...(await readAffectNet(join(imageDir, 'training.csv'))).samples];
  const evaluated = 32;
  if (samples.length < each * steps + evaluated) {
    throw new Error(
      `${imageDir}/training.csv has ${samples.length} usable rows, ${each * steps + evaluated} are wanted`,
    );
  }
  const load = async (rows: Sample[]): Promise<Batch> => {
    const pictures = await Promise.all(
      rows.map(async (row) =>
        toTensor(
          prepareFace(await decodeImage(readFileSync(join(imageDir, row.image))), row.pose as FacePose | null, size)
            .data,
          inputOf('densenet'),
        ),
      ),
    );
    const data = new Float32Array(rows.length * 3 * size * size);
    for (const [i, p] of pictures.entries()) data.set(p, i * p.length);
    return {
      images: { shape: [rows.length, 3, size, size], data },
      labels: rows.map((r) => r.expression),
      va: Float32Array.from(rows.flatMap((r) => [r.valence, r.arousal])),
    };
  };
  return {
    files: samples.map((s) => s.image),
    batch: (s: number): Promise<Batch> => load(samples.slice(s * each, (s + 1) * each)),
    last: async () => (await load(samples.slice(each * steps, each * steps + evaluated))).images,
    weights: [...classWeights(Samples.of([]), 'affectnet')],
  };
}

export async function checkRealFaces(device: Device, fixture: Fixture, imageDir: string): Promise<Check[]> {
  const { files, batch, last, weights } = await photographs(fixture, imageDir);
  const checks: Check[] = [];
  const names = fixture.json<string[]>('first_rows');
  if (names) checks.push(compareNames('first_rows', files.slice(0, names.length), names));
  if (fixture.has('first_batch.norm_sum')) checks.push(...comparePictures(fixture, (await batch(0)).images));
  return [...checks, ...(await compareRun(device, fixture, batch, weights, last))];
}

/** The losses of every step of a `real_faces` fixture, as this engine trains it. */
export async function lossesOnPhotographs(device: Device, fixture: Fixture, imageDir: string): Promise<number[][]> {
  const { batch, weights } = await photographs(fixture, imageDir);
  const { model, history } = await train(device, fixture, batch, weights);
  release(device, model);
  return history;
}

/** Norm and sum of each picture: the pictures are the same to the bit, so only the order of the sums differs. */
function comparePictures(fixture: Fixture, { shape, data }: Input): Check[] {
  const stored = fixture.numbers('first_batch.norm_sum');
  const length = data.length / shape[0];
  return Array.from({ length: shape[0] }, (_, i) => {
    const picture = data.subarray(i * length, (i + 1) * length);
    const got = [norm(picture), picture.reduce((a, b) => a + b, 0)];
    const limit = 1e-9 * length;
    return got.map((v, k) =>
      compareFigure(`first_batch.${i}:${k ? 'sum' : 'norm'}`, v, stored[2 * i + k], { size: got[0], limit }),
    );
  }).flat();
}
