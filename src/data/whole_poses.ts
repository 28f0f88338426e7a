// The original's pickle has eyes and box of every face: here they are found where the annotations have neither.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FacePose } from './face';
import { headerOf, ImageError, readPicture } from './image';
import { poseFromLandmarks } from './landmarks';
import { type Sample, Samples } from './sample_columns';
import type { AnnotationSet, BadItem } from './samples';

/** Pictures that are looked at together. */
const GROUP = 64;

/**
 * A set whose samples all have eyes and box. Where the picture is the face, it is the box; the eyes are those of its landmarks, or, without
 * such, level, so that nothing is turned. A picture or landmarks that cannot be used go to `bad`.
 */
export async function withPoses(set: AnnotationSet): Promise<AnnotationSet> {
  const bad: BadItem[] = [...set.bad];
  const posed: Sample[] = [];
  for (let first = 0; first < set.samples.length; first += GROUP) {
    const group = Array.from({ length: Math.min(GROUP, set.samples.length - first) }, async (_, i): Promise<void> => {
      const sample = set.samples.at(first + i);
      try {
        posed[first + i] = { ...sample, pose: await poseOf(sample, set.root ?? '.') };
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        bad.push({ where: sample.where, image: sample.image, reason: error.message });
      }
    });
    await Promise.all(group);
  }
  return { ...set, samples: Samples.of(posed.filter(Boolean)), bad };
}

async function poseOf({ image, pose }: Sample, root: string): Promise<FacePose> {
  if (pose && 'leftEye' in pose) return pose;
  const size = await headerOf(await readPicture(join(root, image)));
  if (!size) throw new ImageError('not an image, or a format that cannot be read');
  const { width, height } = size;
  if (pose) return poseFromLandmarks(await landmarksOf(join(root, pose.landmarks)), width, height);
  const [left, right, down] = [width / 4, (3 * width) / 4, height / 2].map(Math.trunc);
  return { leftEye: [left, down], rightEye: [right, down], box: [0, 0, width, height] };
}

async function landmarksOf(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new ImageError(`landmarks: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
