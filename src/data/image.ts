import { readFileSync, statSync } from 'node:fs';
import sharp from 'sharp';
import type { RgbImage } from '../base/pixels/rgb_image';

/** Largest picture that is decoded, and largest face box that is cut: 2^26 pixels are 201 MB of RGB. */
export const MAX_PIXELS = 2 ** 26;

/** A picture that cannot be used. The message is the reason alone, fit for a list of bad images. */
export class ImageError extends Error {
  override name = 'ImageError';
}

const OPTIONS = { ignoreIcc: true, failOn: 'error', limitInputPixels: MAX_PIXELS } as const;

/** A picture file that is longer is not read. */
const MAX_BYTES = 2 ** 28;

/** The content of a picture file. @throws ImageError: not there, no file (a pipe or device may have no end), too long */
export function readPicture(file: string | Buffer): Uint8Array {
  try {
    const status = statSync(file);
    if (!status.isFile()) throw new ImageError('not a file');
    if (status.size > MAX_BYTES) throw new ImageError(`too large: ${status.size} bytes, the limit is ${MAX_BYTES}`);
    return readFileSync(file);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new ImageError(code === 'ENOENT' || code === 'ENOTDIR' ? 'no such file' : `cannot be read (${code})`);
  }
}

/** What libvips calls the formats that photographs come in. Its others, such as SVG, are programs to draw something. */
const FORMATS = new Set(['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif']);

/**
 * Decodes a picture to the bytes that OpenCV's `imread` gives (as RGB): EXIF orientation applied, colour profile
 * ignored, grey replicated, alpha dropped without blending, the upper 8 of 16 bits, CMYK by OpenCV's own formula.
 * Of an animation the first frame.
 *
 * @throws ImageError: zero bytes, no image, truncated or damaged, more than MAX_PIXELS pixels
 */
export async function decodeImage(bytes: Uint8Array): Promise<RgbImage> {
  if (bytes.length === 0) throw new ImageError('zero bytes');
  try {
    // The header alone is read here, with no limit, so that a picture that is too large is reported with its size.
    const { format, width, height, space } = await sharp(bytes, { ...OPTIONS, limitInputPixels: false }).metadata();
    if (!FORMATS.has(format)) throw new ImageError(`not a photograph: ${format}`);
    if (width * height > MAX_PIXELS) {
      throw new ImageError(`too large: ${width} x ${height} pixels, the limit is ${MAX_PIXELS} pixels`);
    }
    const cmyk = space === 'cmyk';
    const picture = sharp(bytes, { ...OPTIONS, autoOrient: true });
    const decoder = cmyk ? picture.pipelineColourspace('cmyk').toColourspace('cmyk') : picture.removeAlpha();
    const { data, info } = await decoder.raw().toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: cmyk ? cmykToRgb(data) : data };
  } catch (error) {
    throw error instanceof ImageError ? error : new ImageError(reason(error as Error));
  }
}

/** OpenCV's conversion: with k = 255 - K, each of R, G, B is k - (ink * k >> 8). */
function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let i = 0, o = 0; i < cmyk.length; i += 4) {
    const k = 255 - cmyk[i + 3];
    for (let c = 0; c < 3; c++) rgb[o++] = k - ((cmyk[i + c] * k) >> 8);
  }
  return rgb;
}

/** The decoder's message, without its repetitions, in the words of our list. */
function reason({ message }: Error): string {
  if (/unsupported image format/.test(message)) return 'not an image, or a format that cannot be read';
  const [first, second = ''] = message.replace(/^Input buffer (has )?/, '').split('\n');
  return `truncated or damaged (${first.endsWith(':') ? `${first} ${second}`.replace(/: $/, '') : first})`;
}
