// The preparation against Pillow's and OpenCV's bytes: every comparison is exact.
import { readdirSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { alignMatrix, warpCubic } from '../../src/base/pixels/align';
import { type Box, cropBox } from '../../src/base/pixels/crop';
import { resizeBilinear, resizedSize } from '../../src/base/pixels/resize';
import { prepareFace } from '../../src/data/face';
import { decodeImage } from '../../src/data/image';
import { toTensor } from '../../src/data/normalise';
import { applyAffine, rotationAffine } from '../../src/data/rotate';
import { givenShared, SHARED } from '../given';
import { differences, golden } from './goldens';

const OPS = 'test/golden/ops';
const files = (prefix: string) => readdirSync(OPS).filter((f) => f.startsWith(prefix));

for (const file of files('image_rotate_')) {
  test(`${file}: rotation and flip are Pillow's`, () => {
    const { metadata, picture } = golden(`${OPS}/${file}`);
    const image = picture('in.image');
    const angles: number[] = JSON.parse(metadata['attr.angles_degrees_counterclockwise']);
    const flipped = picture('out.flip');
    angles.forEach((angle, i) => {
      const affine = rotationAffine(image.width, image.height, angle);
      assert.is(differences(applyAffine(image, affine, false).data, picture(`out.nearest.${i}`).data), 0, `${angle}`);
      const flippedFirst = applyAffine(flipped, affine, false).data;
      assert.is(differences(applyAffine(image, affine, true).data, flippedFirst), 0, `flip, then ${angle}`);
    });
    assert.is(differences(applyAffine(image, [0, 65536, 0, 0, 0, 65536], true).data, flipped.data), 0, 'flip');
  });
}

for (const file of files('image_resize_')) {
  test(`${file}: resize and normalisation are Pillow's and torchvision's`, () => {
    const { metadata, picture, floats } = golden(`${OPS}/${file}`);
    const image = picture('in.image');
    const wanted = picture('out.image');
    const [width, height] = resizedSize(image.width, image.height, Number(metadata['attr.size']));
    assert.equal([width, height], [wanted.width, wanted.height]);
    const got = resizeBilinear(image, width, height);
    assert.is(differences(got.data, wanted.data), 0);
    assert.is(differences(toTensor(got.data), floats('out.tensor')), 0);
  });
}

givenShared(test, 'reference/data/faces8')(
  'eight photographs, step by step: aligned, cropped, resized to 227 and 112, tensor',
  async () => {
    const root = `${SHARED}/reference/data/faces8`;
    const cases = readdirSync(root).filter((f) => f.endsWith('.safetensors'));
    assert.is(cases.length, 8);
    const rows = readFileSync(`${root}/training.csv`, 'utf8').split('\n').slice(1);
    for (const [i, file] of cases.entries()) {
      const name = file.slice(0, -'.safetensors'.length);
      const { metadata, tensors, floats } = golden(`${root}/${file}`);
      const same = async (step: string, got: { width: number; height: number; data: Uint8Array }) => {
        const wanted = await decodeImage(readFileSync(`${root}/${name}_${step}.png`));
        assert.equal([got.width, got.height], [wanted.width, wanted.height], `${name} ${step}`);
        assert.is(differences(got.data, wanted.data), 0, `${name} ${step}`);
      };
      const image = await decodeImage(readFileSync(`${root}/images/${name}.png`));
      const [leftEye, rightEye] = [JSON.parse(metadata.left_eye), JSON.parse(metadata.right_eye)];
      const box = rows[i].split(',').slice(1, 5).map(Number) as unknown as Box;
      const matrix = alignMatrix(leftEye, rightEye);
      const window = cropBox(matrix, box);
      assert.equal([...window], JSON.parse(metadata.crop_box), name);
      await same('aligned', warpCubic(image, matrix));
      const crop = warpCubic(image, matrix, window);
      await same('crop', crop);
      for (const size of [227, 112]) {
        const small = resizeBilinear(crop, ...resizedSize(crop.width, crop.height, size));
        await same(`${size}`, small);
        if (tensors.has(`tensor_${size}`)) {
          assert.is(differences(toTensor(small.data), floats(`tensor_${size}`)), 0, `${name} tensor ${size}`);
        }
        const square = prepareFace(image, { leftEye, rightEye, box }, size);
        assert.is(square.width, square.height);
        if (small.width === small.height) assert.is(differences(square.data, small.data), 0, name);
      }
    }
    const [jpeg, png] = ['images/1_source.jpg', '1_source_jpg_decoded.png'].map((f) => readFileSync(`${root}/${f}`));
    assert.is(differences((await decodeImage(jpeg)).data, (await decodeImage(png)).data), 0, 'JPEG decoding');
  },
);

const noise = (channels: 1 | 3 | 4, width = 13, height = 7) => {
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 97 + (i >> 3) * 31) & 255);
  return { data, picture: sharp(data, { raw: { width, height, channels } }) };
};

test('decoding: grey is replicated, alpha dropped without blending, 16 bits cut to 8', async () => {
  const grey = noise(1);
  for (const encoded of [grey.picture.clone().png(), grey.picture.clone().toColourspace('b-w').png()]) {
    const { data } = await decodeImage(await encoded.toBuffer());
    assert.equal(
      [...data],
      [...grey.data].flatMap((v) => [v, v, v]),
    );
  }
  const rgba = noise(4);
  const { data } = await decodeImage(await rgba.picture.png().toBuffer());
  assert.equal(
    [...data],
    [...rgba.data].filter((_, i) => i % 4 < 3),
  );
  const deep = Uint16Array.from({ length: 12 * 3 }, (_, i) => (i * 7919) & 65535);
  for (const channels of [1, 3] as const) {
    const raw = { width: 36 / channels / 3, height: 3, channels };
    const space = channels === 1 ? 'grey16' : 'rgb16';
    const png = await sharp(deep, { raw }).toColourspace(space).png().toBuffer();
    assert.is((await sharp(png).metadata()).depth, 'ushort');
    const upper = [...deep].flatMap((v) => (channels === 1 ? [v >> 8, v >> 8, v >> 8] : [v >> 8]));
    assert.equal([...(await decodeImage(png)).data], upper, space);
  }
});

test('decoding: EXIF orientation is applied, the colour profile is ignored', async () => {
  const { picture } = noise(3);
  const upright = await sharp(await picture.clone().png().toBuffer())
    .rotate(90)
    .png()
    .toBuffer();
  const tagged = await picture.clone().withMetadata({ orientation: 6 }).png().toBuffer();
  const [a, b] = [await decodeImage(upright), await decodeImage(tagged)];
  assert.equal([a.width, a.height], [7, 13]);
  assert.is(differences(a.data, b.data), 0);
  const plain = await picture.clone().png().toBuffer();
  const profiled = await sharp(plain).withIccProfile('p3', { attach: true }).png().toBuffer();
  const stored = await sharp(profiled, { ignoreIcc: true }).raw().toBuffer();
  assert.is(differences((await decodeImage(profiled)).data, stored), 0);
});

test("decoding: CMYK by OpenCV's formula", async () => {
  const { picture } = noise(3);
  const jpeg = await picture.toColourspace('cmyk').jpeg().toBuffer();
  assert.is((await sharp(jpeg).metadata()).space, 'cmyk');
  const inks = await sharp(jpeg, { ignoreIcc: true })
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw()
    .toBuffer();
  const { data, width, height } = await decodeImage(jpeg);
  assert.equal([width, height, data.length], [13, 7, 13 * 7 * 3]);
  const k = 255 - inks[3];
  assert.equal(
    [...data.subarray(0, 3)],
    [0, 1, 2].map((c) => k - ((inks[c] * k) >> 8)),
  );
});

test('decoding: what is no whole picture is refused with the reason', async () => {
  const jpeg = await noise(3, 64, 64).picture.jpeg().toBuffer();
  const png = await noise(3, 64, 64).picture.png().toBuffer();
  const refused = async (bytes: Uint8Array, reason: RegExp) => {
    try {
      await decodeImage(bytes);
    } catch (error) {
      assert.is((error as Error).name, 'ImageError');
      assert.match((error as Error).message, reason);
      assert.not.match((error as Error).message, /\n/);
      return;
    }
    assert.unreachable(`expected a refusal: ${reason}`);
  };
  await refused(new Uint8Array(0), /^zero bytes$/);
  await refused(Buffer.from('expression,valence,arousal'), /^not an image/);
  await refused(jpeg.subarray(0, jpeg.length / 2), /^truncated/);
  await refused(png.subarray(0, png.length / 2), /^truncated/);
  await refused(jpeg.subarray(0, 50), /^truncated/);
  const bomb = await sharp({ create: { width: 9000, height: 9000, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  await refused(bomb, /^too large: 9000 x 9000 pixels/);
  const small = { width: 8, height: 8, data: new Uint8Array(192) };
  const pose = { leftEye: [1, 1], rightEye: [5, 1], box: [0, 0, 1e5, 1e5] } as const;
  assert.throws(() => prepareFace(small, pose, 16), /the face box is too large/);
});

test('eyes end up level', () => {
  const [left, right] = [
    [40, 60],
    [90, 85],
  ] as const;
  const m = alignMatrix(left, right);
  const y = ([px, py]: readonly [number, number]) => m[3] * px + m[4] * py + m[5];
  assert.ok(Math.abs(y(left) - y(right)) < 1e-9);
});

test.run();
