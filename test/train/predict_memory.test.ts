// Large photographs: how much of them is decoded at once.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_PIXELS } from '../../src/data';
import { groupsOf, readFaces } from '../../src/train/measures/predict';

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
    groupsOf([dir], null, () => {}),
    8,
    () => {},
  ))
    for (const { file, pixels } of group.faces) {
      faces.push(file.slice(dir.length + 1, -4));
      assert.equal([...pixels.slice(0, 3)], [10, 20, 30]);
    }
  sharp.prototype.toBuffer = toBuffer;
  assert.is(faces.join(''), 'abcde');
  assert.ok(most > 0 && most <= Math.floor(MAX_PIXELS / side ** 2), `${most} at once`);
});

test.run();
