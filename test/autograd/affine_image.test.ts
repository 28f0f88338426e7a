import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { affineImage, type ImageBatch, tensor } from '../../src/autograd';
import { normalisationTable, toTensor } from '../../src/base/pixels/normalise';
import { applyAffine, rotationAffine } from '../../src/data/rotate';
import { readSafetensors } from '../../src/formats/safetensors';
import { inputOf, type NetworkName } from '../../src/models';
import { device } from '../gpu';
import { bits } from '../hashinit';
import { refuses } from './helpers';

const test = suite('affine_image');
const table = tensor(device, normalisationTable(inputOf('densenet')), [256, 3]);

/** Bytes as they are, so that a result can be compared with an image. */
const bytesOnly = tensor(
  device,
  Float32Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)),
  [256, 3],
);

/** [3, H, W] to H x W x 3 bytes. */
function pixels(planes: Float32Array): Uint8Array {
  const plane = planes.length / 3;
  return Uint8Array.from({ length: planes.length }, (_, i) => planes[(i % 3) * plane + Math.floor(i / 3)]);
}

const folder = 'test/golden/ops';
for (const file of readdirSync(folder).filter((f) => f.startsWith('image_rotate'))) {
  test(`golden ${file}: Pillow's very bytes, one picture and as a batch`, async () => {
    const { tensors, metadata } = readSafetensors(readFileSync(`${folder}/${file}`), file);
    const image = tensors.get('in.image');
    assert.ok(image);
    const [h, w] = image.shape;
    const angles = JSON.parse(metadata['attr.angles_degrees_counterclockwise']) as number[];
    const n = angles.length;
    const images = new Uint8Array(n * h * w * 3);
    for (let i = 0; i < n; i++) images.set(image.data as Uint8Array, i * h * w * 3);
    const affine = Int32Array.from(angles.flatMap((a) => rotationAffine(w, h, a)));
    const y = await affineImage(device, { n, h, w, images, affine, flip: new Uint32Array(n) }, bytesOnly).data();
    for (let i = 0; i < n; i++) {
      const got = pixels(y.subarray(i * h * w * 3, (i + 1) * h * w * 3));
      assert.equal(got, tensors.get(`out.nearest.${i}`)?.data, `${angles[i]} degrees`);
    }
    const flipped = { n: 1, h, w, images: image.data as Uint8Array, flip: Uint32Array.of(1) };
    const turned = { ...flipped, affine: Int32Array.from(rotationAffine(w, h, 0)) };
    assert.equal(pixels(await affineImage(device, turned, bytesOnly).data()), tensors.get('out.flip')?.data);
  });
}

test('flip, then rotate, then normalise: the same floats as on the CPU, at sizes that fill no word', async () => {
  for (const [n, h, w] of [
    [3, 7, 5],
    [2, 33, 31],
    [1, 1, 1],
  ]) {
    const images = Uint8Array.from(bits('pictures', n * h * w * 3, 1), (b) => b >>> 24);
    const maps = Array.from({ length: n }, (_, i) => rotationAffine(w, h, 40 * i - 25.3));
    const flip = Uint32Array.from({ length: n }, (_, i) => (i + 1) % 2);
    const x = affineImage(device, { n, h, w, images, affine: Int32Array.from(maps.flat()), flip }, table);
    assert.equal(x.shape, [n, 3, h, w]);
    const expected = maps.flatMap((map, i) => {
      const data = images.slice(i * h * w * 3, (i + 1) * h * w * 3);
      return Array.from(
        toTensor(applyAffine({ width: w, height: h, data }, map, flip[i] === 1).data, inputOf('densenet')),
      );
    });
    assert.equal(Array.from(await x.data()), expected);
  }
});

const augmented = readSafetensors(readFileSync('test/golden/data/augment.safetensors'), 'augment.safetensors').tensors;
const PICTURES = augmented.get('pictures')?.data as Uint8Array;
const FACTORS = Int32Array.from(augmented.get('factors')?.data as BigInt64Array, Number);
const [H, W] = [21, 19];
const PIXELS = H * W * 3;

/** The pictures of that file over and over, as they are. */
function upright(n: number): ImageBatch {
  const images = new Uint8Array(n * PIXELS);
  for (let i = 0; i < n; i++) images.set(PICTURES.subarray((i % 3) * PIXELS, (i % 3) * PIXELS + PIXELS), i * PIXELS);
  const map = rotationAffine(W, H, 0);
  const affine = Int32Array.from({ length: n * 6 }, (_, i) => map[i % 6]);
  return { n, h: H, w: W, images, affine, flip: new Uint32Array(n) };
}

test("brightness, contrast and saturation: torchvision's very bytes", async () => {
  const n = 24;
  const y = await affineImage(device, { ...upright(n), color: FACTORS.slice(0, 3 * n) }, bytesOnly).data();
  const expected = augmented.get('colors')?.data as Uint8Array;
  for (let i = 0; i < n; i++)
    assert.equal(
      pixels(y.subarray(i * PIXELS, (i + 1) * PIXELS)),
      expected.slice(i * PIXELS, (i + 1) * PIXELS),
      `${i}`,
    );
});

test('factors of 1, and boxes without pixels, change nothing', async () => {
  const batch = upright(3);
  const plain = await affineImage(device, batch, table).data();
  const color = new Int32Array(9).fill(4096);
  assert.equal(await affineImage(device, { ...batch, color, erased: new Int32Array(12) }, table).data(), plain);
});

/** Every pixel of [n, 3, H, W] as f(its number, its picture, x, y, its channel). */
const everyPixel = (n: number, f: (at: number, i: number, x: number, y: number) => number): Float32Array =>
  Float32Array.from({ length: n * PIXELS }, (_, at) => f(at, Math.floor(at / PIXELS), at % W, Math.floor(at / W) % H));

// Colors are of the picture as read, so that corners of a rotation are black whatever they are; the box is of the result.
test('colors, then flip and rotation, then normalised as each network wants it, then a box of zeros', async () => {
  const n = 6;
  const maps = Array.from({ length: n }, (_, i) => rotationAffine(W, H, 25 * i - 40));
  const flip = Uint32Array.from({ length: n }, (_, i) => i % 2);
  const color = FACTORS.slice(0, 3 * n);
  const boxes = [
    [0, 0, 5, 4],
    [18, 20, 1, 1],
    [3, 2, 16, 19],
    [0, 0, 0, 0],
    [7, 0, 1, 20],
    [2, 9, 17, 1],
  ];
  const batch = { ...upright(n), affine: Int32Array.from(maps.flat()), flip };
  const recolored = augmented.get('colors')?.data as Uint8Array;
  for (const input of [inputOf('densenet'), inputOf('mobilenet' as NetworkName)]) {
    const erased = Int32Array.from(boxes.flat());
    const bytes = tensor(device, normalisationTable(input), [256, 3]);
    const got = await affineImage(device, { ...batch, color, erased }, bytes, { order: input.order }).data();
    const whole = maps.flatMap((map, i) => {
      const data = recolored.slice(i * PIXELS, (i + 1) * PIXELS);
      return [...toTensor(applyAffine({ width: W, height: H, data }, map, flip[i] === 1).data, input)];
    });
    const expected = everyPixel(n, (at, i, px, py) => {
      const [x, y, w, h] = boxes[i];
      return px >= x && px < x + w && py >= y && py < y + h ? 0 : whole[at];
    });
    assert.equal(got, expected, input.order);
  }
});

// WGSL lets a product and a sum be rounded as one: three results are right.
test('mixed pictures: each with that as far from the end, changed as that one is', async () => {
  const share = Math.fround(0.7);
  const rest = Math.fround(1 - share);
  const f = Math.fround;
  for (const n of [1, 4, 5]) {
    const batch = {
      ...upright(n),
      flip: Uint32Array.from({ length: n }, (_, i) => i % 2),
      color: FACTORS.slice(0, 3 * n),
      erased: Int32Array.from({ length: 4 * n }, (_, i) => [1, 2, 3 + (i >> 2), 6][i % 4]),
    };
    const own = await affineImage(device, batch, table).data();
    const mixed = await affineImage(device, { ...batch, share }, table).data();
    const wrong = mixed.findIndex((found, at) => {
      const [a, b] = [own[at], own[(n - 1 - Math.floor(at / PIXELS)) * PIXELS + (at % PIXELS)]];
      const right = [f(f(share * a) + f(rest * b)), f(share * a + f(rest * b)), f(f(share * a) + rest * b)];
      return !right.includes(found);
    });
    assert.is(wrong, -1, `${n} pictures`);
  }
});

test('arrays that do not fit', () => {
  const batch = {
    n: 2,
    h: 4,
    w: 3,
    images: new Uint8Array(72),
    affine: new Int32Array(12),
    flip: new Uint32Array(2),
  };
  refuses(
    () => affineImage(device, { ...batch, images: new Uint8Array(71) }, table),
    /affine_image of 2 pictures of 3x4: expected 72 numbers in images, found 71/,
  );
  refuses(() => affineImage(device, { ...batch, affine: new Int32Array(6) }, table), /expected 12 numbers in affine/);
  refuses(
    () => affineImage(device, { ...batch, color: new Int32Array(5) }, table),
    /expected 6 numbers in color, found 5/,
  );
  refuses(
    () => affineImage(device, { ...batch, erased: new Int32Array(4) }, table),
    /expected 8 numbers in erased, found 4/,
  );
  refuses(
    () => affineImage(device, batch, tensor(device, new Float32Array(256), [256])),
    /table must be \[256, 3\] and no slice, found tensor\[256\]/,
  );
});

test.run();
