import { bytes, u32 } from '../../hostile/make';
import type { Target } from '../target';
import { pictures, ppm } from './pictures';

/** A BMP of 3 x 2 pixels. */
function bmp(bits: number, compression: number, pixels: Uint8Array): Uint8Array {
  const palette = new Uint8Array(bits <= 8 ? 4 << bits : 0).map((_, i) => 5 * i);
  const start = 54 + palette.length;
  const sizes = [0, start, 40, 3, 2].map(u32);
  const rest = [compression, pixels.length, 0, 0, 0, 0].map(u32);
  return bytes('BM', u32(start + pixels.length), ...sizes, 1, 0, bits, 0, ...rest, palette, pixels);
}

/** BMP and PNM, which are decoded here. */
export const target: Target = pictures(() => [
  ...[1, 4, 8, 16, 24, 32].map((bits) =>
    bmp(
      bits,
      0,
      new Uint8Array(8 * Math.ceil((3 * bits) / 32)).map((_, i) => i),
    ),
  ),
  bmp(8, 1, bytes(3, 1, 0, 0, 0, 3, 1, 2, 3, 0, 0, 1)),
  bmp(4, 2, bytes(3, 0x12, 0, 0, 0, 3, 0x12, 0x30, 0, 1)),
  bytes('P1 2 2 0 1 1 0'),
  bytes('P2 # text\n2 2 15 0 7 15 3'),
  bytes('P3 1 1 255 1 2 3'),
  bytes('P4 9 1\n', 0x55, 0x80),
  bytes('P5 2 1 65535\n', 1, 2, 3, 4),
  ppm(),
]);
