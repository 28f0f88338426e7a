// Large photographs: how much of them is decoded at once.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_PIXELS } from '../../src/data';
import { readFaces } from '../../src/train/measures/predict';

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
  let most = 0;
  const count = (): void => {
    const { queue, process } = sharp.counters();
    most = Math.max(most, queue + process);
  };
  sharp.queue.on('change', count);
  const faces: string[] = [];
  for await (const group of readFaces([dir], null, 8, () => {}))
    for (const { file, pixels } of group) {
      faces.push(file.slice(dir.length + 1, -4));
      assert.equal([...pixels.slice(0, 3)], [10, 20, 30]);
    }
  sharp.queue.off('change', count);
  assert.is(faces.join(''), 'abcde');
  assert.ok(most > 0 && most <= Math.floor(MAX_PIXELS / side ** 2), `${most} at once`);
});

test.run();
