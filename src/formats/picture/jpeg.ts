// JPEGs as nearly all are, to libjpeg's bytes: sequential, Huffman-coded, 8 bits, grey or YCbCr, one scan that is whole.
// libvips, which reads all others, takes longer to set up a pipeline than such a picture takes to decode.
import type { RgbImage } from '../../base/pixels/rgb_image';
import { WasmKernel } from '../../base/pixels/wasm_kernel';
import binary from './jpeg.wat';
import { isJpeg } from './jpeg_end';

const kernel = new WasmKernel<'idct' | 'between' | 'grey' | 'colour'>(binary);

/** Pixels from which a library is as fast. */
const MOST_PIXELS = 2 ** 19;

const [DHT, SOF0, SOF1, EOI, SOS, DQT, DRI] = [0xc4, 0xc0, 0xc1, 0xd9, 0xda, 0xdb, 0xdd];
const [APP0, APP1, APP14, APP15, COM] = [0xe0, 0xe1, 0xee, 0xef, 0xfe];

/** Place in a block of the coefficients in their order. */
const ZIGZAG = Uint8Array.of(
  ...[
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28,
  ],
  ...[
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47,
    55,
  ],
  ...[62, 63],
);

/** Nearly twice the largest coefficient that a picture has. */
const BEYOND = 2048;

/** Bits that are looked up at once. */
const LOOK = 10;

interface HuffmanTable {
  /** By the next LOOK bits: the code's length, and above 8 bits its symbol; 0: a longer code, or none. */
  readonly look: Uint16Array;
  /** For each length, the first code after those of that length, moved up to 16 bits. */
  readonly limits: Int32Array;
  /** For each length, what to add to a code to get its symbol's place. */
  readonly offsets: Int32Array;
  readonly symbols: Uint8Array;
}

interface Component {
  readonly id: number;
  readonly h: number;
  readonly v: number;
  readonly factors: number;
  dc?: HuffmanTable;
  ac?: HuffmanTable;
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly components: readonly Component[];
  readonly quantization: readonly (Uint8Array | undefined)[];
  /** Units between restart markers; 0: there are none. */
  readonly interval: number;
  /** Byte at which the scan's data begin. */
  readonly at: number;
}

/** The picture, or null for any JPEG that is out of the ordinary: turned by EXIF, progressive, CMYK, large, damaged, ... */
export function readPlainJpeg(bytes: Uint8Array): RgbImage | null {
  const header = plainHeader(bytes);
  return header && readScan(bytes, header);
}

function plainHeader(bytes: Uint8Array): Header | null {
  const u16 = (at: number): number => (bytes[at] << 8) | bytes[at + 1];
  const quantization: Uint8Array[] = [];
  const [dc, ac]: HuffmanTable[][] = [[], []];
  let components: Component[] = [];
  let [width, height, interval] = [0, 0, 0];
  if (!isJpeg(bytes)) return null;
  for (let at = 2; ; ) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1];
    const [body, end] = [at + 4, at + 2 + u16(at + 2)];
    if (!(end <= bytes.length) || end < body) return null;
    at = end;
    if (marker === DQT) {
      for (let p = body; p < end; p += 65) {
        if (bytes[p] > 3 || p + 65 > end) return null;
        quantization[bytes[p]] = bytes.subarray(p + 1, p + 65);
      }
    } else if (marker === DHT) {
      for (let p = body; p < end; ) {
        const count = bytes.subarray(p + 1, p + 17).reduce((sum, n) => sum + n, 0);
        const [kind, slot] = [bytes[p] >> 4, bytes[p] & 15];
        if (kind > 1 || slot > 3 || count > 256 || p + 17 + count > end) return null;
        const table = huffmanTable(bytes.subarray(p + 1, p + 17), bytes.subarray(p + 17, p + 17 + count));
        if (!table || (kind === 0 && table.symbols.some((size) => size > 15))) return null;
        (kind === 0 ? dc : ac)[slot] = table;
        p += 17 + count;
      }
    } else if (marker === SOF0 || marker === SOF1) {
      const count = bytes[body + 5];
      if (components.length > 0 || bytes[body] !== 8 || end !== body + 6 + 3 * count) return null;
      [height, width] = [u16(body + 1), u16(body + 3)];
      components = Array.from({ length: count }, (_, c) => {
        const [id, sampling, factors] = bytes.subarray(body + 6 + 3 * c);
        return { id, h: sampling >> 4, v: sampling & 15, factors };
      });
      if (!isPlain(width, height, components)) return null;
    } else if (marker === DRI) {
      if (end !== body + 2) return null;
      interval = u16(body);
    } else if (marker === SOS) {
      const count = bytes[body];
      if (count !== components.length || end !== body + 4 + 2 * count || count === 0) return null;
      for (const [c, of] of components.entries()) {
        const [id, tables] = bytes.subarray(body + 1 + 2 * c);
        if (id !== of.id) return null;
        of.dc = dc[tables >> 4];
        of.ac = ac[tables & 15];
        if (!of.dc || !of.ac || !quantization[of.factors]) return null;
      }
      const [first, last, bits] = bytes.subarray(body + 1 + 2 * count);
      return first === 0 && last === 63 && bits === 0
        ? { width, height, components, quantization, interval, at }
        : null;
    } else if (marker === APP1 && u16(body) === 0x4578)
      return null; // Exif: it may be turned
    else if (marker === APP14 && bytes[body] === 0x41)
      return null; // Adobe: it may be no YCbCr
    else if (!(marker >= APP0 && marker <= APP15) && marker !== COM) return null;
  }
}

/** Grey, or YCbCr with chroma as dense as luma, or half as dense across, or both ways. */
function isPlain(width: number, height: number, components: readonly Component[]): boolean {
  // Chroma of one or two columns is not smoothed.
  if (width < 8 || height < 1 || width * height > MOST_PIXELS) return false;
  const [y, ...chroma] = components;
  if (components.length === 1) return y.h === 1 && y.v === 1;
  if (components.length !== 3 || components.some(({ id }, c) => id !== c + 1)) return false;
  return chroma.every(({ h, v }) => h === 1 && v === 1) && ['11', '21', '22'].includes(`${y.h}${y.v}`);
}

/** By the numbers of codes of 1 to 16 bits; null: more than there can be. */
function huffmanTable(counts: Uint8Array, symbols: Uint8Array): HuffmanTable | null {
  const table = {
    look: new Uint16Array(1 << LOOK),
    limits: new Int32Array(18),
    offsets: new Int32Array(17),
    symbols,
  };
  let [code, next] = [0, 0];
  for (let length = 1; length <= 16; length++) {
    table.offsets[length] = next - code;
    for (let i = 0; i < counts[length - 1]; i++, code++, next++) {
      if (length > LOOK) continue;
      const from = code << (LOOK - length);
      table.look.fill((symbols[next] << 8) | length, from, from + (1 << (LOOK - length)));
    }
    // A code of ones alone is none.
    if (code >= 1 << length && next > 0 && counts[length - 1] > 0) return null;
    table.limits[length] = code << (16 - length);
    code <<= 1;
  }
  return table;
}

/** Null if anything is not as it should be, up to the end marker. */
function readScan(
  bytes: Uint8Array,
  { width, height, components, quantization, interval, at }: Header,
): RgbImage | null {
  const [{ h: across, v: down }] = components;
  const colour = components.length === 3;
  const [units, lines] = [Math.ceil(width / (8 * across)), Math.ceil(height / (8 * down))];
  // One; the passes; a block; factors; planes; a row of sums, two of chroma, one of RGB.
  const atBlock = 1024;
  const atFactors = atBlock + 128;
  let end = atFactors + 3 * 128;
  const planes = components.map(({ h, v }) => {
    const stride = units * h * 8 + 16;
    const plane = { at: end, stride };
    end += stride * lines * v * 8;
    return plane;
  });
  const full = units * across * 8 + 32;
  const atSums = end;
  const atChroma = [atSums + 2 * full, atSums + 3 * full];
  const atRow = atSums + 4 * full;
  const opened = kernel.open(atRow + 3 * full);
  if (!opened) return null;
  const { run, memory } = opened;
  const words = new Int16Array(memory, 0, end >> 1);
  words.fill(1, 0, 64).fill(0, atBlock / 2, atFactors / 2);
  const block = words.subarray(atBlock / 2, atBlock / 2 + 64);
  /** Of each component and coefficient, the bits of the largest that is not beyond, where libraries differ. */
  const sizes = components.map(({ factors }, c) => {
    const table = quantization[factors] as Uint8Array;
    for (let k = 0; k < 64; k++) words[atFactors / 2 + c * 64 + ZIGZAG[k]] = table[k];
    return table.map((factor) => Math.min(10, Math.ceil(Math.log2(BEYOND / factor))));
  });

  let [buffer, bits, past] = [0, 0, 0];
  /** At least 25 bits, of which those beyond a marker are zeros, and counted. */
  const fill = (): void => {
    while (bits <= 24) {
      let byte = bytes[at];
      if (byte === 0xff && bytes[at + 1] !== 0) {
        byte = 0;
        past += 8;
      } else if (byte === 0xff) at += 2;
      else if (at < bytes.length) at++;
      else past += 8;
      buffer = (buffer << 8) | byte;
      bits += 8;
    }
  };
  const symbol = ({ look, limits, offsets, symbols }: HuffmanTable): number => {
    if (bits < 16) fill();
    const found = look[(buffer >>> (bits - LOOK)) & ((1 << LOOK) - 1)];
    if (found > 0) {
      bits -= found & 255;
      return found >> 8;
    }
    const next = (buffer >>> (bits - 16)) & 0xffff;
    for (let length = LOOK + 1; length <= 16; length++) {
      if (next >= limits[length]) continue;
      bits -= length;
      return symbols[(next >> (16 - length)) + offsets[length]];
    }
    return -1;
  };
  /** A number of `size` bits, as JPEG codes its sign. */
  const receive = (size: number): number => {
    if (bits < size) fill();
    bits -= size;
    const value = (buffer >>> bits) & ((1 << size) - 1);
    return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
  };
  /** The coefficients of one block; returns its first, NaN if they are not sound. */
  const readBlock = (dc: HuffmanTable, ac: HuffmanTable, sizes: Uint8Array, before: number): number => {
    const size = symbol(dc);
    if (size < 0 || size > 11) return Number.NaN;
    const value = before + (size > 0 ? receive(size) : 0);
    block[0] = value;
    for (let k = 1; k < 64; k++) {
      const rs = symbol(ac);
      if (rs < 0) return Number.NaN;
      const s = rs & 15;
      if (s === 0) {
        if (rs === 0) break;
        if (rs !== 0xf0) return Number.NaN;
        k += 15;
      } else {
        k += rs >> 4;
        if (k > 63 || s > sizes[k]) return Number.NaN;
        block[ZIGZAG[k]] = receive(s);
      }
    }
    return value;
  };

  const before = [0, 0, 0];
  for (let unit = 0, restarts = 0; unit < units * lines; unit++) {
    if (interval > 0 && unit > 0 && unit % interval === 0) {
      if (bits < past || bytes[at] !== 0xff || bytes[at + 1] !== 0xd0 + (restarts++ & 7)) return null;
      at += 2;
      bits = 0;
      past = 0;
      before.fill(0);
    }
    const [left, top] = [unit % units, Math.floor(unit / units)];
    for (let c = 0; c < components.length; c++) {
      const { h, v, dc, ac } = components[c];
      const { at: plane, stride } = planes[c];
      for (let y = 0; y < v; y++)
        for (let x = 0; x < h; x++) {
          before[c] = readBlock(dc as HuffmanTable, ac as HuffmanTable, sizes[c], before[c]);
          if (!(Math.abs(before[c] * words[atFactors / 2 + c * 64]) < BEYOND)) return null;
          const out = plane + (top * v + y) * 8 * stride + (left * h + x) * 8;
          run.idct(atBlock, atFactors + c * 128, out, stride);
        }
    }
  }
  if (bits < past || bytes[at] !== 0xff || bytes[at + 1] !== EOI) return null;

  const data = new Uint8Array(width * height * 3);
  const row = new Uint8Array(memory, atRow, width * 3);
  const [luma, ...chroma] = planes;
  const [w, h] = [Math.ceil(width / across), Math.ceil(height / down)];
  for (let y = 0; y < height; y++) {
    const atLuma = luma.at + y * luma.stride;
    if (!colour) run.grey(atLuma, width, atRow);
    else {
      const near = Math.floor(y / down);
      const far = Math.min(Math.max(near + (y % 2 === 0 ? -1 : 1), 0), h - 1);
      const rows = chroma.map((plane, c) => {
        if (across === 1) return plane.at + near * plane.stride;
        run.between(plane.at + near * plane.stride, plane.at + far * plane.stride, down - 1, w, atSums, atChroma[c]);
        return atChroma[c];
      });
      run.colour(atLuma, rows[0], rows[1], width, atRow);
    }
    data.set(row, y * width * 3);
  }
  return { width, height, data };
}
