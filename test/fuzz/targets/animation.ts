import { InputError } from '../../../src/base/errors';
import { framesOf } from '../../../src/data/video';
import { animationIn, mayMove } from '../../../src/data/video/animation';
import { put } from '../files';
import type { Target } from '../target';
import { drawn } from './pictures';

/** Pixels of a frame, and frames, of a case; see `pictures`. */
const [MOST_PIXELS, MOST_FRAMES] = [2 ** 18, 20];

/** Animated GIF and WebP: their frames. (Other videos are ffmpeg's, in a process of its own.) */
export const target: Target = {
  names: 'fuzzed.gif',
  seeds: async () => {
    const frames = await Promise.all([0, 90, 180].map((hue) => drawn().modulate({ hue }).png().toBuffer()));
    const { default: sharp } = await import('sharp');
    const animation = () => sharp(frames, { join: { animated: true } });
    return Promise.all([
      animation()
        .gif({ delay: [50, 0, 200] })
        .toBuffer(),
      animation().webp({ lossless: true }).toBuffer(),
    ]);
  },
  async read(bytes) {
    const file = put('fuzzed.gif', bytes);
    const animation = mayMove(bytes) ? await animationIn(bytes) : null;
    if (!animation || animation.width * animation.height > MOST_PIXELS || animation.times.length > MOST_FRAMES)
      throw new InputError('fuzzed.gif: none, or too large for a case');
    let before = -1;
    for await (const { time, image } of (await framesOf(file, { fps: null }))!) {
      if (time === null || time <= before) throw new Error(`a frame at ${time} behind one at ${before}`);
      before = time;
      if (image.data.length !== 3 * image.width * image.height) throw new Error('a frame of too few pixels');
    }
  },
};
