import { readFile } from 'node:fs/promises';
import * as F from '../autograd';
import { decodeImage, ImageError, normalisationTable, prepareWhole, rotationAffine } from '../data';
import { InputError } from '../device';
import { openDevice } from '../device/node';
import { openRunModel } from './evaluate';
import type { Run } from './run_folder';

/** What a run's network says of one picture. */
export interface FacePrediction {
  readonly image: string;
  /** The likeliest class. */
  readonly expression: string;
  readonly probabilities: Record<string, number>;
  /** null where the model has none. */
  readonly valence: number | null;
  readonly arousal: number | null;
}

const AT_ONCE = 32;

/**
 * Predicts expression, valence and arousal of pictures of faces; the largest centred square of each is looked at.
 * @param images paths of image files
 * @throws InputError naming a picture that cannot be read
 */
export async function predict(
  run: Run,
  images: readonly string[],
  { gpu = null, say }: { gpu?: string | null; say?: (line: string) => void } = {},
): Promise<FacePrediction[]> {
  const { image_size: size, classes } = run.args;
  const faces = await Promise.all(images.map((image) => readFace(image, size)));
  const device = await openDevice({ gpu: gpu ?? undefined, say });
  try {
    const { model, embedding } = await openRunModel(device, run);
    model.eval();
    const vectors = embedding ? F.tensor(device, embedding, [classes.length + 2, 300]) : undefined;
    const table = F.tensor(device, normalisationTable(), [256, 3]);
    const predictions: FacePrediction[] = [];
    for (let from = 0; from < faces.length; from += AT_ONCE) {
      const part = faces.slice(from, from + AT_ONCE);
      const n = part.length;
      const upright = rotationAffine(size, size, 0);
      const affine = Int32Array.from({ length: n * 6 }, (_, i) => upright[i % 6]);
      const batch = {
        images: Uint8Array.from(Buffer.concat(part)),
        affine,
        flip: new Uint32Array(n),
        n,
        h: size,
        w: size,
      };
      const [logProbabilities, va] = await F.step(device, () =>
        F.noGrad(() => {
          const out = model.forward(F.affineImage(device, batch, table), vectors);
          return F.readAll([F.logSoftmax(out.logits), ...(out.va ? [out.va] : [])]);
        }),
      );
      for (let i = 0; i < n; i++) {
        const p = Array.from(logProbabilities.subarray(i * classes.length, (i + 1) * classes.length), Math.exp);
        predictions.push({
          image: images[from + i],
          expression: classes[p.indexOf(Math.max(...p))],
          probabilities: Object.fromEntries(classes.map((name, c) => [name, p[c]])),
          valence: va ? va[2 * i] : null,
          arousal: va ? va[2 * i + 1] : null,
        });
      }
    }
    return predictions;
  } finally {
    device.destroy();
  }
}

async function readFace(image: string, size: number): Promise<Uint8Array> {
  try {
    return prepareWhole(await decodeImage(await readFile(image)), size).data;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new InputError(`${image}: no such file; check the path`);
    if (error instanceof ImageError || code) throw new InputError(`${image}: ${message}`);
    throw error;
  }
}
