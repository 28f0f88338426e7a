// Animated GIF and WebP: frames as they are shown, one laid over the other, by libvips.
import { InputError } from '../../base/errors';
import { checkSize, DECODE_OPTIONS, ImageError, libvips } from '../image';
import { type Frame, type FrameOptions, readSoFar, takes } from './frame';

/** Pixels that are decoded at once: for any frame libvips goes through all before it, so the fewer times the better. */
const AT_ONCE = 2 ** 23;

/** Up to so many milliseconds a frame is shown for 100, as browsers and ffmpeg do: nobody means them. */
const NO_DELAY = 10;

export interface Animation {
  readonly width: number;
  readonly height: number;
  /** When each frame is shown, in seconds. */
  readonly times: readonly number[];
  readonly bytes: Uint8Array;
  /** Whether its end is missing: that the last byte of a GIF, or as many bytes as a WebP says, are not there. */
  readonly cut: boolean;
}

const VP8X = /^RIFF.{4}WEBPVP8X/s;
const isWebp = (bytes: Uint8Array): boolean => VP8X.test(Buffer.from(bytes.subarray(0, 16)).toString('latin1'));

/** Whether a file that begins so may be an animation; a WebP says it in its flags. */
export const mayMove = (head: Uint8Array): boolean =>
  isWebp(head) ? (head[20] & 2) !== 0 : Buffer.from(head.subarray(0, 4)).toString('latin1') === 'GIF8';

/** The animation in a GIF or WebP file; null: it is a still picture, or what is wrong with it decoding says. */
export async function animationIn(bytes: Uint8Array): Promise<Animation | null> {
  const whole = isWebp(bytes) ? wholeFrames(bytes) : bytes;
  const cut = isWebp(bytes) ? whole !== bytes : bytes.at(-1) !== GIF_END;
  try {
    const found = await (await libvips())(whole, { ...DECODE_OPTIONS, limitInputPixels: false }).metadata();
    const { width, height, pages = 1, delay = [] } = found;
    if (pages < 2) return null;
    let milliseconds = 0;
    const times = Array.from({ length: pages }, (_, i) => {
      const time = milliseconds / 1000;
      milliseconds += delay[i] > NO_DELAY ? delay[i] : 100;
      return time;
    });
    return { width, height: found.pageHeight ?? height, times, bytes: whole, cut };
  } catch {
    return null;
  }
}

/**
 * The frames of an animation, as many at once as AT_ONCE pixels hold.
 * @param say hears of a part that cannot be read
 * @throws InputError if they are too large, or none can be read
 */
export async function* animationFrames(
  file: string,
  { width, height, times, bytes, cut }: Animation,
  { fps, signal }: FrameOptions,
  say: (line: string) => void,
): AsyncGenerator<Frame> {
  const taken = takes(fps);
  const wanted = times.flatMap((time, page) => (taken(time) ? [page] : []));
  const length = width * height * 3;
  let problem = cut ? 'it lacks its end' : null;
  let most = Math.max(1, Math.floor(AT_ONCE / (width * height)));
  let done = 0;
  try {
    checkSize({ width, height });
    while (done < wanted.length) {
      signal?.throwIfAborted();
      const page = wanted[done];
      const pages = Math.min(most, times.length - page);
      const pixels = await decodePages(bytes, page, pages).catch((error: Error) => {
        if (pages === 1) problem = error.message;
        return null;
      });
      if (pixels?.length === pages * length)
        for (; wanted[done] < page + pages; done++) {
          const from = (wanted[done] - page) * length;
          yield { time: times[wanted[done]], image: { width, height, data: pixels.slice(from, from + length) } };
        }
      else if (pages > 1) most = pages >> 1;
      else break;
    }
  } catch (error) {
    throw error instanceof ImageError ? new InputError(`${file}: ${error.message}`) : error;
  }
  if (done === 0) throw new InputError(`${file}: truncated or damaged (${problem})`);
  if (problem) say(`${file}: truncated or damaged (${problem}): ${readSoFar(done, times[wanted[done - 1]])}`);
}

/** Some frames, one below the other, as `decodeImage` gives the first. */
async function decodePages(bytes: Uint8Array, page: number, pages: number): Promise<Uint8Array> {
  return (await libvips())(bytes, { ...DECODE_OPTIONS, page, pages })
    .removeAlpha()
    .raw()
    .toBuffer();
}

const GIF_END = 0x3b;

const u32 = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);

/** A WebP with those chunks alone that are whole, since libwebp takes no other: tag, length, content, to an even number of bytes. */
function wholeFrames(bytes: Uint8Array): Uint8Array {
  if (bytes.length >= u32(bytes, 4) + 8) return bytes;
  let end = 12;
  for (let next = end; next <= bytes.length; ) {
    end = next;
    if (end + 8 > bytes.length) break;
    const length = u32(bytes, end + 4);
    next = end + 8 + length + (length % 2);
  }
  const whole = bytes.slice(0, end);
  new DataView(whole.buffer).setUint32(4, end - 8, true);
  return whole;
}
