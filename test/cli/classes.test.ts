// Labels of one's own, from command to files: other classes, absent ones, groups that a split keeps together.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadEmbedding, readAdjacency } from '../../src/data';
import { readRun } from '../../src/train/run/read_run';
import { type Ended, run } from './program';

const test = suite("classes of one's own");
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-classes-'));
test.after(() => rmSync(dir, { recursive: true }));
const at = (...names: string[]): string => join(dir, ...names);

async function ends(code: number, args: string): Promise<Ended> {
  const ended = await run(args.split(' '));
  assert.is(ended.code, code, `${args}\n${ended.out}\n${ended.err}`);
  return ended;
}

type Row = Readonly<Record<string, string>>;

/** The rows of a CSV. */
function rowsOf(file: string): Row[] {
  const [header, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
  const names = header.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((field, k) => [names[k], field])));
}

/** A CSV of the rows of another, each made anew or left out. */
function csv(name: string, from: string, make: (row: Row, i: number) => Row | null): void {
  const made = rowsOf(at('faces', from))
    .map(make)
    .filter((row) => row !== null);
  writeFileSync(at(name), `${[Object.keys(made[0]), ...made.map((row) => Object.values(row))].join('\n')}\n`);
}

const MOODS = ['calm', 'bored', 'excited'];

const train = (to: string, flags: string) =>
  `train --image_dir ${at('faces')} --network denselite --image_size 32 --batch_size 8 --epochs 1 --cache off --workers 1 ` +
  `--saved_model ${at(to)} ${flags}`;

test('three moods, by name or number: they are learnt, and everything goes by their names', async () => {
  await ends(0, `synth --out ${at('faces')} --n 70 --validation 21 --size 48`);
  for (const name of ['training', 'validation'])
    csv(`${name}.csv`, `${name}.csv`, (row, i) => ({ ...row, expression: i % 2 ? MOODS[i % 3] : String(i % 3) }));
  const numbers = (i: number) => Array.from({ length: 300 }, (_, k) => Math.sin(i * 300 + k)).join(' ');
  const words = [...MOODS, 'valence', 'arousal'].map((word, i) => `${word} ${numbers(i)}\n`);
  writeFileSync(at('words.txt'), words.join(''));
  const flags = `--data ${at('training.csv')} --val_data ${at('validation.csv')} --classes ${MOODS}`;
  await ends(0, train('run', `${flags} --emb ${at('words.txt')}`));
  const { args, metrics } = readRun(at('run'));
  assert.equal([args.classes, args.num_classes, args.class_weights], [MOODS, null, 'balanced']);
  assert.equal([metrics?.classes, metrics?.samples], [MOODS, 21]);
  const { A } = await readAdjacency(at('run', 'adj.safetensors'), [...MOODS, 'Valence', 'Arousal']);
  assert.is(A.length, 25);

  const measured = await ends(
    0,
    `evaluate --saved_model ${at('run')} --image_dir ${at('faces')} --data ${at('validation.csv')} --format csv --cache off`,
  );
  assert.match(measured.out, /^recall_bored,/m);
  const picture = at('faces', rowsOf(at('training.csv'))[0].subDirectory_filePath);
  const { out: said } = await ends(0, `predict --faces none --saved_model ${at('run')} --format csv ${picture}`);
  assert.match(said, /^image,expression,calm,bored,excited,valence,arousal\n\S+,(calm|bored|excited),/);
  assert.match((await ends(0, `inspect ${at('run')}`)).out, /classes +calm, bored, excited/);
  await ends(0, `export --saved_model ${at('run')} --format safetensors --out ${at('weights.safetensors')}`);
  assert.equal(JSON.parse(readFileSync(at('config.json'), 'utf8')).classes, MOODS);
  const by = (file: string) =>
    `predict --faces none --checkpoint ${file} --format csv --emb ${at('words.txt')} ${picture}`;
  assert.is((await ends(0, by(at('weights.safetensors')))).out, said, 'its metadata tell classes and size');
  // A .pth does not know the names.
  await ends(0, `export --saved_model ${at('run')} --format pth --out ${at('weights.pth')}`);
  const bare = `${by(at('weights.pth'))} --image_size 32`;
  assert.match((await ends(2, bare)).err, /has 3 classes, none of affectnet's; give their names with --classes/);
  assert.is((await ends(0, `${bare} --classes ${MOODS}`)).out, said);
});

test('a run goes on with its classes, and with no others', async () => {
  await ends(0, `train --resume --saved_model ${at('run')} --epochs 2 --classes ${MOODS}`);
  assert.is(readRun(at('run')).rows.length, 2);
  const { err } = await ends(2, `train --resume --saved_model ${at('run')} --classes calm,bored,tired`);
  assert.match(err, /--classes calm,bored,tired differs from the run's own calm,bored,excited/);
});

test('a class without a word vector ends with exit 2, naming it and the ways out', async () => {
  const flags = `--glove ${at('words.txt')} --out ${at('emb.pkl')}`;
  const { err } = await ends(2, `prepare embeddings ${flags} --classes calm,bored,weary`);
  assert.match(err, /words.txt: .* not found in 5 lines: weary; .*--classes.* --emb random/);
  assert.match((await ends(0, `prepare embeddings ${flags} --classes calm,bored`)).out, /4 x 300 float32/);
});

test('AffectNet without fear trains, and says what follows', async () => {
  csv('rare.csv', 'training.csv', (row) => (row.expression === '4' ? null : row));
  // All that is validated is of the class that was never trained.
  csv('fear.csv', 'validation.csv', (row) => (row.expression === '4' ? row : null));
  const flags = `--data ${at('rare.csv')} --val_data ${at('fear.csv')} --class_weights balanced --best loss`;
  const { err } = await ends(0, train('rare', flags));
  assert.match(err, /no training face of Fear: no edge in the label graph, weight 0, not in macro F1/);
  const { args, rows, metrics } = readRun(at('rare'));
  assert.match(err, /--emb glove100: GloVe's word vectors of 100 numbers; GloVe of 300 numbers is at https:/);
  assert.is(args.emb, 'glove100');
  assert.equal(await loadEmbedding(at('rare', 'emb.safetensors')), await loadEmbedding('glove100'));
  assert.is(rows[0].val_cat, 0);
  assert.equal(metrics?.untrained, ['Fear']);
  const { A } = await readAdjacency(at('rare', 'adj.safetensors'));
  assert.equal([...A.subarray(36, 45)], [0, 0, 0, 0, 1, 0, 0, 0, 0]);
  const { out } = await ends(0, `prepare adjacency --data ${at('rare.csv')} --adj_threshold 1 --out ${at('rare.pkl')}`);
  assert.match(out, /no face of Fear: no edge/);
  assert.match(out, /label graph: no correlation of Neutral \(0\.\d+ with \w+\), .* reaches 1: the strongest is kept/);
  const pickled = await readAdjacency(at('rare.pkl'), undefined, 1);
  assert.equal([...pickled.A.subarray(36, 45)], [0, 0, 0, 0, 1, 0, 0, 0, 0]);
});

test('--split_by: nobody is on both sides', async () => {
  csv('people.csv', 'training.csv', (row, i) => ({ ...row, subject: `person ${i % 9}` }));
  const flags = `--data ${at('people.csv')} --val_fraction 0.3 --model single_task`;
  const { err } = await ends(0, train('people', `${flags} --split_by subject`));
  assert.match(err, /no --val_data: \d of 9 groups by subject, \d+ of 70 samples are split off for validation/);
  const people = new Map(rowsOf(at('people.csv')).map((row) => [row.subDirectory_filePath, row.subject]));
  const seen = new Map<string, number>();
  for (const { image } of rowsOf(at('people', 'predictions.csv'))) {
    const who = people.get(image) as string;
    seen.set(who, (seen.get(who) ?? 0) + 1);
  }
  // All of a person's faces are among the validated, or none.
  assert.ok(seen.size > 0 && seen.size < 9);
  for (const [who, n] of seen) assert.is(n, [...people.values()].filter((p) => p === who).length, who);
  const { err: none } = await ends(2, train('none', `${flags} --split_by nobody`));
  assert.match(none, /missing column nobody \(--split_by\)/);
});

test.run();
