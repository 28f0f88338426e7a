// BMP to the bytes that OpenCV's imread gives (as RGB): Windows' headers and OS/2's, 1 to 32 bits, RLE4 and RLE8.
import { InputError } from '../../base/errors';
import type { RgbImage } from '../../base/pixels/rgb_image';

export interface BmpHeader {
  readonly width: number;
  readonly height: number;
  /** Bits a pixel; 15 and 16: 5, 5, 5 and 5, 6, 5 bits. */
  readonly bits: number;
  readonly compression: number;
  readonly topDown: boolean;
  /** Byte at which the pixels begin. */
  readonly offset: number;
  /** 4 bytes a colour: blue, green, red, none. */
  readonly palette: Uint8Array;
}

const [RGB, RLE8, RLE4, BITFIELDS] = [0, 1, 2, 3];

export const isBmp = (bytes: Uint8Array): boolean => bytes[0] === 0x42 && bytes[1] === 0x4d && bytes.length >= 26;

/** @throws InputError: cut short, or a kind of BMP that is not read */
export function bmpHeader(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getUint32(14, true);
  const os2 = size === 12;
  if (!os2 && size < 36) throw new InputError(`a BMP whose header has ${size} bytes cannot be read`);
  if (14 + size > bytes.length) throw new InputError('truncated or damaged (the BMP ends in its header)');
  const [width, tall] = os2
    ? [view.getUint16(18, true), view.getUint16(20, true)]
    : [view.getInt32(18, true), view.getInt32(22, true)];
  const compression = os2 ? RGB : view.getUint32(30, true);
  let bits = view.getUint16(os2 ? 24 : 28, true);
  if (width < 1 || tall === 0) throw new InputError(`truncated or damaged (a BMP of ${width} x ${tall} pixels)`);
  const kinds: Record<number, number[]> = {
    1: [RGB],
    4: [RGB, RLE4],
    8: [RGB, RLE8],
    16: os2 ? [] : [RGB, BITFIELDS],
    24: [RGB],
    32: [RGB, BITFIELDS],
  };
  if (!kinds[bits]?.includes(compression))
    throw new InputError(`a BMP of ${bits} bits a pixel, compression ${compression}, cannot be read`);
  if (bits === 16) {
    // Masks stand behind the forty bytes, whether or not the header counts them as its own.
    if (bytes.length < 66) throw new InputError('truncated or damaged (the BMP ends in its header)');
    const masks = compression === RGB ? [0x7c00, 0x3e0, 0x1f] : [54, 58, 62].map((at) => view.getUint32(at, true));
    const layout = masks.map((mask) => mask.toString(16)).join();
    if (layout !== '7c00,3e0,1f' && layout !== 'f800,7e0,1f')
      throw new InputError(`a BMP of 16 bits with the masks ${layout} cannot be read`);
    if (layout.startsWith('7')) bits = 15;
  }
  return {
    width,
    height: Math.abs(tall),
    bits,
    compression,
    topDown: tall < 0,
    offset: view.getUint32(10, true),
    palette: bits <= 8 ? readPalette(bytes, view, size, bits) : new Uint8Array(0),
  };
}

function readPalette(bytes: Uint8Array, view: DataView, size: number, bits: number): Uint8Array {
  const palette = new Uint8Array(256 * 4);
  const each = size === 12 ? 3 : 4;
  const used = size === 12 ? 0 : view.getUint32(46, true);
  if (used > 256) throw new InputError(`truncated or damaged (a BMP with a palette of ${used} colours)`);
  const count = used || 1 << bits;
  if (14 + size + count * each > bytes.length)
    throw new InputError('truncated or damaged (the BMP ends in its palette)');
  for (let i = 0; i < count; i++) {
    const at = 14 + size + i * each;
    palette.set(bytes.subarray(at, at + 3), i * 4);
  }
  return palette;
}

/** @throws InputError if pixels are missing, or a run leaves its row */
export function readBmp(bytes: Uint8Array, header: BmpHeader): RgbImage {
  const { width, height, bits, compression, topDown, offset } = header;
  const image = { width, height, data: new Uint8Array(width * height * 3) };
  const start = (y: number): number => (topDown ? y : height - 1 - y) * width * 3;
  if (compression === RLE8 || compression === RLE4) {
    readRuns(bytes, header, image.data, start);
    return image;
  }
  const stored = bits === 15 ? 16 : bits;
  const pitch = Math.ceil((width * stored) / 32) * 4;
  // The last row's padding may be missing.
  if (offset + pitch * (height - 1) + Math.ceil((width * stored) / 8) > bytes.length)
    throw new InputError('truncated or damaged (the BMP ends before its last row)');
  const readRow = rowReader(header);
  for (let y = 0; y < height; y++) readRow(bytes, offset + y * pitch, image.data, start(y));
  return image;
}

type RowReader = (src: Uint8Array, from: number, out: Uint8Array, to: number) => void;

/** Reads one row of `width` pixels. */
function rowReader({ width, bits, palette }: BmpHeader): RowReader {
  if (bits <= 8) {
    const mask = (1 << bits) - 1;
    const each = 8 / bits;
    return (src, from, out, to) => {
      for (let x = 0; x < width; x++, to += 3) {
        const index = (src[from + Math.floor(x / each)] >> (8 - bits - (x % each) * bits)) & mask;
        setColour(out, to, palette, index);
      }
    };
  }
  if (bits <= 16) {
    const [g, keep, r] = bits === 15 ? [2, 0xf8, 7] : [3, 0xfc, 8];
    return (src, from, out, to) => {
      for (let x = 0; x < width; x++, from += 2, to += 3) {
        const v = src[from] | (src[from + 1] << 8);
        out[to] = (v >> r) & 0xf8;
        out[to + 1] = (v >> g) & keep;
        out[to + 2] = (v << 3) & 0xff;
      }
    };
  }
  // Blue, green, red, whatever masks 32 bits come with: so OpenCV 4.6.
  const step = bits / 8;
  return (src, from, out, to) => {
    for (let x = 0; x < width; x++, from += step, to += 3) {
      out[to] = src[from + 2];
      out[to + 1] = src[from + 1];
      out[to + 2] = src[from];
    }
  };
}

function setColour(out: Uint8Array, to: number, palette: Uint8Array, index: number): void {
  out[to] = palette[index * 4 + 2];
  out[to + 1] = palette[index * 4 + 1];
  out[to + 2] = palette[index * 4];
}

/**
 * RLE4 and RLE8: (n, v) is n pixels of v; (0, n > 2) n pixels that follow, to an even number of bytes; (0, 0) ends the row, (0, 1) the
 * picture, (0, 2) is followed by a step right and down. What is stepped over is the palette's first colour.
 */
function readRuns(
  bytes: Uint8Array,
  { width, height, compression, offset, palette }: BmpHeader,
  out: Uint8Array,
  start: (y: number) => number,
): void {
  const four = compression === RLE4;
  let [at, x, y] = [offset, 0, 0];
  /** The run before has filled its row and begun the next: an end of row that follows is that row's. */
  let turned = false;
  const next = (): number => {
    if (at >= bytes.length) throw new InputError('truncated or damaged (the BMP ends before its last row)');
    return bytes[at++];
  };
  const inRow = (n: number): void => {
    if (x + n > width) throw new InputError(`truncated or damaged (a run of the BMP leaves row ${y + 1})`);
  };
  const put = (index: number): void => setColour(out, start(y) + 3 * x++, palette, index);
  const skip = (n: number): void => {
    do {
      for (; n > 0 && x < width; n--) put(0);
      if (x >= width) [x, y] = [0, y + 1];
    } while (n > 0 && y < height);
  };
  while (y < height) {
    const [n, v] = [next(), next()];
    if (n > 0) {
      inRow(n);
      for (let i = 0; i < n; i++) put(four ? (i % 2 === 0 ? v >> 4 : v & 15) : v);
      turned = !four && x >= width;
      if (turned) [x, y] = [0, y + 1];
    } else if (v > 2) {
      inRow(v);
      const count = four ? Math.ceil(v / 2) : v;
      for (let i = 0; i < count; i++) {
        const b = next();
        if (!four) put(b);
        else {
          put(b >> 4);
          if (2 * i + 1 < v) put(b & 15);
        }
      }
      if (count % 2 === 1) next();
      turned = false;
    } else {
      // Of RLE4's steps and end OpenCV takes the row's part alone.
      if (v === 2) skip(next() + (four ? 0 : width) * next());
      else if (v === 1) skip(width - x + (four ? 0 : width) * (height - y));
      else if (!turned || x > 0) skip(width - x);
      turned = false;
    }
  }
}
