// Large photographs: how much of them is decoded at once.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RgbImage } from '../../src/base/pixels/rgb_image';
import { ENOUGH_TO_FIND, MAX_PIXELS } from '../../src/data';
import type { FoundFace } from '../../src/faces/finder';
import { readFaces } from '../../src/train/measures/picture_faces';
import { groupsOf } from '../../src/train/measures/picture_groups';

const test = suite('predict memory');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-photographs-'));
test.after(() => rmSync(dir, { recursive: true }));

test('a folder of large photographs: together they decode to no more than the largest picture that there may be', async () => {
  const side = 6000;
  const background = { r: 10, g: 20, b: 30 };
  await sharp({ create: { width: side, height: side, channels: 3, background } })
    .jpeg()
    .toFile(join(dir, 'a.jpg'));
  for (const name of ['b', 'c', 'd', 'e']) copyFileSync(join(dir, 'a.jpg'), join(dir, `${name}.jpg`));
  // What decodes, among sharp's tasks: reading a header is one too.
  let [at, most] = [0, 0];
  const { toBuffer } = sharp.prototype;
  sharp.prototype.toBuffer = function (this: Sharp, ...args: Parameters<typeof toBuffer>) {
    most = Math.max(most, ++at);
    return toBuffer.apply(this, args).finally(() => at--);
  } as typeof toBuffer;
  const faces: string[] = [];
  for await (const group of readFaces(
    groupsOf([dir], { imageDir: null }, () => {}),
    { image_size: 8, align: true, faces: 'none', find: async () => [] },
    () => {},
  ))
    for (const { picture, faces: of } of group.seen) {
      faces.push(picture.file.slice(dir.length + 1, -4));
      assert.equal([...of[0].pixels.slice(0, 3)], [10, 20, 30]);
    }
  sharp.prototype.toBuffer = toBuffer;
  assert.is(faces.join(''), 'abcde');
  assert.ok(most > 0 && most <= Math.floor(MAX_PIXELS / side ** 2), `${most} at once`);
});

test('of a run with --align off all of a picture is looked at, whatever is known of the face', async () => {
  const pixels = Uint8Array.from({ length: 40 * 20 * 3 }, (_, i) => ((i / 3) % 40 < 20 ? 200 : 50));
  await sharp(pixels, { raw: { width: 40, height: 20, channels: 3 } })
    .png()
    .toFile(join(dir, 'two.png'));
  const list = join(dir, 'list.csv');
  writeFileSync(list, 'image,face_x,face_y,face_width,face_height\ntwo.png,0,0,10,10\n');
  for (const [align, right] of [
    [true, 200],
    [false, 50],
  ] as const)
    for await (const { seen } of readFaces(
      groupsOf([list], { imageDir: null }, assert.unreachable),
      { image_size: 8, align, faces: 'none', find: async () => [] },
      assert.unreachable,
    )) {
      const [{ pixels }] = seen[0].faces;
      assert.equal([pixels[0], pixels[7 * 3]], [200, right]);
    }
});

test('of a photograph of more than 2^26 pixels faces are found in a smaller one; boxes and landmarks are in pixels of the file', async () => {
  // The right third is red: turned by orientation 6, the lower third.
  const [width, height] = [12_000, 5_601];
  const red = { create: { width: width / 3, height, channels: 3, background: '#f00' } } as const;
  const file = join(dir, 'large.jpg');
  await sharp({ create: { width, height, channels: 3, background: '#00f' }, limitInputPixels: false })
    .composite([{ input: red, left: (2 * width) / 3, top: 0 }])
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toFile(file);
  // The red third, as it lies in whatever is given.
  let sizes = [0, 0];
  const find = async ({ width: w, height: h, data }: RgbImage): Promise<FoundFace[]> => {
    sizes = [w, h];
    const isRed = (y: number): boolean => data[y * w * 3] > 128;
    let top = 0;
    while (!isRed(top)) top++;
    return [{ box: [0, top, w, h - top], score: 0.9, landmarks: new Float64Array(136).fill(top) }];
  };
  const settings = { image_size: 8, align: true, faces: 'all', find } as const;
  for await (const { seen } of readFaces(
    groupsOf([file], { imageDir: null }, () => {}),
    settings,
    assert.unreachable,
  )) {
    const { box, landmarks } = seen[0].faces[0].place;
    assert.ok(sizes[0] * sizes[1] <= 1.01 * ENOUGH_TO_FIND && sizes[0] < sizes[1], sizes.join(' x '));
    // Within a pixel of what was looked at.
    for (const [i, wanted] of [0, (2 * width) / 3, height, width / 3].entries())
      assert.ok(Math.abs(box![i] - wanted) <= 3, `${box}`);
    assert.ok(Math.abs(landmarks![67][1] - (2 * width) / 3) <= 3, `${landmarks![67]}`);
  }
});

test.run();
