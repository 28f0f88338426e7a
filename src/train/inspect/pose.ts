import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type FacePose, ImageError, type Sample } from '../../data';
import type { ImageRoot } from '../../data/image_root';
import { poseFromLandmarks } from '../../data/landmarks';

/** A file of 68 points is shorter, of whatever numbers. */
const MOST = 2 ** 14;

/**
 * Where the face of a sample is, whose picture is `width` x `height`; of landmarks in a file that is read.
 * @throws ImageError: there is none, or it holds something else
 */
export async function poseOf(
  dir: string,
  root: ImageRoot,
  { pose }: Pick<Sample, 'pose'>,
  { width, height }: { width: number; height: number },
): Promise<FacePose | null> {
  if (!pose || !('landmarks' in pose)) return pose;
  const file = resolve(dir, pose.landmarks);
  const outside = root.linkProblemOf(file);
  if (outside) throw new ImageError(`landmarks: ${outside}`);
  const handle = await open(file).catch(({ code }: NodeJS.ErrnoException) => {
    throw new ImageError(`landmarks: cannot be read (${code})`);
  });
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(MOST), 0, MOST, 0).finally(() => handle.close());
  return poseFromLandmarks(buffer.subarray(0, bytesRead), width, height);
}
