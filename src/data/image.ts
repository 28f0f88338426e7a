import { readFileSync, type Stats, statSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { isMainThread } from 'node:worker_threads';
import { InputError, MachineError } from '../base/errors';
import { ImageError, MAX_PIXELS, type RgbImage } from '../base/pixels/rgb_image';
import { turnInPlace } from '../base/pixels/turn';
import { bmpHeader, isBmp, readBmp } from '../formats/picture/bmp';
import { readPlainJpeg } from '../formats/picture/jpeg';
import { isJpeg, jpegEnd } from '../formats/picture/jpeg_end';
import { isPnm, pnmHeader, readPnm } from '../formats/picture/pnm';
import type { ImageRoot } from './image_root';

export { ImageError, MAX_PIXELS } from '../base/pixels/rgb_image';

/** Longest side of a picture, as OpenCV's. */
const MAX_SIDE = 2 ** 20;

/** The reason where there is none. */
export const NO_SUCH_FILE = 'no such file';

/** libvips, which takes a tenth of a second to load: as it is needed. @throws MachineError where it cannot be */
export const libvips = () =>
  import('sharp').then(
    ({ default: sharp }) => sharp,
    (error: Error) => {
      throw new MachineError(`libvips, which decodes pictures, cannot be loaded: ${error.message}`);
    },
  );

/** How libvips decodes. */
export const DECODE_OPTIONS = { ignoreIcc: true, failOn: 'error', limitInputPixels: MAX_PIXELS } as const;

/** What Node reads at once; a picture file that is longer is not read. */
const MAX_BYTES = 2 ** 31 - 1;

/** Of a file that is longer, the size in pixels is looked at before it is read. */
const LONG = 2 ** 26;

/** Bytes in which a header of ours stands. */
const HEAD = 2 ** 16;

/**
 * The content of a picture file.
 * @param root the folder that it must lie in, by its real path; none for a file that a person named
 * @throws ImageError: not there, no file (a pipe or device may have no end), too long, more than MAX_PIXELS pixels (if it is long)
 * @example
 * (await readPicture('faces/images/validation/00000.jpg')).subarray(0, 2); // [255, 216]
 */
export async function readPicture(file: string | Buffer, root?: ImageRoot): Promise<Uint8Array> {
  try {
    const outside = root?.linkProblemOf(file);
    if (outside) throw new ImageError(outside);
    const status: Stats = statSync(file);
    if (!status.isFile()) throw new ImageError('not a file');
    if (status.size > MAX_BYTES) throw new ImageError(`too large: ${status.size} bytes, the limit is ${MAX_BYTES}`);
    if (status.size > LONG) await lookAtSize(file);
    // A thread of its own has nothing else to do meanwhile.
    return isMainThread ? await readFile(file) : readFileSync(file);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new ImageError(code === 'ENOENT' || code === 'ENOTDIR' ? NO_SUCH_FILE : `cannot be read (${code})`);
  }
}

/** @throws ImageError if a long file's header tells of too many pixels; what else is wrong, decoding says */
async function lookAtSize(file: string | Buffer): Promise<void> {
  const handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD), 0, HEAD, 0).finally(() => handle.close());
  const head = buffer.subarray(0, bytesRead);
  // So long a JPEG is no picture of too many pixels, and libvips would look through all of it for a header.
  if (isJpeg(head)) return;
  const size = await headerOf(head, file.toString());
  if (size) checkSize(size);
}

/** The size that a picture's header tells, by which it can be known what decoding takes; null: what is wrong, decoding says. */
export async function headerOf(
  bytes: Uint8Array,
  source: Uint8Array | string = bytes,
): Promise<{ width: number; height: number } | null> {
  try {
    const own = OWN.find(({ is }) => is(bytes));
    if (!own && !MAGIC.test(beginOf(bytes))) return null;
    return own ? own.header(bytes) : await (await libvips())(source, { limitInputPixels: false }).metadata();
  } catch {
    return null;
  }
}

/** @throws ImageError naming the size and the way out */
export function checkSize({ width, height }: { width: number; height: number }): void {
  if (width * height <= MAX_PIXELS && Math.max(width, height) <= MAX_SIDE) return;
  const most = width * height > MAX_PIXELS ? `${MAX_PIXELS} pixels` : `${MAX_SIDE} pixels a side`;
  throw new ImageError(
    `too large: ${width} x ${height} pixels, the limit is ${most}; make it smaller, for example with ` +
      '"magick IN -resize 25% OUT" (face boxes and landmarks too)',
  );
}

/** The formats that are read here, to OpenCV's bytes: libvips as it comes lacks them. */
const OWN = [ownFormat(isBmp, bmpHeader, readBmp), ownFormat(isPnm, pnmHeader, readPnm)];

function ownFormat<H extends { width: number; height: number }>(
  is: (bytes: Uint8Array) => boolean,
  header: (bytes: Uint8Array) => H,
  read: (bytes: Uint8Array, header: H) => RgbImage,
) {
  const decode = (bytes: Uint8Array): RgbImage => {
    const of = header(bytes);
    checkSize(of);
    return read(bytes, of);
  };
  return { is, header, decode };
}

/** What libvips calls the formats that photographs come in. Its others, such as SVG, are programs to draw something. */
const FORMATS = new Set(['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif']);

/** Formats that people take for others, by how they begin. */
const FOREIGN: readonly [RegExp, string][] = [
  [/^.{4}ftyp(?!.{0,56}avi[fs]).{0,56}(hei[cxms]|hev[cxms])/s, 'HEIC (HEVC), as iPhones take'],
  [/^(\0\0\0\x0cjP {2}|\xff\x4f\xff\x51)/, 'JPEG 2000'],
  [/^(\xff\x0a|\0\0\0\x0cJXL )/, 'JPEG XL'],
  [/^.{4}ftypcrx |^FUJIFILM|^II\x55\0|^IIRO/s, 'a raw photograph'],
  [/^8BPS/, 'a Photoshop file'],
  [/^%PDF/, 'a PDF'],
  [/^\s*<(!doctype )?html/i, 'a web page'],
  [/^version https:\/\/git-lfs/, 'a Git LFS pointer (get the file by "git lfs pull")'],
];

/** How the formats begin that libvips may look at: it would take others, such as SVG, by their content too. */
const MAGIC =
  /^(\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF.{4}WEBP|GIF8[79]a|II[*+]\0|MM\0[*+]|.{4}ftyp.{0,56}(avi[fs]|mif1|msf1))/s;

/** Whether a file begins as a picture, or as what is told from one by its first bytes; at least 64 of them. */
export function isPictureHead(head: Uint8Array): boolean {
  const begin = beginOf(head);
  return OWN.some(({ is }) => is(head)) || MAGIC.test(begin) || FOREIGN.some(([magic]) => magic.test(begin));
}

const beginOf = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, 64)).toString('latin1');

/**
 * Decodes a picture to the bytes that OpenCV's `imread` gives (as RGB): EXIF orientation applied, colour profile
 * ignored, grey replicated, alpha dropped without blending, the upper 8 of 16 bits, CMYK by OpenCV's own formula.
 * Of an animation the first frame. A JPEG may lack its end marker, if it lacks nothing else.
 *
 * @throws ImageError: zero bytes, no image, truncated or damaged, more than MAX_PIXELS pixels
 * @example
 * const picture = await decodeImage(await readPicture('faces/images/validation/00000.jpg'));
 * picture.data.length === 3 * picture.width * picture.height; // true
 */
export const decodeImage = (bytes: Uint8Array): Promise<RgbImage> => decodeWithin(bytes, null);

/** Of larger pictures none is decoded, whatever becomes of it: 2^28 pixels. */
const MAX_SHRUNK = 2 ** 28;

/** Pixels in which every face of a picture is found that the detector sees in the whole. */
export const ENOUGH_TO_FIND = 2 ** 26;

/** A picture that may have been made smaller. */
export interface SmallerImage extends RgbImage {
  /** Its size before, turned as it is. */
  readonly of?: Pick<RgbImage, 'width' | 'height'>;
}

/**
 * A picture in which faces are to be found: as `decodeImage`, but of more than ENOUGH_TO_FIND pixels (and up to 2^28) it is made smaller while it
 * is decoded, so that it is nowhere as a whole. A face that is found in so large a picture is hundreds of pixels wide there.
 * @throws ImageError, as `decodeImage`
 */
export const decodeToFind = (bytes: Uint8Array): Promise<SmallerImage> => decodeWithin(bytes, ENOUGH_TO_FIND);

/** @param enough pixels that a picture is made smaller to; null: it is decoded as it is */
async function decodeWithin(bytes: Uint8Array, enough: number | null): Promise<SmallerImage> {
  if (bytes.length === 0) throw new ImageError('zero bytes');
  try {
    const own = OWN.find(({ is }) => is(bytes));
    if (own) return own.decode(bytes);
    const begin = beginOf(bytes);
    const foreign = FOREIGN.find(([magic]) => magic.test(begin));
    if (foreign) throw new ImageError(`${foreign[1]}: cannot be read; convert it to JPEG or PNG`);
    if (!MAGIC.test(begin)) throw new ImageError('not an image, or a format that cannot be read');
    const end = isJpeg(bytes) ? jpegEnd(bytes) : 'marked';
    if (end === 'cut') throw new ImageError('truncated or damaged (the JPEG ends before its last row)');
    const plain = end === 'marked' ? await readPlainJpeg(bytes) : null;
    if (plain) return plain;
    // The header alone is read here, with no limit, so that a picture that is too large is reported with its size.
    const header = await (await libvips())(bytes, { ...DECODE_OPTIONS, limitInputPixels: false }).metadata();
    const { format, width, height, space, orientation } = header;
    if (!FORMATS.has(format)) throw new ImageError(`not a photograph: ${format}`);
    const times = enough === null ? 1 : Math.ceil(Math.sqrt((width * height) / enough));
    if (times > 1 && width * height <= MAX_SHRUNK && end === 'marked' && space !== 'cmyk')
      return await decodeShrunk(bytes, { width, height, orientation }, times);
    checkSize({ width, height });
    if (end === 'open' && width * height > MAX_OPEN)
      throw new ImageError(`truncated or damaged (no end marker, and too large to see whether all else is there)`);
    if (end === 'open') return await decodeOpen(bytes, space === 'cmyk');
    const apart = width * height > LARGE && orientation !== undefined && orientation > 1;
    return (
      (apart && (await decodeTurned(bytes, space === 'cmyk', orientation))) || (await decode(bytes, space === 'cmyk'))
    );
  } catch (error) {
    if (error instanceof InputError) throw new ImageError(error.message);
    throw error instanceof ImageError || error instanceof MachineError ? error : new ImageError(reason(error as Error));
  }
}

/** The picture with some `times` fewer pixels a side, averaged. Its height is a multiple of 16, by which it can be turned in its memory. */
async function decodeShrunk(
  bytes: Uint8Array,
  {
    width,
    height,
    orientation = 1,
  }: { readonly width: number; readonly height: number; readonly orientation?: number },
  times: number,
): Promise<SmallerImage> {
  const size = { width: Math.max(1, Math.round(width / times)), height: 16 * Math.ceil(height / times / 16) };
  const { data } = await (await libvips())(bytes, { ...DECODE_OPTIONS, limitInputPixels: MAX_SHRUNK })
    .removeAlpha()
    .resize({ ...size, fit: 'fill', kernel: 'linear' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const image = turnInPlace({ ...size, data }, orientation) as RgbImage;
  return { ...image, of: orientation > 4 ? { width: height, height: width } : { width, height } };
}

/** Pixels of a picture from which it is turned in its own memory: libvips makes a second one. */
const LARGE = 2 ** 24;

/** null where it cannot be turned so. */
const decodeTurned = async (bytes: Uint8Array, cmyk: boolean, orientation: number): Promise<RgbImage | null> =>
  turnInPlace(await decode(bytes, cmyk, false), orientation);

async function decode(bytes: Uint8Array, cmyk: boolean, autoOrient = true): Promise<RgbImage> {
  const picture = (await libvips())(bytes, { ...DECODE_OPTIONS, autoOrient });
  const decoder = cmyk ? picture.pipelineColourspace('cmyk').toColourspace('cmyk') : picture.removeAlpha();
  const { data, info } = await decoder.raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data: cmyk ? cmykToRgb(data) : data };
}

/** Largest JPEG without its end marker: it is decoded twice. */
const MAX_OPEN = 2 ** 25;

/** What may follow the last byte of a JPEG without its end marker. */
const ENDS = [[], Array(64).fill(0x55)].map((rest) => Buffer.from([...rest, 0xff, 0xd9]));

/** A JPEG without its end marker is whole if its pixels do not depend on what would have followed. */
async function decodeOpen(bytes: Uint8Array, cmyk: boolean): Promise<RgbImage> {
  let length = bytes.length;
  while (bytes[length - 1] === 0xff) length--;
  const stored = bytes.subarray(0, length);
  const [a, b] = ENDS.map((end) => Buffer.concat([stored, end]));
  const image = await decode(a, cmyk);
  const same = Buffer.compare(image.data, (await decode(b, cmyk)).data) === 0;
  if (!same) throw new ImageError('truncated or damaged (the JPEG ends before its last row)');
  return image;
}

/** OpenCV's conversion, in place: with k = 255 - K, each of R, G, B is k - (ink * k >> 8). */
function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  let o = 0;
  for (let i = 0; i < cmyk.length; i += 4) {
    const k = 255 - cmyk[i + 3];
    for (let c = 0; c < 3; c++) cmyk[o++] = k - ((cmyk[i + c] * k) >> 8);
  }
  return cmyk.subarray(0, o);
}

/** The decoder's message, without its repetitions, in the words of our list. */
function reason({ message }: Error): string {
  if (/unsupported image format/.test(message)) return 'not an image, or a format that cannot be read';
  const [first, second = ''] = message.replace(/^Input buffer (has )?/, '').split('\n');
  return `truncated or damaged (${first.endsWith(':') ? `${first} ${second}`.replace(/: $/, '') : first})`;
}
