import type { RgbImage } from '../base/pixels/rgb_image';

/** A square of a picture with zeros wherever it reaches out of `region`. In whole pixels; x and y may be negative. */
export interface Square {
  readonly x: number;
  readonly y: number;
  readonly side: number;
  /** The pixels that are seen, within the picture: left, top, width, height. */
  readonly region: Region;
}

/** Left, top, width, height in whole pixels. */
export type Region = readonly [x: number, y: number, width: number, height: number];

const roundHalfUp = (v: number): number => Math.floor(v + 0.5);

/** A picture with `border` times its longer side of zeros all around, then padded to a square on the right or below. */
export function pictureSquare({ width, height }: Pick<RgbImage, 'width' | 'height'>, border: number): Square {
  const longer = Math.max(width, height);
  const pad = roundHalfUp(border * longer);
  return { x: -pad, y: -pad, side: longer + 2 * pad, region: [0, 0, width, height] };
}

/** A part of a picture, padded to a square on both sides: of an odd difference the larger half comes after. */
export function centredSquare(region: Region): Square {
  const [x, y, width, height] = region;
  const side = Math.max(width, height);
  const before = (room: number): number => room - roundHalfUp(room / 2);
  return { x: x - before(side - width), y: y - before(side - height), side, region };
}

/** For each of `size` places along an axis: the two pixels it lies between (-1: a zero) and how far from the first. */
function places(start: number, side: number, size: number, from: number, length: number) {
  const [first, second, part] = [new Int32Array(size), new Int32Array(size), new Float64Array(size)];
  const seen = (i: number): number => (start + i >= from && start + i < from + length ? start + i : -1);
  for (let o = 0; o < size; o++) {
    const at = o * (side / size);
    first[o] = seen(Math.floor(at));
    second[o] = seen(Math.min(Math.ceil(at), side - 1));
    part[o] = at - Math.floor(at);
  }
  return { first, second, part };
}

/**
 * A square of a picture, resized to size x size as TensorFlow.js's resizeBilinear does: source = i * side / size without half pixels,
 * no antialiasing. out[c][y][x] = (value - mean[c]) / 255, c in red, green, blue, is what face-api's networks see; what is outside
 * the region is 0 before the mean is taken off.
 * @param out size * size * 3 numbers, written from the first to the last
 */
export function resizeSquare(
  image: RgbImage,
  square: Square,
  size: number,
  mean: readonly number[],
  out = new Float32Array(size * size * 3),
): Float32Array {
  const { data, width } = image;
  const [rx, ry, rw, rh] = square.region;
  const across = places(square.x, square.side, size, rx, rw);
  const down = places(square.y, square.side, size, ry, rh);
  const pixel = (x: number, y: number, c: number): number => (x < 0 || y < 0 ? 0 : data[(y * width + x) * 3 + c]);
  for (let y = 0, i = 0; y < size; y++) {
    const [y0, y1, fy] = [down.first[y], down.second[y], down.part[y]];
    for (let x = 0; x < size; x++, i++) {
      const [x0, x1, fx] = [across.first[x], across.second[x], across.part[x]];
      for (let c = 0; c < 3; c++) {
        const [a, b] = [pixel(x0, y0, c), pixel(x0, y1, c)];
        const top = a + (pixel(x1, y0, c) - a) * fx;
        const low = b + (pixel(x1, y1, c) - b) * fx;
        out[c * size * size + i] = (top + (low - top) * fy - mean[c]) / 255;
      }
    }
  }
  return out;
}

/** A box in pixels, which may leave the picture, as the whole pixels of it that lie within; null when there are none. */
export function clipBox([x, y, w, h]: readonly number[], width: number, height: number): Region | null {
  const [left, top] = [Math.max(x, 0), Math.max(y, 0)];
  const region = [left, top, Math.min(x + w - left, width - left), Math.min(y + h - top, height - top)].map(Math.floor);
  return region[2] > 0 && region[3] > 0 ? (region as unknown as Region) : null;
}

/** Landmarks as fractions of a square of a region (x0, y0, x1, y1, ...) in pixels of the picture. */
export function pointsInPicture(out: ArrayLike<number>, [x, y, width, height]: Region): Float64Array {
  // The padding as it would be without rounding to whole pixels, which is how face-api takes it off.
  const side = Math.max(width, height);
  const corner = [x - (side - width) / 2, y - (side - height) / 2];
  return Float64Array.from(out, (v, i) => v * side + corner[i % 2]);
}
