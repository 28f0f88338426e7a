// PBM, PGM and PPM (P1 to P6) to the bytes that OpenCV's imread gives (as RGB).
import { InputError } from '../../base/errors';
import type { RgbImage } from '../../base/pixels/rgb_image';

export interface PnmHeader {
  readonly width: number;
  readonly height: number;
  /** 1 or 3 numbers a pixel. */
  readonly channels: number;
  /** Bits, of which 1 is black. */
  readonly bitmap: boolean;
  readonly binary: boolean;
  readonly most: number;
  /** Byte at which the pixels begin. */
  readonly offset: number;
}

export const isPnm = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] >= 0x31 && bytes[1] <= 0x36 && isSpace(bytes[2]);

const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 9 && byte <= 13);
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

/** Numbers in text, between white space and comments from # to the line's end. */
class Numbers {
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
  ) {}

  /** The next number, of `digits` digits at most. @throws InputError: none, or one beyond 2^31 */
  next(digits = Number.POSITIVE_INFINITY): number {
    const { bytes } = this;
    for (; !isDigit(bytes[this.at]); this.at++) {
      if (bytes[this.at] === 0x23)
        while (bytes[this.at] !== 10 && bytes[this.at] !== 13 && this.at < bytes.length) this.at++;
      else if (!isSpace(bytes[this.at])) {
        const found = this.at < bytes.length ? `byte ${bytes[this.at]}` : 'its end';
        throw new InputError(`truncated or damaged (expected a number of the PNM at byte ${this.at}, found ${found})`);
      }
    }
    let value = 0;
    for (let n = 0; n < digits && isDigit(bytes[this.at]); n++) value = value * 10 + bytes[this.at++] - 0x30;
    if (value >= 2 ** 31) throw new InputError(`truncated or damaged (a number of the PNM is ${value})`);
    return value;
  }
}

/** @throws InputError: cut short, or with numbers that no PNM has */
export function pnmHeader(bytes: Uint8Array): PnmHeader {
  const kind = bytes[1] - 0x30;
  const bitmap = kind % 3 === 1;
  const numbers = new Numbers(bytes, 2);
  const [width, height] = [numbers.next(), numbers.next()];
  const most = bitmap ? 1 : numbers.next();
  if (width < 1 || height < 1 || most < 1 || most > 65535)
    throw new InputError(`truncated or damaged (a PNM of ${width} x ${height} pixels up to ${most})`);
  return { width, height, channels: kind % 3 === 0 ? 3 : 1, bitmap, binary: kind > 3, most, offset: numbers.at + 1 };
}

/** @throws InputError if pixels are missing */
export function readPnm(bytes: Uint8Array, header: PnmHeader): RgbImage {
  const { width, height, channels } = header;
  const data = new Uint8Array(width * height * 3);
  const row = new Uint8Array(width * channels);
  const fill = rowReader(bytes, header);
  for (let y = 0, o = 0; y < height; y++) {
    fill(row, y);
    if (channels === 3) data.set(row, y * width * 3);
    else for (const grey of row) for (let c = 0; c < 3; c++) data[o++] = grey;
  }
  return { width, height, data };
}

/** Reads row y, the rows in order: bytes as they stand, the upper 8 of 16 bits; only text is scaled to 255. */
function rowReader(bytes: Uint8Array, header: PnmHeader): (row: Uint8Array, y: number) => void {
  const { width, height, channels, bitmap, binary, most, offset } = header;
  const wide = most > 255;
  if (!binary) {
    const numbers = new Numbers(bytes, offset);
    return (row) => {
      for (let i = 0; i < row.length; i++) {
        const value = Math.min(numbers.next(bitmap ? 1 : undefined), most);
        row[i] = bitmap ? 255 * (1 - value) : wide ? value >> 8 : Math.trunc((value * 255) / most);
      }
    };
  }
  const pitch = bitmap ? Math.ceil(width / 8) : width * channels * (wide ? 2 : 1);
  if (offset + pitch * height > bytes.length)
    throw new InputError('truncated or damaged (the PNM ends before its last row)');
  return (row, y) => {
    const from = offset + y * pitch;
    if (bitmap) for (let x = 0; x < width; x++) row[x] = (bytes[from + (x >> 3)] >> (7 - (x & 7))) & 1 ? 0 : 255;
    else if (wide) for (let i = 0; i < row.length; i++) row[i] = bytes[from + 2 * i];
    else row.set(bytes.subarray(from, from + pitch));
  };
}
