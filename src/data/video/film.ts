import { InputError } from '../../base/errors';
import type { RgbImage } from '../../base/pixels/rgb_image';
import { checkSize, ImageError } from '../image';
import { Ffmpeg } from './ffmpeg';
import { type Frame, type FrameOptions, readSoFar } from './frame';

/** Seconds from a frame to one of which no time is known: 25 a second is what ffmpeg takes such streams for. */
const STEP = 0.04;

/**
 * The frames of a video file, by the system's ffmpeg, which is no further ahead than its pipe holds.
 * @param program its path, of `findFfmpeg`
 * @param say hears of a part that cannot be read
 * @throws InputError if it is no video, too large, or no frame can be read; MachineError if ffmpeg cannot be started
 */
export async function* filmFrames(
  program: string,
  file: string,
  options: FrameOptions,
  say: (line: string) => void,
): AsyncGenerator<Frame> {
  for (const old of [false, true]) if (!(yield* attempt(program, file, options, old, say))) return;
}

/** @returns whether this ffmpeg is old, and was not started as such */
async function* attempt(
  program: string,
  file: string,
  { fps, signal }: FrameOptions,
  old: boolean,
  say: (line: string) => void,
): AsyncGenerator<Frame, boolean> {
  signal?.throwIfAborted();
  const ffmpeg = await Ffmpeg.start(program, file, fps, old, signal);
  let [count, last, time, filled] = [0, 0, -STEP, 0];
  let image: RgbImage | null = null;
  let isMore = false;
  try {
    for await (const chunk of ffmpeg.frames) {
      for (let at = 0; at < chunk.length; ) {
        if (!image) {
          const shown = await ffmpeg.next();
          isMore = !shown;
          if (!shown) break;
          const { width, height } = shown;
          checkSize(shown);
          time = shown.time ?? time + STEP;
          image = { width, height, data: new Uint8Array(width * height * 3) };
          filled = 0;
        }
        const part = chunk.subarray(at, at + image.data.length - filled);
        image.data.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < image.data.length) continue;
        count++;
        last = time;
        yield { time, image };
        image = null;
      }
    }
    const odd = image ? 'it ended within a frame' : isMore ? 'it gave more than it told of' : null;
    const problem = (await ffmpeg.outcome()) ?? odd;
    signal?.throwIfAborted();
    if (ffmpeg.isOld && !old) return true;
    if (count === 0)
      throw new InputError(`${file}: no frame of this video can be read; ffmpeg: ${problem ?? 'it has none'}`);
    if (problem) say(`${file}: damaged or cut: ${readSoFar(count, last)}; ffmpeg: ${problem}`);
    return false;
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof ImageError ? new InputError(`${file}: ${error.message}`) : error;
  } finally {
    ffmpeg.end();
  }
}
