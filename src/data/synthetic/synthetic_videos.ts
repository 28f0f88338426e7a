// Made-up faces in Aff-Wild2's layout: frames of videos, cut and levelled, and a text file of labels a video.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { inParallel } from '../../base/parallel';
import { eyeCentres } from '../../base/pixels/align';
import { prepareFace } from '../face';
import { AFFWILD2_CLASSES, CLASSES } from '../labels';
import {
  classOf,
  drawOf,
  makeFace,
  openSyntheticSet,
  PARALLEL,
  type SyntheticOptions,
  toJpeg,
  writeDrawn,
} from './synthetic';

/** Faces a video. */
const FACES = 24;
/** Every so many frames no face is found: there is no picture, and the labels are -1 and -5,-5. */
const GAP = 8;
/** The set's own names of AffectNet's classes. */
const NAMES: Record<(typeof CLASSES)[number], (typeof AFFWILD2_CLASSES)[number]> = {
  Neutral: 'Neutral',
  Happy: 'Happiness',
  Sad: 'Sadness',
  Surprise: 'Surprise',
  Fear: 'Fear',
  Disgust: 'Disgust',
  Anger: 'Anger',
};
const HEADERS = { EXPR_Set: AFFWILD2_CLASSES.join(','), VA_Set: 'valence,arousal' } as const;

/**
 * Draws faces and writes them as an Aff-Wild2-style tree, `n` labelled frames for training and `validation` for validation
 * (default as `writeSyntheticSet`), `size` x `size` pixels (default 112). The faces of a video are of different people.
 *
 * @returns the annotation folder and that of the videos
 * @throws InputError if `out` holds something else, or an option is out of range
 */
export async function writeSyntheticVideos(
  options: SyntheticOptions,
): Promise<{ annotations: string; videos: string }> {
  const { out, counts, seed, size, progress } = await openSyntheticSet(options, 112);
  const [annotations, videos] = [join(out, 'annotations'), join(out, 'videos')];
  for (const [part, folder] of [
    ['training', 'Train_Set'],
    ['validation', 'Validation_Set'],
  ] as const) {
    const count = counts[part];
    const dirs = { EXPR_Set: join(annotations, 'EXPR_Set', folder), VA_Set: join(annotations, 'VA_Set', folder) };
    for (const dir of Object.values(dirs)) await mkdir(dir, { recursive: true });
    for (let from = 0; from < count; from += FACES) {
      const video = `${part}_${String(from / FACES).padStart(3, '0')}`;
      const faces = Math.min(FACES, count - from);
      const frames = faces + Math.floor(faces / (GAP - 1));
      const labels = {
        EXPR_Set: new Array<string>(frames).fill('-1'),
        VA_Set: new Array<string>(frames).fill('-5,-5'),
      };
      await mkdir(join(videos, video), { recursive: true });
      await inParallel(faces, PARALLEL, async (i) => {
        const expression = classOf(part, from + i, seed);
        const face = await makeFace(expression, 2 * size, drawOf(part, from + i, seed));
        const [leftEye, rightEye] = eyeCentres(face.landmarks.flat());
        const frame = i + Math.floor(i / (GAP - 1));
        labels.EXPR_Set[frame] = String(AFFWILD2_CLASSES.indexOf(NAMES[CLASSES[expression]]));
        labels.VA_Set[frame] = `${face.valence},${face.arousal}`;
        const cut = prepareFace(face.picture, { leftEye, rightEye, box: face.box }, size);
        await writeDrawn(join(videos, video, `${String(frame + 1).padStart(5, '0')}.jpg`), await toJpeg(cut));
        progress();
      });
      for (const kind of ['EXPR_Set', 'VA_Set'] as const) {
        await writeDrawn(join(dirs[kind], `${video}.txt`), `${[HEADERS[kind], ...labels[kind]].join('\n')}\n`);
      }
    }
  }
  return { annotations, videos };
}
