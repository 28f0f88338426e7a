// The preparation's kernels against the TypeScript that stands for them where they cannot run: the same bytes.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { alignMatrix, type Rectangle } from '../../src/base/pixels/align';
import { resizeBilinear } from '../../src/base/pixels/resize';
import type { RgbImage } from '../../src/base/pixels/rgb_image';
import { warpBands, warpCubic } from '../../src/base/pixels/warp';
import { allowKernels, BAND, WasmKernel } from '../../src/base/pixels/wasm_kernel';
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

/** The mean distance of bytes. */
const apart = (a: Uint8Array, b: Uint8Array): number => a.reduce((sum, v, i) => sum + Math.abs(v - b[i]), 0) / a.length;

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

test('an open canvas: all that the picture shows, as in the middle of a black square in which nothing ends', () => {
  const room = 150;
  let beyond = 0;
  for (let i = 0; i < 60; i++) {
    const image = noise(draw(1, 70), draw(1, 70));
    const { width, height } = image;
    const side = 2 * room + Math.max(width, height);
    const square = { width: side, height: side, data: new Uint8Array(side * side * 3) };
    for (let y = 0; y < height; y++)
      square.data.set(image.data.subarray(y * width * 3, (y + 1) * width * 3), ((y + room) * side + room) * 3);
    const [left, right] = [0, 1].map(() => [draw(0, width), draw(0, height)] as const);
    if (left.join() === right.join()) continue;
    const [x, y, w, h] = [draw(-30, 70), draw(-30, 70), draw(1, 60), draw(1, 60)];
    const moved = ([u, v]: readonly [number, number]) => [u + room, v + room] as const;
    const inSquare: Rectangle = [x + room, y + room, x + room + w, y + room + h];
    const wanted = warpCubic(square, alignMatrix(moved(left), moved(right)), inSquare);
    const [fast, plain] = both(() => {
      const band = warpBands(image, alignMatrix(left, right), [x, y, x + w, y + h], 'open');
      const data = new Uint8Array(w * h * 3);
      for (let row = 0; row < h; row += BAND) data.set(band(row, Math.min(row + BAND, h)), row * w * 3);
      return { width: w, height: h, data };
    });
    assert.is(differences(fast.data, plain.data), 0, `${i}`);
    // Of positions, which are 1024ths of a pixel, halves may be rounded either way: a 32nd of a pixel, 8 of 255 where noise is steepest.
    assert.ok(apart(fast.data, wanted.data) < 8, `${i}: ${apart(fast.data, wanted.data)}`);
    const original = warpCubic(image, alignMatrix(left, right), [x, y, x + w, y + h]);
    if (apart(original.data, wanted.data) > 8) beyond++;
  }
  assert.ok(beyond > 10, `${beyond} of 60 windows show what the original's canvas leaves black`);
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
