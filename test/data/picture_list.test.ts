// What files, folders and lists of pictures stand for.
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listPictures, readPicture } from '../../src/data';
import { refusal } from './goldens';

const test = suite('picture list');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-list-'));
test.after(() => rmSync(dir, { recursive: true }));

async function list(source: string): Promise<{ names: string[]; said: string[] }> {
  const said: string[] = [];
  const names: string[] = [];
  for await (const { file, path } of listPictures(join(dir, source), null, (line) => said.push(line))) {
    assert.is(Buffer.from(await readPicture(path)).toString(), 'picture', file);
    names.push(file.slice(dir.length + source.length + 2));
  }
  return { names, said };
}

test('a folder: each picture once, whatever links there are; what is passed over is said', async () => {
  const at = (name: string) => join(dir, 'faces', name);
  for (const folder of ['faces/sub/deep', 'elsewhere']) mkdirSync(join(dir, folder), { recursive: true });
  for (const name of [
    'a.jpg',
    'B.JPG',
    'c.jfif',
    'd.jpe',
    'e.bmp',
    'f.ppm',
    'sub/g\n.png',
    'sub/deep/h.jpg',
    '../elsewhere/i.jpg',
  ])
    writeFileSync(at(name), 'picture');
  for (const name of ['._a.jpg', 'notes.txt', 'no_ending']) writeFileSync(at(name), 'other');
  symlinkSync('.', at('loop'));
  symlinkSync('../..', at('sub/up'));
  symlinkSync('sub/deep', at('another way'));
  symlinkSync(join(dir, 'elsewhere'), at('linked'));
  symlinkSync(join(dir, 'elsewhere/i.jpg'), at('link to i.jpg'));
  symlinkSync('a.jpg', at('link to a.jpg'));
  symlinkSync('nowhere.jpg', at('broken.jpg'));
  symlinkSync('circle.jpg', at('circle.jpg'));
  const { names, said } = await list('faces');
  const own = ['B.JPG', 'a.jpg', 'c.jfif', 'd.jpe', 'e.bmp', 'f.ppm', 'link to i.jpg', 'sub/deep/h.jpg', 'sub/g\n.png'];
  assert.equal(names, own);
  assert.is(said.length, 1);
  assert.match(said[0], /no pictures by name: 3 \(\._a\.jpg, no_ending, notes\.txt\)/);
  assert.match(said[0], /links that lead nowhere: 2 \(broken\.jpg, circle\.jpg\)/);
  assert.match(said[0], /links to what is listed already: 3 \(another way, link to a\.jpg, loop\)/);
});

test('a picture whose name is not UTF-8 is found and read', async () => {
  mkdirSync(join(dir, 'latin'));
  writeFileSync(join(dir, 'latin/x'), 'picture');
  renameSync(
    join(dir, 'latin/x'),
    Buffer.concat([Buffer.from(join(dir, 'latin/caf')), Buffer.from([0xe9]), Buffer.from('.jpg')]),
  );
  assert.equal((await list('latin')).names, ['caf\ufffd.jpg']);
});

test('lists: any line ends; a column that stands twice and a row of another width are refused', async () => {
  mkdirSync(join(dir, 'lists'));
  const write = (name: string, text: string) => writeFileSync(join(dir, 'lists', name), text);
  for (const name of ['1.jpg', '2.jpg', '3.jpg']) write(name, 'picture');
  const files = async (name: string) => {
    const found = [];
    for await (const { file } of listPictures(join(dir, 'lists', name), null)) found.push(file.slice(-5));
    return found;
  };
  write('a.txt', '1.jpg\r\n2.jpg\n3.jpg\r');
  write('a.csv', '\ufeffimage,note\r\n1.jpg,"two\nlines"\n2.jpg,\r\n3.jpg,');
  for (const name of ['a.txt', 'a.csv']) assert.equal(await files(name), ['1.jpg', '2.jpg', '3.jpg'], name);
  write('twice.csv', 'image,image\n1.jpg,2.jpg\n');
  await refusal(() => files('twice.csv'), /twice.csv: line 1: expected one column image, found 2 \(columns 1, 2\)/);
  write('short.csv', 'image,note\n1.jpg\n');
  await refusal(() => files('short.csv'), /short.csv: line 2: expected 2 fields as in the header, found 1/);
});

test.run();
