// predict --out: a file of predictions, wherever it was cut off, becomes that of a run that was never stopped.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { writeSyntheticSet } from '../../src/data';
import { Trainer } from '../../src/train/loop/trainer';
import type { FacePrediction } from '../../src/train/measures/face_prediction';
import { predict } from '../../src/train/measures/predict';
import { PREDICTION_FORMATS, PredictionFile, type PredictionFormat } from '../../src/train/measures/prediction_file';
import { readRun } from '../../src/train/run/read_run';
import { readTrainArgs } from '../../src/train/settings/args';
import { run as program } from '../cli/program';

const test = suite('prediction file');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-predicted-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const pictures = join(dir, 'pictures');
const runs = ['one', 'other'].map((name) => join(dir, name));
/** Of 70 files, two groups of 32 and a rest, three are no pictures. */
const NAMES = Array.from({ length: 70 }, (_, i) => `${String(i).padStart(2, '0')}${i % 9 === 4 ? ' "a"\nb,' : ''}.jpg`);
const BAD = [0, 33, 69];

test.before(async () => {
  const faces = join(dir, 'faces');
  const { training } = await writeSyntheticSet({ out: faces, n: 14, validation: 7, seed: 3, size: 48 });
  for (const [seed, saved_model] of runs.entries())
    await new Trainer(
      readTrainArgs({
        ...{ image_dir: faces, data: training, network: 'denselite', emb: 'random', image_size: 32, batch_size: 7 },
        ...{ epochs: 1, class_weights: 'none', workers: 1, cache: 'off', val_fraction: 0.5, saved_model, seed },
      }),
    ).run();
  mkdirSync(pictures);
  for (const [i, name] of NAMES.entries()) {
    const from = join(faces, 'images', 'training', `${String(i % 14).padStart(5, '0')}.jpg`);
    if (BAD.includes(i)) writeFileSync(join(pictures, name), 'no picture');
    else copyFileSync(from, join(pictures, name));
  }
});

const shape = (saved: string) => ({ classes: readRun(saved).args.classes, faces: false, time: false });

/** Goes on with a file, at most `most` predictions; returns what was said. */
async function write(file: string, format: PredictionFormat, most = 1000, saved = runs[0]): Promise<string[]> {
  const out = new PredictionFile(file, format, shape(saved));
  const said: string[] = [];
  const done = { rows: out.rows(), file };
  let finished = false;
  try {
    for await (const prediction of predict(readRun(saved), [pictures], {
      ...{ done, faces: 'none' },
      say: (line) => said.push(line),
    })) {
      if (most-- === 0) return said;
      await out.add(prediction);
    }
    finished = true;
  } finally {
    await out.close(finished);
  }
  return said;
}

const fileOf = (format: PredictionFormat, name = 'out'): string => join(dir, `${name}.${format}`);
const whole = (format: PredictionFormat): Buffer => readFileSync(fileOf(format, 'whole'));

test('unbroken, each format is what is printed without --out', async () => {
  const all: FacePrediction[] = [];
  for await (const prediction of predict(readRun(runs[0]), [pictures], { faces: 'none' })) all.push(prediction);
  for (const format of PREDICTION_FORMATS) {
    const file = new PredictionFile(fileOf(format, 'whole'), format, shape(runs[0]));
    for (const prediction of all) await file.add(prediction);
    await file.close(true);
  }
  assert.is(whole('json').toString(), `${JSON.stringify(all, null, 2)}\n`);
  assert.is(whole('jsonl').toString(), all.map((prediction) => `${JSON.stringify(prediction)}\n`).join(''));
  const { out } = await program(['predict', '--saved_model', runs[0], '--faces', 'none', '--format', 'csv', pictures]);
  assert.is(whole('csv').toString(), out);
});

test('cut off anywhere, the same command gives the same bytes, and what is whole is not touched', async () => {
  for (const format of PREDICTION_FORMATS) {
    const bytes = whole(format);
    const { length } = bytes;
    const first = bytes.indexOf('00.jpg') < 0 ? bytes.indexOf('01.jpg') : bytes.indexOf('00.jpg');
    const quoted = bytes.indexOf('04 ') + 6; // behind the end of a line in a name
    const group = bytes.indexOf('32.jpg'); // the first of the second group
    const cuts = {
      csv: [quoted, group - 20],
      json: [first - 3, length - 1],
      jsonl: [group + 3, length],
    };
    for (const cut of cuts[format]) {
      writeFileSync(fileOf(format), bytes.subarray(0, cut));
      await write(fileOf(format), format);
      assert.is(readFileSync(fileOf(format), 'utf8'), bytes.toString(), `${format} cut at ${cut} of ${length}`);
    }
  }
});

test('stopped, it holds whole rows (of json a whole array), and goes on', async () => {
  for (const format of ['csv', 'json'] as const) {
    rmSync(fileOf(format), { force: true });
    await write(fileOf(format), format, 43);
    if (format === 'json') assert.is(JSON.parse(readFileSync(fileOf(format), 'utf8')).length, 43);
    const said = await write(fileOf(format), format);
    assert.match(said.join('\n'), /out\.\w+ has 43 predictions; going on behind them/);
    assert.not.match(said.join('\n'), /left out: \S+00\.jpg/, 'a picture of a group that is done');
    assert.equal(readFileSync(fileOf(format)), whole(format));
  }
});

test('another network, other pictures, another format or file: refused, and nothing is changed', async () => {
  const refused = async (file: string, format: PredictionFormat, message: RegExp, saved = runs[0]): Promise<void> => {
    const before = readFileSync(file);
    const error = await write(file, format, 1000, saved).catch((e: unknown) => e);
    assert.instance(error, InputError, String((error as Error)?.stack));
    assert.match((error as Error).message, message);
    assert.equal(readFileSync(file), before);
  };
  for (const format of PREDICTION_FORMATS) {
    const bytes = whole(format);
    for (const part of [bytes.subarray(0, bytes.length >> 1), ...(format === 'csv' ? [bytes] : [])]) {
      writeFileSync(fileOf(format), part);
      await refused(
        fileOf(format),
        format,
        /out\.\w+: it was begun with another network.* or give another --out/,
        runs[1],
      );
    }
    writeFileSync(fileOf(format), bytes.toString().replace('02.jpg', 'xx.jpg'));
    await refused(fileOf(format), format, /prediction 2 is of \S+xx.jpg, .* begun with other pictures/);
    for (const other of PREDICTION_FORMATS.filter((name) => name !== format)) {
      await refused(fileOf(format), other, /line 1: expected .* or remove the file/);
    }
    for (const text of [
      `${whole('csv').toString().split('\n')[0]}\n"${'a\n'.repeat(2000)}`,
      'my notes',
      'a\nb\n',
      '[\n  {\n    "a": 1\n  }\n]\n',
      '{"image":"x.jpg"}\n',
      '[1]',
    ]) {
      writeFileSync(fileOf(format), text);
      await refused(fileOf(format), format, /line \d+: expected/);
    }
  }
  writeFileSync(fileOf('csv'), whole('csv').toString().replace('Neutral', 'Calm'));
  await refused(fileOf('csv'), 'csv', /line 1: expected "image,expression,Neutral/);
});

test('killed and stopped by Ctrl-C as a program, then once more: the same bytes; names and formats', async () => {
  const file = join(dir, 'killed.ndjson');
  const command = ['predict', '--saved_model', runs[0], '--faces', 'none', pictures, '--out', file];
  const stopped = await program(command, { interruptAt: /left out: \S+33.jpg/ });
  assert.is(stopped.code, 130, stopped.err);
  assert.match(stopped.err, /stopped; \d+ predictions are in \S+killed.ndjson, the same command goes on/);
  const { code, err, out } = await program(command);
  assert.is(code, 0, err);
  assert.is(out, '');
  assert.match(err, /67 predictions in \S+killed.ndjson/);
  assert.equal(readFileSync(file), whole('jsonl'));
  for (const [flags, message] of [
    [['--out', join(dir, 'a.txt')], /--out \S+a.txt: expected a name that ends in .csv, .json or .jsonl, or --format/],
    [['--out', join(dir, 'a.csv'), '--format', 'table'], /--out expects --format csv, json, jsonl, found table/],
    [['--out', join(runs[0], 'predictions.csv')], /predictions.csv is a file of the run/],
    [['--out', join(dir, 'none', 'a.csv')], /a.csv: cannot be written: there is no folder/],
    [['--out', dir, '--format', 'csv'], /cannot be written: expected a file or nothing there, found a folder/],
  ] as const) {
    const ended = await program(['predict', '--saved_model', runs[0], pictures, ...flags]);
    assert.is(ended.code, 2, ended.err);
    assert.match(ended.err, message);
  }
});

test.run();
