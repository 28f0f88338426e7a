// What is done to training pictures at random, as the numbers that the image kernel needs: pure functions of (seed, epoch, row), or of the
// batch's step where they are a batch's. docs/augmentation.md has the formulas.
import { randomStream, randomUniform } from '../base/random';
import { rotationAffine } from './rotate';

/** Which changes are drawn, under the names of their settings. Of those that are left out nothing is. */
export interface Augmentation {
  /** Flip of half of the pictures, and rotation by up to so many degrees either way; null: neither. */
  readonly rotation: number | null;
  /** Share of the pictures that lose a box. */
  readonly random_erasing?: number;
  /** How far brightness, contrast and saturation go from 1, at most 1; 0: colors as they are. */
  readonly color_jitter?: number;
  /** Parameter of the Beta distribution by which pictures are mixed; 0: they are not. */
  readonly mixup?: number;
}

/** The changes of a batch of N pictures. */
export interface Changes {
  /** N * 6 integers of 1/65536 pixel, see Affine. */
  readonly affine: Int32Array;
  /** N, 1 where the picture is mirrored before it is rotated. */
  readonly flip: Uint32Array;
  /** N * 3: brightness, contrast, saturation in 1/4096; absent or null: colors as they are. */
  readonly color?: Int32Array | null;
  /** N * 4: x, y, width, height of the box of the result that is erased; null: none. */
  readonly erased?: Int32Array | null;
  /** The part that a picture has in the result, the rest being its partner's, picture N - 1 - i; null: nothing is mixed. */
  readonly share?: number | null;
}

/** Of which batch. */
export interface BatchAt {
  readonly seed: number;
  /** From 0. */
  readonly epoch: number;
  /** From 0 in the epoch. */
  readonly step: number;
}

/** The changes of a batch of pictures of size x size pixels: samples `rows`. @param augment null, as in validation: none */
export function changesOf(
  augment: Augmentation | null,
  rows: ArrayLike<number>,
  size: number,
  { seed, epoch, step }: BatchAt,
): Changes {
  const n = rows.length;
  const draws = (name: string) => {
    const stream = randomStream(`${name}/${epoch}`, seed);
    return (index: number): number => randomUniform(stream, index);
  };
  const [flips, angles] = [draws('flip'), draws('rotate')];
  const { rotation = null, random_erasing = 0, color_jitter = 0, mixup = 0 } = augment ?? {};
  const affine = new Int32Array(n * 6);
  const flip = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    affine.set(rotationAffine(size, size, rotation === null ? 0 : (2 * angles(rows[i]) - 1) * rotation), i * 6);
    flip[i] = rotation !== null && flips(rows[i]) < 0.5 ? 1 : 0;
  }
  const color = color_jitter > 0 ? new Int32Array(n * 3) : null;
  if (color) {
    const factors = [draws('brightness'), draws('contrast'), draws('saturation')];
    for (let k = 0; k < color.length; k++)
      color[k] = colorFactor(factors[k % 3](rows[Math.floor(k / 3)]), color_jitter);
  }
  const erased = random_erasing > 0 ? new Int32Array(n * 4) : null;
  if (erased) {
    const [tosses, boxes] = [draws('erase'), draws('erase box')];
    for (let i = 0; i < n; i++) {
      const first = rows[i] * BOX_DRAWS;
      if (tosses(rows[i]) < random_erasing)
        erased.set(
          erasedBox(size, size, (k) => boxes(first + k)),
          i * 4,
        );
    }
  }
  const share = mixup > 0 ? largerShare(mixup, draws('mixup')(2 * step), draws('mixup')(2 * step + 1)) : null;
  return { affine, flip, color, erased, share };
}

/** torchvision's ColorJitter: uniform in [1 - strength, 1 + strength], in 1/4096, with which Pillow's blend is exact in integers. */
const colorFactor = (u: number, strength: number): number => Math.round(4096 * (1 + strength * (2 * u - 1)));

const ERASED_AREA = [0.02, 0.33] as const;
const ERASED_RATIO = [0.3, 3.3] as const;
const TRIES = 10;
const BOX_DRAWS = 4 * TRIES;

/**
 * torchvision's RandomErasing (Zhong et al. 2020) with its defaults: x, y, width, height of a box of 0.02 to 0.33 of the area and a ratio of
 * height to width of 0.3 to 3.3, its logarithm uniform; the first of ten that is lower and narrower than the picture, else none (0, 0, 0, 0).
 * @param draw number k of at most 40, uniform in [0, 1)
 */
function erasedBox(width: number, height: number, draw: (k: number) => number): [number, number, number, number] {
  const between = (u: number, [a, b]: readonly [number, number]): number => a + (b - a) * u;
  for (let k = 0; k < BOX_DRAWS; k += 4) {
    const area = width * height * between(draw(k), ERASED_AREA);
    const ratio = Math.exp(between(draw(k + 1), [Math.log(ERASED_RATIO[0]), Math.log(ERASED_RATIO[1])]));
    const h = Math.round(Math.sqrt(area * ratio));
    const w = Math.round(Math.sqrt(area / ratio));
    if (h >= height || w >= width) continue;
    const y = Math.floor(draw(k + 2) * (height - h + 1));
    const x = Math.floor(draw(k + 3) * (width - w + 1));
    return [x, y, w, h];
  }
  return [0, 0, 0, 0];
}

/**
 * max(b, 1 - b) of a b ~ Beta(alpha, alpha), as float32, out of two numbers uniform in [0, 1): Student's t with 2 alpha degrees of freedom by
 * Bailey's polar method (1994), T = sqrt(2 alpha (u^(-1/alpha) - 1)) cos(2 pi v), and b = (1 + T / sqrt(2 alpha + T^2)) / 2. Nothing is
 * rejected, so that two numbers do.
 */
export function largerShare(alpha: number, u: number, v: number): number {
  const t2 = (u ** (-1 / alpha) - 1) * Math.cos(2 * Math.PI * v) ** 2;
  return Math.fround(0.5 + 0.5 / Math.sqrt(1 + 1 / t2));
}

/** Rows of `width` numbers as their pictures are mixed: `share` of each and the rest of that as far from the end. */
export function mixRows(values: Float32Array, width: number, share: number): Float32Array {
  const last = values.length - width;
  return values.map((v, i) => share * v + (1 - share) * values[last - i + 2 * (i % width)]);
}
