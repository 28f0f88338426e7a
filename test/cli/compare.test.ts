// `compare`: runs of an older version as they are kept in the repository, and what became of them.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bootstrap } from '../../src/train/measures/bootstrap';
import { parsePredictions } from '../../src/train/measures/predictions';
import { readRun } from '../../src/train/run/read_run';
import { run } from './program';

const test = suite('compare');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-compare-'));
test.after(() => rmSync(dir, { recursive: true }));

const GOLDEN = 'test/golden/older_runs';

/** A copy of a kept run, with some of its settings changed. */
function copy(name: string, of: 'single_task' | 'emotion_gcn', settings: Record<string, unknown> = {}): string {
  const to = join(dir, name);
  cpSync(join(GOLDEN, of), to, { recursive: true });
  const args = JSON.parse(readFileSync(join(to, 'args.json'), 'utf8'));
  writeFileSync(join(to, 'args.json'), JSON.stringify({ ...args, ...settings }));
  return to;
}

const [a, b, other] = [
  copy('a', 'emotion_gcn'),
  copy('b', 'emotion_gcn', { lr: 0.5, augment: false, workers: 3, format_version: 2 }),
  copy('other', 'single_task'),
];

async function compare(...args: string[]): Promise<{ out: string; err: string }> {
  const ended = await run(['compare', ...args]);
  assert.is(ended.code, 0, ended.err);
  return ended;
}

test('the settings that differ, and figures with the intervals of their predictions', async () => {
  const { out, err } = await compare(a, b, '--format', 'json');
  assert.is(err, '');
  const found = JSON.parse(out);
  assert.is(found.length, 2);
  const { args, metrics, rows } = readRun(a);
  assert.equal(found[0].settings, { workers: args.workers, lr: args.lr, augment: args.augment });
  assert.equal(found[1].settings, { workers: 3, lr: 0.5, augment: false });
  const file = join(a, 'predictions.csv');
  const intervals = bootstrap(parsePredictions(readFileSync(file, 'utf8'), file, args.classes));
  assert.ok(intervals.accuracy[0] < intervals.accuracy[1]);
  for (const one of found) {
    assert.equal(one.metrics, metrics);
    assert.equal(one.intervals, intervals);
    assert.is(
      one.seconds,
      rows.reduce((sum, { seconds }) => sum + Number(seconds), 0),
    );
    assert.is(one.epochs, rows.length);
  }
});

test('a table for people, a row of CSV for each run', async () => {
  const { out } = await compare(a, b);
  const [settings, figures] = out
    .trimEnd()
    .split('\n\n')
    .map((table) => table.split('\n'));
  const [names, , second] = settings.map((line) => line.split(/ {2,}/));
  assert.equal(Object.fromEntries(names.map((name, c) => [name, second[c]])), {
    run: b,
    workers: '3',
    lr: '0.5',
    augment: 'off',
  });
  assert.match(figures[0], /^run +accuracy +macro F1 +CCC valence +CCC arousal +loss +best epoch +epochs +time$/);
  assert.match(figures[1], /\/a +[\d.]+ % \([\d.]+ % to [\d.]+ %\) .* 1\/1 +\d+:\d\d$/);

  const lines: string[][] = parse((await compare(a, b, other, '--format', 'csv')).out);
  assert.is(lines.length, 4);
  const [header, first, , third] = lines;
  const at = (name: string) => header.indexOf(name);
  assert.ok(at('--lr') > 0 && at('accuracy_high') > 0);
  assert.is(Number(first[at('accuracy')]), readRun(a).metrics?.accuracy);
  assert.is(third[at('ccc_valence')], '', 'a network of classes alone has none');
});

test('one run alone, the same run twice, runs that are equal', async () => {
  for (const args of [[a], [a, `${a}/`]]) assert.match((await compare(...args)).out, /^run +accuracy[^\n]*\n[^\n]+\n$/);
  const equal = copy('equal', 'emotion_gcn');
  assert.match((await compare(a, equal)).out, /^no setting differs/);
});

test('a run without metrics or predictions, or with those of another epoch, is shown as far as it is', async () => {
  const begun = copy('begun', 'emotion_gcn');
  for (const name of ['results.csv', 'metrics.json', 'predictions.csv']) rmSync(join(begun, name));
  const lost = copy('lost', 'emotion_gcn');
  rmSync(join(lost, 'predictions.csv'));
  const torn = copy('torn', 'emotion_gcn');
  const lines = readFileSync(join(torn, 'predictions.csv'), 'utf8').split('\n');
  const [image, label, said, ...rest] = lines[1].split(',');
  lines[1] = [image, label, said === 'Happy' ? 'Sad' : 'Happy', ...rest].join();
  writeFileSync(join(torn, 'predictions.csv'), lines.join('\n'));

  const { out } = await compare(begun, lost, torn, '--format', 'json');
  const found = JSON.parse(out);
  assert.equal([found[0].metrics, found[0].epochs, found[0].intervals], [null, 0, {}]);
  for (const one of found.slice(1)) {
    assert.equal(one.intervals, {});
    assert.is(one.metrics.best_epoch, 1);
  }
  assert.match((await compare(begun, a)).out, /begun +- +- +- +- +- +- +0\/1 +0:00\n/);
});

test('runs that were validated on other faces are named', async () => {
  const moved = copy('moved', 'emotion_gcn');
  const text = readFileSync(join(moved, 'predictions.csv'), 'utf8');
  writeFileSync(join(moved, 'predictions.csv'), text.replaceAll('images/validation', 'pictures'));
  const { err } = await compare(a, b, moved);
  assert.match(err, /^\S+moved was validated on other faces than \S+\/a: their figures do not compare\n$/);
});

test('what is no run, or a damaged one, is named: exit 2', async () => {
  const broken = copy('broken', 'single_task');
  for (const [name, content, message] of [
    ['predictions.csv', 'image\n', /broken\/predictions.csv: line 1: expected image/],
    [
      'predictions.csv',
      `${readFileSync(join(a, 'predictions.csv'), 'utf8').split('\n')[0]}\nx,Fear,Bored,,,,\n`,
      /line 2: expected 7 columns/,
    ],
    ['results.csv', 'epoch\n', /broken\/results.csv: line 1: expected epoch/],
    ['metrics.json', '{', /broken\/metrics.json: expected JSON/],
    ['args.json', '{"lr": "fast"}', /broken\/args.json: /],
  ] as const) {
    const path = join(broken, name);
    const good = readFileSync(path);
    writeFileSync(path, content);
    const { code, out, err } = await run(['compare', a, broken]);
    assert.is(code, 2, err);
    assert.is(out, '');
    assert.match(err, message);
    writeFileSync(path, good);
  }
  const none = await run(['compare', a, join(dir, 'nothing')]);
  assert.is(none.code, 2);
  assert.match(none.err, /^error: compare expects the folder of a run, found nothing there: \S+nothing/);
});

test('--out draws the curves of all runs, as its ending says; never over a file of a run', async () => {
  const png = join(dir, 'curves.png');
  const svg = join(dir, 'curves.svg');
  await compare(a, b, other, '--out', png);
  await compare(a, '--out', svg);
  const { width = 0, height = 0, format } = await sharp(png).metadata();
  assert.is(format, 'png');
  // Three panels of 430 units a row, 2 pixels a unit, two rows: of five figures.
  assert.ok(width > 2580 && height === 4 * 390, `${width} x ${height}`);
  assert.match(readFileSync(svg, 'utf8'), /^<svg[\s\S]*<\/svg>$/);

  for (const [out, message] of [
    [join(dir, 'curves.jpg'), /--out \S+curves.jpg: expected a name that ends in .svg or .png/],
    [join(a, 'results.png'), /results.png is a file of the run/],
    [join(dir, 'none', 'curves.png'), /cannot be written/],
  ] as const) {
    const { code, err } = await run(['compare', a, b, '--out', out]);
    assert.is(code, 2);
    assert.match(err, message);
    assert.not(existsSync(out));
  }
  const begun = join(dir, 'begun');
  assert.match((await run(['compare', begun, '--out', png])).err, /no epoch of these runs has ended yet/);
});

test.run();
