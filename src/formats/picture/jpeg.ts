// Plain JPEGs by libjpeg-turbo, compiled to WebAssembly. libvips has the same inside, but for a small picture its pipeline takes longer than
// decoding.
import { createRequire } from 'node:module';
import type { RgbImage } from '../../base/pixels/rgb_image';

/** Pixels; larger ones libvips, which has vectors, decodes as fast or faster. */
const MOST = 2 ** 18;

/** What the package exports. */
interface Codec {
  JPEGDecoder: new () => {
    /** Where so many bytes of the file are to be written. */
    getEncodedBuffer(length: number): Uint8Array;
    /** Throws at whatever libjpeg warns of. */
    decode(): void;
    getFrameInfo(): { width: number; height: number; componentCount: number };
    getDecodedBuffer(): Uint8Array;
  };
}

const PACKAGE = '@cornerstonejs/codec-libjpeg-turbo-8bit';
type Decoder = InstanceType<Codec['JPEGDecoder']>;
let opening: Promise<Decoder | null> | null = null;

/** null where there is no room for a WebAssembly memory, which reserves 10 GB of addresses (`ulimit -v`). */
async function openDecoder(): Promise<Decoder | null> {
  try {
    const require = createRequire(import.meta.url);
    const load = require(`${PACKAGE}/decodewasmjs`);
    const file = require.resolve(`${PACKAGE}/decodewasm`);
    const quiet = { print: () => {}, printErr: () => {} };
    const codec: Codec = await load({ ...quiet, locateFile: () => file });
    return new codec.JPEGDecoder();
  } catch {
    return null;
  }
}

/**
 * Decodes a baseline JPEG of 8 bits, gray or in colour, that is not turned, to RGB.
 * @returns null for any other, and for one of which anything is to be said: libvips decides
 */
export async function readPlainJpeg(bytes: Uint8Array): Promise<RgbImage | null> {
  const frame = plainFrame(bytes);
  if (!frame) return null;
  opening ??= openDecoder();
  const decoder = await opening;
  if (!decoder) return null;
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const { width, height, componentCount } = decoder.getFrameInfo();
    const decoded = decoder.getDecodedBuffer();
    const data = componentCount === 3 ? decoded.slice() : replicated(decoded);
    return width === frame.width && height === frame.height && data.length === width * height * 3
      ? { width, height, data }
      : null;
  } catch {
    // What it had in hand is lost to it: another takes its place.
    opening = null;
    return null;
  }
}

/** Each byte three times; four bytes, in the order of little-endian machines, are three words. */
function replicated(gray: Uint8Array): Uint8Array {
  const n = gray.length;
  const rgb = new Uint8Array(3 * n);
  const words = new Uint32Array(rgb.buffer, 0, 3 * (n >> 2));
  for (let i = 0, o = 0; o < words.length; i += 4) {
    const [a, b, c, d] = [gray[i], gray[i + 1], gray[i + 2], gray[i + 3]];
    words[o++] = (a * 0x010101) | (b << 24);
    words[o++] = (b * 0x0101) | (c * 0x01010000);
    words[o++] = c | (d * 0x01010100);
  }
  for (let i = n & ~3; i < n; i++) rgb.fill(gray[i], 3 * i, 3 * i + 3);
  return rgb;
}

const [SOF0, DHT, SOS, DQT, DRI, APP0, COM] = [0xc0, 0xc4, 0xda, 0xdb, 0xdd, 0xe0, 0xfe];
const [EXIF, ADOBE] = [0xe1, 0xee];

/** The size of a plain JPEG: a baseline frame of 8 bits and 1 or 3 components before its scan, no EXIF and no Adobe marker; else null. */
function plainFrame(bytes: Uint8Array): { width: number; height: number } | null {
  const u16 = (at: number): number => (bytes[at] << 8) | bytes[at + 1];
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  let frame: { width: number; height: number } | null = null;
  for (let at = 2; at + 4 < bytes.length; at += 2 + u16(at + 2)) {
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff) return null;
    if (marker === SOS) return frame;
    if (marker === SOF0) {
      const [height, width] = [u16(at + 5), u16(at + 7)];
      const plain = bytes[at + 4] === 8 && (bytes[at + 9] === 1 || bytes[at + 9] === 3);
      if (frame || !plain || width * height === 0 || width * height > MOST) return null;
      frame = { width, height };
    } else if (marker === EXIF || marker === ADOBE) return null;
    else if (![DHT, DQT, DRI, COM].includes(marker) && !(marker >= APP0 && marker <= 0xef)) return null;
  }
  return null;
}
