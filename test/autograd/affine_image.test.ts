import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { affineImage, tensor } from '../../src/autograd';
import { normalisationTable, toTensor } from '../../src/data/normalise';
import { applyAffine, rotationAffine } from '../../src/data/rotate';
import { readSafetensors } from '../../src/formats/safetensors';
import { device } from '../gpu';
import { bits } from '../hashinit';
import { refuses } from './helpers';

const test = suite('affine_image');
const table = tensor(device, normalisationTable(), [256, 3]);

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
      return Array.from(toTensor(applyAffine({ width: w, height: h, data }, map, flip[i] === 1).data));
    });
    assert.equal(Array.from(await x.data()), expected);
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
    () => affineImage(device, batch, tensor(device, new Float32Array(256), [256])),
    /expected 768 numbers in table/,
  );
});

test.run();
