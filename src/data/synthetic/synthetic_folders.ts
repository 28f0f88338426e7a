// Made-up faces in a folder a class.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { inParallel } from '../../base/parallel';
import { eyeCentres } from '../../base/pixels/align';
import { prepareFace } from '../face';
import { replaceFile } from '../files';
import { CLASSES } from '../labels';
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

const FOLDERS = { training: 'train', validation: 'val' } as const;

/**
 * Draws faces and writes them as train/CLASS/NNNNN.jpg and val/CLASS/NNNNN.jpg, cut and levelled, `size` x `size` (default 112), with
 * valence_arousal.csv (file, valence, arousal) beside the two.
 *
 * @returns the folder of both sets
 * @throws InputError if `out` holds something else, or an option is out of range
 */
export async function writeSyntheticFolders(options: SyntheticOptions): Promise<{ data: string }> {
  const { out, counts, seed, size, progress } = await openSyntheticSet(options, 112);
  const lines = ['file,valence,arousal'];
  for (const part of PARTS) {
    for (const name of CLASSES) await mkdir(join(out, FOLDERS[part], name), { recursive: true });
    const rows = new Array<string>(counts[part]);
    await inParallel(counts[part], PARALLEL, async (i) => {
      const expression = classOf(part, i, seed);
      const face = await makeFace(expression, 2 * size, drawOf(part, i, seed));
      const [leftEye, rightEye] = eyeCentres(face.landmarks.flat());
      const cut = prepareFace(face.picture, { leftEye, rightEye, box: face.box }, size);
      const file = `${FOLDERS[part]}/${CLASSES[expression]}/${String(i).padStart(5, '0')}.jpg`;
      await writeDrawn(join(out, file), await toJpeg(cut));
      rows[i] = `${file},${face.valence},${face.arousal}`;
      progress();
    });
    lines.push(...rows);
  }
  await replaceFile(join(out, 'valence_arousal.csv'), `${lines.join('\n')}\n`);
  return { data: out };
}
