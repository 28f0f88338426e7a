import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { writeSyntheticSet } from '../../src/data';
import { PyObject, writePickle } from '../../src/formats/pickle';
import { writeSafetensors } from '../../src/formats/safetensors';
import { type FileKind, type Inspection, type InspectSettings, inspect } from '../../src/train/inspect';
import { run } from '../cli/program';

const test = suite('inspect');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-inspect-'));
test.after(() => rmSync(dir, { recursive: true }));

const GOLDEN = 'test/golden';
const plain: InspectSettings = { imageDir: null, dataset: 'affectnet', numClasses: 7, maxBad: 0.01 };
const look = (file: string, kind: FileKind | null = null, settings = plain): Promise<Inspection> =>
  inspect(file, kind, settings);

/** The message of the InputError that looking at a file gives. */
async function refusal(file: string, kind: FileKind | null = null, settings = plain): Promise<string> {
  const error = await look(file, kind, settings).then(
    (found) => assert.unreachable(`${file} passed as ${found.kind}`),
    (e: unknown) => e,
  );
  assert.instance(error, InputError, `${file}: ${(error as Error).stack}`);
  assert.match((error as Error).message, file, 'the message names the file');
  return (error as Error).message;
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

const KNOWN: readonly [file: string, kind: FileKind, dataset?: 'affwild2'][] = [
  ['checkpoints/tiny_zip.pth', 'checkpoint'],
  ['checkpoints/tiny_legacy.pth', 'checkpoint'],
  ['checkpoints/tiny.safetensors', 'safetensors'],
  ['data/adjacency.safetensors', 'adjacency'],
  ['data/glove_tiny.txt', 'glove'],
  ['pickles/adj_numpy2.pkl', 'adjacency'],
  ['pickles/adj_pandas10.pkl', 'adjacency'],
  ['pickles/adj_pandas15_protocol5.pkl', 'adjacency'],
  ['pickles/affectnet_faces8_protocol2.pkl', 'annotations'],
  ['pickles/affwild2.pkl', 'annotations', 'affwild2'],
  ['pickles/emb_zip.pkl', 'embedding'],
  ['pickles/emb_legacy.pkl', 'embedding'],
];

test('whose classes a file has is found out by its content; what is said of it counts', async () => {
  for (const [name, kind, dataset = 'affectnet'] of KNOWN) {
    const path = join(GOLDEN, name);
    const found = await look(path, null, { ...plain, dataset: null });
    assert.equal(found, await look(path, kind, { ...plain, dataset }), name);
    assert.equal(await look(path, kind, { ...plain, dataset: null }), found, name);
  }
  const message = await refusal(join(GOLDEN, 'pickles/affwild2.pkl'), null, { ...plain, dataset: 'affectnet' });
  assert.match(message, 'these are annotations of affwild2: give --dataset affwild2');
  const { code, out, err } = await run(['inspect', join(GOLDEN, 'pickles/affwild2.pkl')]);
  assert.is(code, 0, err);
  assert.match(out, /Happiness/);
});

test('every file of the original is known by its content, and passes as what it is', async () => {
  for (const [name, kind, dataset = 'affectnet'] of KNOWN) {
    const path = join(GOLDEN, name);
    const found = await look(path, null, { ...plain, dataset });
    assert.is(found.kind, kind, name);
    assert.equal(await look(path, kind, { ...plain, dataset }), found, name);
  }
});

test('checkpoints: names, shapes, counts, epoch and momentum', async () => {
  const { facts, table } = await look(join(GOLDEN, 'checkpoints/tiny_zip.pth'));
  const [header, ...rows] = table!;
  assert.equal(header, ['tensor', 'dtype', 'shape', 'L2 norm']);
  assert.is(rows.length, facts.tensors);
  assert.ok(rows.every(([name, dtype, shape]) => name && dtype && /^(scalar|\d+( x \d+)*)$/.test(shape)));
});

test('what a safetensors file says of itself is shown in brief', async () => {
  const metadata = { format: 'pt', history: `epoch,lr\n1,0.1\n${'2,0.1\n'.repeat(1000)}` };
  const path = file('said.safetensors', writeSafetensors({ w: { shape: [1], data: Float32Array.of(1) } }, metadata));
  const { facts } = await look(path);
  assert.is(facts.format, 'pt');
  assert.match(facts.history as string, /^epoch,lr 1,0\.1 2,0\.1 [^\n]{70,90}…$/);
});

test('annotations: classes, what is dropped, and pictures that are missing', async () => {
  const set = await writeSyntheticSet({ out: join(dir, 'faces'), n: 21, seed: 1 });
  const settings = { ...plain, imageDir: join(dir, 'faces') };
  const all = await look(set.training, null, settings);
  assert.is(all.kind, 'affectnet-csv');
  assert.is(all.facts['rows: missing pictures'], 0);
  const samples = all.facts['rows: samples'] as number;
  const counts = all.table!.slice(1, 8).map(([, cell]) => Number(cell.split(' ')[0]));
  assert.is(
    counts.reduce((a, b) => a + b),
    samples,
  );
  const first = readFileSync(set.training, 'utf8').split('\n')[1].split(',')[0];
  rmSync(join(dir, 'faces', first));
  const fewer = await look(set.training, null, settings);
  assert.is(fewer.facts['rows: missing pictures'], 1);
  assert.is(fewer.facts['rows: first missing'], first);
});

test('pictures, plain pickles, and folders that are nothing', async () => {
  const picture = file(
    'grey.png',
    await sharp({ create: { width: 3, height: 2, channels: 3, background: '#808080' } })
      .png()
      .toBuffer(),
  );
  assert.equal((await look(picture)).facts, { width: 3, height: 2, 'mean red, green, blue': '128.0, 128.0, 128.0' });
  // {'a': 1} at protocol 2
  const pickle = file('plain.bin', Buffer.from('80027d5501614b01732e', 'hex'));
  assert.equal((await look(pickle)).table, [
    ['key', 'value'],
    ['the string "a"', 'the number 1'],
  ]);
  mkdirSync(join(dir, 'empty'));
  assert.match(await refusal(join(dir, 'empty')), /EXPR_Set.*args\.json/);
});

test('what is no such file, empty, cut off, garbage or of another kind is refused, and named', async () => {
  assert.match(await refusal(join(dir, 'nothing')), 'no such file');
  assert.match(await refusal(file('empty.bin', '')), 'empty file');
  assert.match(await refusal(file('garbage.bin', 'some words')), 'it begins with "some words"');
  assert.match(await refusal(join(GOLDEN, 'data/glove_tiny.txt'), 'affectnet-csv'), 'missing column');
  // os.system('x') by protocol 0
  assert.match(await refusal(file('evil.pkl', 'cos\nsystem\n(Vx\ntR.'), 'pickle'), /byte 0: .*os\.system/);
  for (const [name, kind, dataset = 'affectnet'] of KNOWN) {
    const bytes = readFileSync(join(GOLDEN, name));
    const cut = file('cut', bytes.subarray(0, Math.floor(bytes.length * 0.6)));
    await refusal(cut, kind, { ...plain, dataset });
    for (const other of ['image', 'run'] as const) await refusal(join(GOLDEN, name), other);
  }
});

test('annotations that training would refuse are refused', async () => {
  const set = (...records: Map<string, number | string>[]): Uint8Array => {
    const objects = records.map((fields) => {
      const object = new PyObject('dataloading.Affwild2_annotation');
      object.state = new Map(fields);
      return object;
    });
    return writePickle(new Map([...['train', 'val'].map((part) => [part, objects] as const)]));
  };
  const good = { frame_path: 'v/00001.jpg', expression: 1, valence: 0.5, arousal: -0.5 };
  const affWild2 = { ...plain, dataset: 'affwild2' as const };
  assert.is((await look(file('good.pkl', set(new Map(Object.entries(good)))), null, affWild2)).kind, 'annotations');
  for (const [what, record] of [
    ['valence: expected a number of -1 .. 1, found the number 1.5', { ...good, valence: 1.5 }],
    ['expected a path, found nothing', { ...good, frame_path: undefined }],
  ] as const) {
    const fields = new Map(Object.entries(record).filter((e): e is [string, string | number] => e[1] !== undefined));
    const bad = file('bad.pkl', set(fields));
    const error: Error = await look(bad, null, affWild2).then(
      () => assert.unreachable(what),
      (e) => e,
    );
    assert.instance(error, InputError);
    assert.match(error.message, what);
  }
  assert.match(await refusal(file('none.pkl', set()), null, affWild2), 'found none among 0');
});

test('the command: a table, JSON, and exit 2 with one message', async () => {
  const adj = join(GOLDEN, 'pickles/adj_pandas15.pkl');
  const table = await run(['inspect', adj]);
  assert.is(table.code, 0);
  assert.match(table.out, /^kind +adjacency\nnodes +9\n/);
  const { out } = await run(['inspect', '--format', 'json', adj]);
  assert.is(JSON.parse(out).table.length, 10);
  const refused = await run(['inspect', '--kind', 'embedding', adj]);
  assert.is(refused.code, 2);
  assert.match(refused.err, /^error: \S+adj_pandas15.pkl: expected .*9 x 300.*\n$/);
});

test.run();
