// explain as a process of its own.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeSyntheticSet } from '../../src/data';
import { Trainer } from '../../src/train/loop/trainer';
import { readTrainArgs } from '../../src/train/settings/args';
import { golden } from '../faces/goldens';
import { run } from './program';

const test = suite('explain');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-explain-'));
const at = (path: string): string => join(dir, path);
test.after(() => rmSync(dir, { recursive: true, force: true }));

test.before(async () => {
  const { training, validation } = await writeSyntheticSet({ out: at('faces'), n: 14, validation: 7, size: 64 });
  const places = {
    image_dir: at('faces'),
    data: training,
    val_data: validation,
    saved_model: at('run'),
    cache: at('cache'),
  };
  await new Trainer(
    readTrainArgs({ ...places, network: 'denselite', image_size: 32, batch_size: 7, epochs: 1, emb: 'random' }),
  ).run();
  const { width, height, data } = golden('photo_000').picture('pixels');
  const face = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(160, 160)
    .png()
    .toBuffer();
  mkdirSync(at('photos'));
  // Two faces in a picture whose name is no name for a terminal, one that is a JPEG of nothing, one of a pixel.
  const create = { width: 420, height: 200, channels: 3, background: '#405060' } as const;
  const places2 = [20, 240].map((left) => ({ input: face, left, top: 20 }));
  await sharp({ create }).composite(places2).png().toFile(at('photos/-two\u001b[31m .png'));
  await sharp({ create }).jpeg().toFile(at('photos/empty.jpg'));
  await sharp({ create: { ...create, width: 1, height: 1 } })
    .gif()
    .toFile(at('photos/pixel.gif'));
});

const ran = async (code: number, ...args: string[]) => {
  const ended = await run(['explain', ...args], { cwd: dir });
  assert.is(ended.code, code, `${args.join(' ')}\n${ended.err}`);
  return ended;
};

test('without a run: a drawing a face, which is replaced, and nothing else is written or replaced', async () => {
  mkdirSync(at('why'));
  const foreign = '-two_[31m .png_0.jpg'.replace(/^-/, '_');
  writeFileSync(at(`why/${foreign}`), 'somebody else wrote this');
  const before = readdirSync(dir, { recursive: true }).length;
  const { out, err } = await ran(0, '--out', 'why', '--format', 'json', 'photos');
  assert.match(err, /face-api's expression network answers/);
  assert.match(err, /no nearest faces: these weights came without a run/);
  assert.match(err, /drawn: 2 in why/);
  const { faces, graph, distance, classes, model } = JSON.parse(out);
  assert.equal([graph, distance, classes.length, model], [null, 'cosine', 7, 'single_task']);
  assert.equal(
    faces.map(({ face, maps, neighbours }: { face: number; maps: unknown[]; neighbours: unknown }) => [
      face,
      maps?.length,
      neighbours,
    ]),
    [
      [0, 1, null],
      [1, 1, null],
      [null, undefined, null],
      [null, undefined, null],
    ],
  );
  const [{ expression, probabilities, drawing, maps, box, landmarks }] = faces;
  const [{ of, size, peak, map, score }] = maps;
  assert.equal([of, size, map.length, map[0].length, box.length, landmarks.length], [expression, 7, 7, 7, 4, 68]);
  assert.ok(
    Number.isFinite(score) &&
      peak[0] > 0 &&
      peak[0] < 112 &&
      map.flat().includes(1) &&
      map.flat().every((v: number) => v >= 0 && v <= 1),
  );
  assert.is(Object.keys(probabilities).length, 7);
  assert.is(readFileSync(at(`why/${foreign}`), 'utf8'), 'somebody else wrote this');
  const made = readdirSync(at('why')).filter((name) => name !== foreign);
  assert.is(made.length, 2);
  assert.is(readdirSync(dir, { recursive: true }).length, before + 2, 'nothing outside of --out');
  const { format, width, height } = await sharp(at(drawing)).metadata();
  assert.equal([format, width], ['jpeg', 1056]);
  assert.ok((height as number) > 300);
  await ran(0, '--out', 'why', 'photos');
  assert.equal(
    readdirSync(at('why')).filter((name) => name !== foreign),
    made,
    'the same again',
  );
});

test('of a run: tables of predictions, maps, nearest faces and the graph', async () => {
  const face = 'faces/images/validation/00000.jpg';
  const args = ['--saved_model', 'run', '--faces', 'none', '--neighbours', '2', '--target', 'Fear', face];
  const { out } = await ran(0, ...args);
  const parts = out.split('\n\n');
  assert.is(parts.length, 4, out);
  assert.match(parts[0], /^image +expression +Neutral /);
  assert.match(parts[1], /\n\S+ +Fear +-?\d+\.\d+ .* 2 x 2\n.* valence .*\n.* arousal /);
  assert.match(parts[2], /nearest validation faces +label +distance/);
  assert.is(parts[2].match(/images\/validation\/\d+\.jpg +[A-Z]\w+ +\d\.\d{4} /g)?.length, 2);
  assert.match(parts[3], /^classifier of \\ leans on +Neutral .*\nNeutral +\d+\.\d %/);
  assert.is(parts[3].trim().split('\n').length, 10);
  // The drawing has them as pictures: its lower part is not empty.
  await ran(0, '--out', 'drawn', ...args);
  const { data, info } = await sharp(at('drawn/00000_0.jpg')).raw().toBuffer({ resolveWithObject: true });
  const row = (y: number) => data.subarray(y * info.width * 3, (y + 1) * info.width * 3);
  assert.ok(row(info.height - 120).some((v) => v > 120));
  const json = JSON.parse((await ran(0, '--format', 'json', ...args)).out);
  assert.equal(json.graph.nodes.slice(-2), ['Valence', 'Arousal']);
  assert.ok(json.graph.share.every((of: number[]) => Math.abs(of.reduce((a, b) => a + b) - 1) < 1e-9));
  assert.equal(Object.keys(json.faces[0].neighbours[1]), ['image', 'expression', 'valence', 'arousal', 'distance']);
});

test('what cannot be is refused in a line, with exit code 2, before anything is written', async () => {
  const refused = async (message: RegExp, ...args: string[]): Promise<void> => {
    const { out, err } = await ran(2, ...args);
    assert.is(out, '');
    assert.match(err, message);
    assert.not.match(err, /\n\s+at /);
  };
  const photo = 'photos/empty.jpg';
  await refused(
    /error: --target expects a class of the network: Neutral, Happy, .*; found Bored\n$/,
    '--target',
    'Bored',
    photo,
  );
  await refused(/error: --neighbours expects a whole number from 0 to 100, found "-1"/, '--neighbours=-1', photo);
  await refused(
    /error: --out photos\/why: it lies in photos, which is looked through/,
    '--out',
    'photos/why',
    'photos',
  );
  await refused(/error: --out run: it is the folder of a run/, '--out', 'run', photo);
  await refused(
    /error: --out run\/args.json: expected a folder or nothing there, found a file/,
    '--out',
    'run/args.json',
    photo,
  );
  await refused(/error: nothing\.jpg: /, '--out', 'new', 'nothing.jpg');
  assert.not(existsSync(at('new')));
  assert.not(existsSync(at('photos/why')));
});

test.run();
