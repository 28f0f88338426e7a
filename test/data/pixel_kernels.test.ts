// The preparation's kernels against the TypeScript that stands for them where they cannot run: the same bytes.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { alignMatrix, type Rectangle } from '../../src/base/pixels/align';
import { resizeBilinear } from '../../src/base/pixels/resize';
import type { RgbImage } from '../../src/base/pixels/rgb_image';
import { warpCubic } from '../../src/base/pixels/warp';
import { allowKernels, WasmKernel } from '../../src/base/pixels/wasm_kernel';
import { randomStream, randomUniform } from '../../src/base/random';
import { differences } from './goldens';

const test = suite('pixel kernels');
const stream = randomStream('pixel kernels', 0);
let drawn = 0;
/** Integers from `low` to `high`. */
const draw = (low: number, high: number): number => low + Math.floor(randomUniform(stream, drawn++) * (high - low + 1));

/** Noise, of which a part is black or white, so that sums leave the bytes' range. */
function noise(width: number, height: number): RgbImage {
  const byte = () => [0, 255, draw(0, 255)][draw(0, 2)];
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, byte) };
}

/** What `make` gives with kernels, and without. */
function both(make: () => RgbImage): [RgbImage, RgbImage] {
  const fast = make();
  allowKernels(false);
  try {
    return [fast, make()];
  } finally {
    allowKernels(true);
  }
}

test('alignment: any angle, windows across every edge, outside, and larger than the picture', () => {
  let black = 0;
  for (let i = 0; i < 150; i++) {
    const image = noise(draw(1, 70), draw(1, 70));
    const eye = () => [draw(-5, image.width + 5), draw(-5, image.height + 5)] as const;
    const [left, right] = [eye(), eye()];
    if (left[0] === right[0] && left[1] === right[1]) continue;
    const [x, y] = [draw(-30, 40), draw(-30, 40)];
    const window: Rectangle | undefined = i % 5 === 0 ? undefined : [x, y, x + draw(1, 90), y + draw(1, 90)];
    const [fast, plain] = both(() => warpCubic(image, alignMatrix(left, right), window));
    if (plain.data.every((v) => v === 0)) black++;
    assert.is(
      differences(fast.data, plain.data),
      0,
      `${i}: ${image.width} x ${image.height}, eyes ${left} ${right}, ${window}`,
    );
  }
  assert.ok(black > 0 && black < 100, `${black} of 150 windows lie outside`);
});

test('resize: smaller and larger, every remainder of rows and columns', () => {
  for (let i = 0; i < 100; i++) {
    const image = noise(draw(1, 90), draw(1, 90));
    const [width, height] = [draw(1, 60), draw(1, 60)];
    const [fast, plain] = both(() => resizeBilinear(image, width, height));
    assert.is(differences(fast.data, plain.data), 0, `${image.width} x ${image.height} to ${width} x ${height}`);
  }
});

test('a kernel is no longer had where addresses are limited, nor for what is too large', () => {
  const nothing = Uint8Array.of(
    0,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    5,
    3,
    1,
    0,
    1,
    7,
    10,
    1,
    6,
    ...Buffer.from('memory'),
    2,
    0,
  );
  const kernel = new WasmKernel<never>(nothing);
  assert.is(kernel.open(100_000)?.memory.byteLength, 2 ** 17);
  assert.is(kernel.open(2 ** 27), null);
  allowKernels(false);
  try {
    assert.is(kernel.open(1), null);
  } finally {
    allowKernels(true);
  }
});

test.run();
