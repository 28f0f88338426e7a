// Made-up faces as AffectNet is handed out today: a picture of the face alone, and a NumPy file for each of its labels.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { inParallel } from '../../base/parallel';
import { writeNpy } from '../../formats/npy_write';
import { prepareKnown } from '../face';
import {
  classOf,
  drawOf,
  makeFace,
  openSyntheticSet,
  PARALLEL,
  PARTS,
  type SyntheticOptions,
  toJpeg,
  writeDrawn,
} from './synthetic';

const FOLDERS = { training: 'train_set', validation: 'val_set' } as const;

/**
 * Draws faces and writes them as the npy release: train_set/ and val_set/, in each images/ID.jpg, `size` x `size` (default 224), which the
 * face fills, and annotations/ID_exp.npy, ID_val.npy, ID_aro.npy (texts) and ID_lnd.npy (136 numbers, in the picture's pixels).
 *
 * @returns the folder of both sets
 * @throws InputError if `out` holds something else, or an option is out of range
 */
export async function writeSyntheticNpy(options: SyntheticOptions): Promise<{ data: string }> {
  const { out, counts, seed, size, progress } = await openSyntheticSet(options, 224);
  for (const part of PARTS) {
    const [images, annotations] = ['images', 'annotations'].map((name) => join(out, FOLDERS[part], name));
    for (const dir of [images, annotations]) await mkdir(dir, { recursive: true });
    await inParallel(counts[part], PARALLEL, async (i) => {
      const expression = classOf(part, i, seed);
      const face = await makeFace(expression, 2 * size, drawOf(part, i, seed));
      const [x0, y0, side] = face.whole;
      const points = face.landmarks.flatMap(([x, y]) => [((x - x0) * size) / side, ((y - y0) * size) / side]);
      await writeDrawn(join(images, `${i}.jpg`), await toJpeg(prepareKnown(face.picture, { box: face.whole }, size)));
      for (const [label, value] of [
        ['exp', String(expression)],
        ['val', String(face.valence)],
        ['aro', String(face.arousal)],
        ['lnd', Float64Array.from(points)],
      ] as const)
        await writeDrawn(join(annotations, `${i}_${label}.npy`), writeNpy(value));
      progress();
    });
  }
  return { data: out };
}
