// The preparation against Pillow's and OpenCV's bytes: every comparison is exact.
import { readdirSync, readFileSync } from 'node:fs';
import sharp, { type JpegOptions } from 'sharp';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { alignMatrix } from '../../src/base/pixels/align';
import { type Box, cropBox } from '../../src/base/pixels/crop';
import { toTensor } from '../../src/base/pixels/normalise';
import { resizeBilinear, resizedSize } from '../../src/base/pixels/resize';
import { warpCubic } from '../../src/base/pixels/warp';
import { prepareFace } from '../../src/data/face';
import { decodeImage } from '../../src/data/image';
import { applyAffine, rotationAffine } from '../../src/data/rotate';
import { inputOf } from '../../src/models';
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
    assert.is(differences(toTensor(got.data, inputOf('densenet')), floats('out.tensor')), 0);
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
          assert.is(
            differences(toTensor(small.data, inputOf('densenet')), floats(`tensor_${size}`)),
            0,
            `${name} tensor ${size}`,
          );
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
  // 2^27 and a row.
  const bomb = await sharp({ create: { width: 16384, height: 8193, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  await refused(bomb, /^too large: 16384 x 8193 pixels, the limit is 134217728 pixels; make it smaller/);
  await refused(Buffer.from('P5 16384 8193 255 '), /^too large: 16384 x 8193/);
  await refused(
    Buffer.from(`P5 ${2 ** 20 + 1} 1 255 `),
    /^too large: 1048577 x 1 pixels, the limit is 1048576 pixels a side/,
  );
  const bmp = Buffer.alloc(54);
  bmp.write('BM');
  bmp.set([54, 0, 0, 0, 40, 0, 0, 0, 255, 255, 255, 127, 0, 0, 0, 128, 1, 0, 24, 0], 10);
  await refused(bmp, /^too large: 2147483647 x 2147483648/);
  const heic = Buffer.from('\0\0\0\x18ftypmif1\0\0\0\0mif1heic\0\0\x01\0meta', 'latin1');
  await refused(heic, /^HEIC \(HEVC\).*: cannot be read; convert it to JPEG or PNG/);
  await refused(Buffer.from('\0\0\0\x0cjP  \r\n\x87\n', 'latin1'), /^JPEG 2000: cannot be read/);
  const small = { width: 8, height: 8, data: new Uint8Array(192) };
  const pose = { leftEye: [1, 1], rightEye: [5, 1], box: [0, 0, 1e5, 1e5] } as const;
  assert.throws(() => prepareFace(small, pose, 16), /the face box is too large/);
});

test("BMP and PNM: the bytes of OpenCV's imread; what it cannot read is refused", async () => {
  const { tensors } = golden('test/golden/data/pictures.safetensors');
  let read = 0;
  for (const [name, { data }] of tensors) {
    if (!name.endsWith('.file')) continue;
    const wanted = tensors.get(name.replace('.file', '.rgb'));
    // Cut anywhere, a file ends in one message.
    for (const cut of [3, 20, 30, 60, data.length - 40]) {
      const bytes = (data as Uint8Array).subarray(0, cut);
      await decodeImage(bytes).catch((error) =>
        assert.is(error.name, 'ImageError', `${name} at ${cut}: ${error.stack}`),
      );
    }
    try {
      const got = await decodeImage(data as Uint8Array);
      assert.ok(wanted, `${name}: read`);
      assert.equal([got.height, got.width, 3], [...wanted.shape], name);
      assert.is(differences(got.data, wanted.data as Uint8Array), 0, name);
      read++;
    } catch (error) {
      assert.is(wanted, undefined, `${name}: ${error}`);
      assert.is((error as Error).name, 'ImageError', `${name}: ${error}`);
    }
  }
  assert.is(read, [...tensors.keys()].filter((name) => name.endsWith('.rgb')).length);
});

/** A JPEG without its end marker. */
const open = (jpeg: Buffer) => jpeg.subarray(0, jpeg.lastIndexOf(Buffer.from([0xff, 0xd9])));
const cameras: Record<string, JpegOptions & { space?: string }> = {
  baseline: {},
  'no subsampling': { chromaSubsampling: '4:4:4', quality: 95 },
  progressive: { progressive: true },
  'progressive, no subsampling': { progressive: true, chromaSubsampling: '4:4:4', quality: 95 },
  grey: { space: 'b-w' },
  CMYK: { space: 'cmyk' },
};

for (const [kind, { space = 'srgb', ...options }] of Object.entries(cameras)) {
  test(`a JPEG whose only fault is the missing end marker is read, a cut one refused: ${kind}`, async () => {
    const plain = await noise(3, 67, 45).picture.toColourspace(space).jpeg(options).toBuffer();
    // The end of a thumbnail in an Exif segment is not the picture's.
    const length = plain.length + 2;
    const thumbnail = Buffer.concat([Buffer.from([0xff, 0xe1, length >> 8, length & 255]), plain]);
    const whole = Buffer.concat([plain.subarray(0, 2), thumbnail, plain.subarray(2)]);
    const { data } = await decodeImage(whole);
    const accepted = async (bytes: Buffer, what: string) =>
      assert.is(differences((await decodeImage(bytes)).data, data), 0, what);
    const stored = open(whole);
    await accepted(stored, 'no end');
    await accepted(whole.subarray(0, -1), 'half an end');
    await accepted(Buffer.concat([whole, Buffer.from('\r\n--boundary')]), 'bytes behind the end');
    await accepted(Buffer.concat([stored, Buffer.from([1, 2, 3, 0xff, 0xd9])]), 'bytes before the end');
    // Of the last byte the picture may need nothing: two bytes are 9 bits of it or more.
    for (const cut of [2, 3, 5, 10, 30, 100, stored.length - plain.length - 20]) {
      const error = await decodeImage(stored.subarray(0, -cut)).catch((e) => e);
      assert.is(error.name, 'ImageError', `cut by ${cut}`);
      assert.match(error.message, /^truncated/, `cut by ${cut}`);
    }
  });
}

test('a JPEG that ends where a restart marker should be is cut', async () => {
  const { tensors } = golden('test/golden/data/pictures.safetensors');
  const bytes = (name: string) => tensors.get(name)!.data as Uint8Array;
  const whole = Buffer.from(bytes('jpeg_restart.file'));
  const stored = open(whole);
  const same = async (file: Buffer) => differences((await decodeImage(file)).data, bytes('jpeg_restart.rgb'));
  assert.is(await same(whole), 0);
  assert.is(await same(stored), 0);
  let ends = 0;
  for (let at = 4; at < stored.length - 1; at++) {
    if (stored[at] !== 0xff || stored[at + 1] < 0xd0 || stored[at + 1] > 0xd7) continue;
    for (const end of [at, at + 1, at + 2]) {
      const error = await decodeImage(stored.subarray(0, end)).catch((e) => e);
      assert.match(error.message, /^truncated/, `ends at ${end}`);
      ends++;
    }
  }
  assert.is(ends, 15);
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
