// Pictures that a camera's orientation turns: in their own memory, when they are large.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { turnInPlace } from '../../src/base/pixels/turn';
import { decodeImage } from '../../src/data';

const test = suite('turn');

const drawn = (width: number, height: number) => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919) % 251),
});

test('every orientation, of any sides, as libvips turns it', async () => {
  for (const [width, height] of [
    [36, 20],
    [7, 48],
    [64, 1],
    [1, 64],
    [31, 34],
  ])
    for (let orientation = 1; orientation <= 8; orientation++) {
      const image = drawn(width, height);
      const raw = { width, height, channels: 3 } as const;
      const file = await sharp(image.data, { raw }).withMetadata({ orientation }).png().toBuffer();
      const { data, info } = await sharp(file, { autoOrient: true }).raw().toBuffer({ resolveWithObject: true });
      const turned = turnInPlace(image, orientation);
      assert.equal([turned?.width, turned?.height], [info.width, info.height]);
      assert.is(Buffer.compare(turned!.data, data), 0, `${width} x ${height}, ${orientation}`);
    }
});

test('panels change places: a picture of several', () => {
  // 2^25 bytes are 2,796 lines of 4,000 pixels: the panels are of 2,000.
  const [width, height] = [4000, 6000];
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) data[3 * i + (i % 3)] = (i * 31 + Math.floor(i / width)) % 256;
  const before = data.slice();
  const turned = turnInPlace({ width, height, data }, 5)!;
  assert.is(turned.data, data);
  for (let y = 0; y < height; y += 7)
    for (let x = y % 13; x < width; x += 13)
      for (let c = 0; c < 3; c++)
        if (data[(x * height + y) * 3 + c] !== before[(y * width + x) * 3 + c]) assert.unreachable(`${x}, ${y}`);
});

const HIGH = '/proc/self/clear_refs';
(existsSync(HIGH) ? test : test.skip)('a large photograph that is turned takes no second one', async () => {
  const [width, height] = [6000, 4000];
  const background = { r: 10, g: 20, b: 30 };
  const file = await sharp({ create: { width, height, channels: 3, background } })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
  const kib = (what: string): number =>
    Number(new RegExp(`${what}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  writeFileSync(HIGH, '5'); // the highest so far is what it takes now
  const before = kib('VmRSS');
  const { width: w, height: h, data } = await decodeImage(file);
  assert.equal([w, h, ...data.subarray(-3)], [height, width, 10, 20, 30]);
  const taken = (kib('VmHWM') - before) * 1024;
  // The picture, a panel of 2^25 bytes, and what decodes.
  assert.ok(taken < 1.75 * data.length, `${taken} bytes for a picture of ${data.length}`);
});

test.run();
