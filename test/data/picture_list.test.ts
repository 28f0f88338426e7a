// What files, folders and lists of pictures stand for.
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CLASSES, isVideo, listPictures, readAnnotations, readPicture } from '../../src/data';
import { refusal } from './goldens';

const test = suite('picture list');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-list-'));
test.after(() => rmSync(dir, { recursive: true }));

async function list(source: string, imageDir: string | null = null): Promise<{ names: string[]; said: string[] }> {
  const said: string[] = [];
  const names: string[] = [];
  for await (const { file, path } of listPictures(join(dir, source), { imageDir }, (line) => said.push(line))) {
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
  const { names, said } = await list('faces', '/');
  const inside = await list('faces');
  assert.equal(inside.names, ['B.JPG', 'a.jpg', 'c.jfif', 'd.jpe', 'e.bmp', 'f.ppm', 'sub/deep/h.jpg', 'sub/g\n.png']);
  assert.match(
    inside.said[0],
    /links that lead out of it \(--image_dir \/ allows them\): 3 \(link to i\.jpg to .*i\.jpg, /,
  );
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
    for await (const { file } of listPictures(join(dir, 'lists', name), { imageDir: null })) found.push(file.slice(-5));
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

test('what a list names must lie in the image folder, by its real path; /, as the folder, allows all', async () => {
  const at = (name: string) => join(dir, 'rule', name);
  mkdirSync(at('in/sub'), { recursive: true });
  mkdirSync(at('out'));
  for (const name of ['in/a.jpg', 'in/sub/b.jpg', 'out/c.jpg']) writeFileSync(at(name), 'picture');
  symlinkSync(at('out'), at('in/door'));
  symlinkSync(at('out/c.jpg'), at('in/c.jpg'));
  symlinkSync('sub/b.jpg', at('in/d.jpg'));
  const good = ['a.jpg', './sub/../a.jpg', at('in/sub/b.jpg'), 'sub/b.jpg', 'd.jpg', 'sub/missing.jpg', '..in.jpg'];
  const bad = {
    '../out/c.jpg': 'out/c.jpg',
    [at('out/c.jpg')]: 'out/c.jpg',
    'door/c.jpg': 'out/c.jpg',
    '../../none/x.jpg': 'none/x.jpg',
  };
  const odd = ['C:\\windows\\x.jpg', '\\\\host\\share\\x.jpg', 'a\0b.jpg'];
  writeFileSync(at('list.txt'), [...good, ...Object.keys(bad), ...odd, 'c.jpg'].join('\n'));
  const problems = async (imageDir: string) => {
    const found: (string | null)[] = [];
    for await (const { path, root, problem } of listPictures(at('list.txt'), { imageDir })) {
      const link =
        problem === null ? await readPicture(path, root ?? undefined).then(String, (e) => e.message) : problem;
      found.push(link);
    }
    return found;
  };
  const found = await problems(at('in'));
  for (const [i, name] of good.entries()) assert.match(found[i] ?? '', /^(picture|no such file)$/, name);
  for (const [i, target] of Object.values(bad).entries())
    assert.match(
      found[good.length + i] ?? '',
      new RegExp(`^leads out of .*in, to .*${target}; --image_dir / allows any`),
    );
  assert.match(found.at(-4) ?? '', /one of Windows/);
  assert.match(found.at(-3) ?? '', /one of Windows/);
  assert.match(found.at(-2) ?? '', /zero byte/);
  assert.match(found.at(-1) ?? '', /^a link that leads out of .*in, to .*out\/c\.jpg/);
  const all = await problems('/');
  assert.is(all[good.length + 1], 'picture', 'an absolute path');
});

test('frames: a folder with --fps in natural order; videos in folders and lists are said to be named themselves', async () => {
  const at = (name: string) => join(dir, 'frames', name);
  mkdirSync(at('b'), { recursive: true });
  for (const name of ['f10.png', 'f9.png', 'f009.png', 'F1.png', 'b/1.jpg', 'b/0.gif', 'a.MP4', 'c.mkv'])
    writeFileSync(at(name), 'picture');
  const read = async (source: string, fps: number | null) => {
    const said: string[] = [];
    const found: [string, number | null][] = [];
    for await (const { file, time, frame, named } of listPictures(source, { imageDir: null, fps }, (line) =>
      said.push(line),
    )) {
      assert.is(frame, null);
      assert.is(named, false);
      found.push([file.slice(join(dir, 'frames').length + 1), time]);
    }
    return { found, said: said.join() };
  };
  const { found, said } = await read(at(''), 4);
  const names = ['b/0.gif', 'b/1.jpg', 'F1.png', 'f009.png', 'f9.png', 'f10.png'];
  assert.equal(
    found,
    names.map((name, i) => [name, i / 4]),
  );
  assert.match(said, /videos, which must be named themselves: 2 \(a\.MP4, c\.mkv\)/);
  assert.equal(
    (await read(at(''), null)).found.map(([, time]) => time),
    names.map(() => null),
  );
  writeFileSync(at('list.txt'), 'f9.png\na.MP4\n');
  const problems: (string | null)[] = [];
  for await (const { time, problem } of listPictures(at('list.txt'), { imageDir: null, fps: 4 })) {
    assert.is(time, null);
    problems.push(problem);
  }
  assert.equal(problems, [null, 'a video; videos are named themselves, not in a list']);
  assert.is(await isVideo(at(''), 4), true);
  for (const source of [at(''), at('list.txt'), at('f9.png'), at('none.mp4')])
    assert.is(await isVideo(source, null), false);
});

test('the rule holds for annotations, and a link to the folder itself is the folder', async () => {
  const at = (name: string) => join(dir, 'rule', name);
  symlinkSync(at('in'), at('alias'));
  const points = Array.from({ length: 136 }, (_, i) => i).join(';');
  const row = (path: string) => `${path},0,0,10,10,${points},1,0.5,0.5`;
  const header =
    'subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal';
  const paths = ['a.jpg', at('in/a.jpg'), at('alias/a.jpg'), '/etc/passwd', '../out/c.jpg', 'door/c.jpg'];
  writeFileSync(at('rows.csv'), `${[header, ...paths.map(row)].join('\n')}\n`);
  const read = (imageDir: string | null) =>
    readAnnotations(at('rows.csv'), { dataset: 'affectnet', classes: CLASSES, imageDir });
  for (const imageDir of [at('in'), at('alias')]) {
    const { train } = await read(imageDir);
    assert.equal(
      train.samples.map(({ image }) => image),
      paths.slice(0, 3),
    );
    assert.equal(
      train.bad.map(({ where, image }) => `${where} ${image}`),
      paths.slice(3).map((path, i) => `rows.csv line ${i + 5} ${path}`),
    );
    assert.match(train.bad[0].reason, /leads out of .*, to \/etc\/passwd; --image_dir \/ allows any/);
  }
  assert.is((await read('/')).train.bad.length, 0);
  assert.is((await read(null)).train.bad.length, 0, 'where pictures do not matter');
});

test.run();
