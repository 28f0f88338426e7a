// The lines of docs/data.md by which lists of other data sets become class folders, tried on lists in their formats.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EIGHT_CLASSES, readAnnotations } from '../../src/data';
import { given } from '../given';

const test = suite('class lists');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-lists-'));
test.after(() => rmSync(dir, { recursive: true }));

const [raf, ferPlus] = readFileSync('docs/data.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('    awk '));
const withAwk = given(test, spawnSync('awk', ['BEGIN {}']).status === 0, 'awk');

/** Class and file of each sample of both sets. */
async function read(data: string) {
  const sets = await readAnnotations(data, { dataset: 'affectnet', classes: EIGHT_CLASSES, imageDir: null });
  return [sets.train, sets.val].map((set) =>
    set?.samples.map(({ image, expression }) => `${EIGHT_CLASSES[expression]} ${image.split('/').pop()}`).sort(),
  );
}

withAwk('RAF-DB', async () => {
  mkdirSync(join(dir, 'EmoLabel'));
  mkdirSync(join(dir, 'Image/aligned'), { recursive: true });
  const names = ['train_00001 5', 'train_00002 1', 'train_00003 7', 'test_0001 4', 'test_0002 6'];
  writeFileSync(
    join(dir, 'EmoLabel/list_patition_label.txt'),
    `${names.map((n) => n.replace(' ', '.jpg ')).join('\n')}\n`,
  );
  for (const name of names) writeFileSync(join(dir, `Image/aligned/${name.split(' ')[0]}_aligned.jpg`), 'x');
  execFileSync('sh', ['-c', raf], { cwd: dir });
  assert.equal(await read(join(dir, 'raf')), [
    ['Neutral train_00003_aligned.jpg', 'Sad train_00001_aligned.jpg', 'Surprise train_00002_aligned.jpg'],
    ['Anger test_0002_aligned.jpg', 'Happy test_0001_aligned.jpg'],
  ]);
});

withAwk('FERPlus', async () => {
  const rows = [
    'Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0',
    'Training,fer0000001.png,0,0,0,0,0,0,2,8,0,0',
    'Training,fer0000002.png,0,1,0,0,0,0,0,0,9,0',
    'Training,,0,0,0,0,0,0,0,0,0,10',
    'PublicTest,fer0000003.png,0,10,0,0,0,0,0,0,0,0',
    'PrivateTest,fer0000004.png,0,0,10,0,0,0,0,0,0,0',
  ];
  const header = 'Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF';
  writeFileSync(join(dir, 'fer2013new.csv'), `${[header, ...rows].join('\r\n')}\r\n`);
  for (const [i, set] of ['Train', 'Train', 'Train', 'Valid', 'Test'].entries()) {
    mkdirSync(join(dir, `FER2013${set}`), { recursive: true });
    writeFileSync(join(dir, `FER2013${set}/fer000000${i}.png`), 'x');
  }
  execFileSync('sh', ['-c', ferPlus], { cwd: dir });
  assert.equal(await read(join(dir, 'ferplus')), [
    ['Contempt fer0000001.png', 'Neutral fer0000000.png'],
    ['Happy fer0000003.png'],
  ]);
  assert.equal((await read(join(dir, 'ferplus/test')))[0], ['Surprise fer0000004.png']);
});

test.run();
