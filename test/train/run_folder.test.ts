import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { hashOf } from '../../src/data/data_hash';
import { writeSafetensors } from '../../src/formats/safetensors';
import type { Measured } from '../../src/train/measures/evaluation';
import { computeMetrics } from '../../src/train/measures/metrics';
import { writeEvaluation } from '../../src/train/run/evaluations';
import { checkNotOfRun } from '../../src/train/run/files';
import { type Run, type RunArgs, readRun, readWeights } from '../../src/train/run/read_run';
import { type EpochRow, formatResults, parseResults } from '../../src/train/run/results';
import { readRunToResume, writeResumed } from '../../src/train/run/resume';
import { RunFolder } from '../../src/train/run/run_folder';
import { readTrainArgs } from '../../src/train/settings/args';
import { given } from '../given';

const test = suite('run folder', { dir: '' });
test.before.each((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-run-'));
});
const open: RunFolder[] = [];
test.after.each(({ dir }) => {
  for (const folder of open.splice(0)) folder.close();
  rmSync(dir, { recursive: true });
});

const CLASSES = ['Calm', 'Cross'];
const argsIn = (dir: string, changes = {}): RunArgs => ({
  format_version: 3,
  ...readTrainArgs({
    ...{ image_dir: 'faces', data: 'a.csv', emb: 'random', classes: CLASSES, saved_model: join(dir, 'run') },
    ...changes,
  }),
  kernels: {},
});
const METRICS = { ...computeMetrics({ classes: CLASSES, labels: [0, 1, 1], predicted: [0, 1, 0] }), best_epoch: 2 };
const MEASURED: Measured = {
  ...{ file: 'a.csv', layout: 'csv', hash: '0', rows: 3, samples: 3, classes: CLASSES, tta: 'off' as const },
};
const ROW: EpochRow = {
  epoch: 1,
  lr: 0.001,
  train_loss: 1 / 3,
  train_cat: 1e-7,
  train_cont: null,
  train_accuracy: 0,
  val_loss: Number.NaN,
  val_cat: Number.POSITIVE_INFINITY,
  val_cont: null,
  val_accuracy: 1,
  val_ccc_valence: null,
  val_ccc_arousal: null,
  seconds: 12.5,
  skipped: 3,
};

/** The InputError that `f` throws. */
function refusal(f: () => unknown): string {
  try {
    f();
  } catch (error) {
    assert.instance(error, InputError);
    return (error as Error).message;
  }
  return assert.unreachable('expected an InputError') as never;
}

/** A file of weights. */
const weights = (...numbers: number[]): Uint8Array =>
  writeSafetensors({ w: { shape: [numbers.length], data: Float32Array.from(numbers) } }, {}, { sealed: true });

/** The folder of a run that has begun. */
async function begun(args: RunArgs): Promise<RunFolder> {
  const folder = RunFolder.create(args.saved_model);
  open.push(folder);
  await folder.begin(args, weights(0));
  return folder;
}

/** The numbers of a run's weights. */
const numbersOf = (run: Run, which: 'best' | 'last', say?: (line: string) => void): unknown =>
  readWeights(run, which, say).tensors.get('w')?.data;

test('what is written is read back, and nothing else lies about', async ({ dir }) => {
  const args = argsIn(dir);
  const folder = await begun(args);
  assert.equal(readRun(folder.dir), { dir: folder.dir, args, rows: [], metrics: null });
  await folder.writeResults([ROW]);
  await folder.writeResults([ROW, { ...ROW, epoch: 2 }]);
  await folder.writeMetrics(METRICS);
  await folder.writeBest(weights(1));
  await folder.writeLast(weights(2));
  await folder.writePicture('results', { svg: '<svg/>', png: Buffer.from('PNG') });
  folder.log('first line');
  folder.log('second line');

  const run = readRun(join(dir, 'run'));
  assert.equal(run.rows, [ROW, { ...ROW, epoch: 2 }]);
  assert.equal(run.metrics, METRICS);
  assert.equal(numbersOf(run, 'best'), Float32Array.of(1));
  assert.equal(numbersOf(run, 'last'), Float32Array.of(2));
  assert.match(readFileSync(folder.path('run.log'), 'utf8'), /^\d{4}-\S+Z first line\n\S+ second line\n$/);
  assert.equal(readdirSync(folder.dir).sort(), [
    'args.json',
    'lock.json',
    'metrics.json',
    'results.csv',
    'results.png',
    'results.svg',
    'run.log',
    'weights',
  ]);
  assert.equal(readdirSync(folder.path('weights')).sort(), [
    'best.safetensors',
    'last.safetensors',
    'previous.safetensors',
  ]);
  folder.close();
  assert.not(existsSync(folder.path('lock.json')));
});

test('a damaged or missing last checkpoint falls back to the one before, and says so; a damaged best is refused', async ({
  dir,
}) => {
  const folder = await begun(argsIn(dir));
  await folder.writeLast(weights(1));
  await folder.writeLast(weights(2));
  await folder.writeBest(weights(3));
  folder.close();
  const run = readRun(folder.dir);
  const last = folder.path('weights/last.safetensors');
  const whole = readFileSync(last);
  for (const damage of [
    (bytes: Buffer) => bytes.subarray(0, -1),
    (bytes: Buffer) => bytes.fill(bytes[bytes.length - 1] ^ 1, bytes.length - 1),
    () => Buffer.alloc(0),
  ]) {
    writeFileSync(last, damage(Buffer.from(whole)));
    const said: string[] = [];
    assert.equal(
      numbersOf(run, 'last', (line) => said.push(line)),
      Float32Array.of(1),
    );
    assert.match(
      said.join(),
      /last\.safetensors.*; weights\/previous\.safetensors, the checkpoint before it, is taken$/,
    );
  }
  rmSync(last);
  assert.equal(numbersOf(run, 'last'), Float32Array.of(1));
  for (const name of ['previous', 'best']) {
    const file = folder.path(`weights/${name}.safetensors`);
    const bytes = readFileSync(file);
    bytes[bytes.length - 2] ^= 4;
    writeFileSync(file, bytes);
    assert.match(
      refusal(() => readWeights(run, name === 'best' ? 'best' : 'last')),
      `${file}: damaged, or changed since it was written: expected the checksum `,
    );
  }
});

test('what a killed program has left is no run, and is written over or removed; a living one keeps its folder', async ({
  dir,
}) => {
  const args = argsIn(dir);
  const killed = RunFolder.create(args.saved_model);
  assert.match(
    refusal(() => RunFolder.create(args.saved_model)),
    /run/,
  );
  const lock = JSON.parse(readFileSync(killed.path('lock.json'), 'utf8'));
  killed.close();
  assert.not(existsSync(args.saved_model), 'nothing was begun');

  mkdirSync(join(args.saved_model, 'weights'), { recursive: true });
  writeFileSync(join(args.saved_model, 'lock.json'), JSON.stringify({ ...lock, pid: 2 ** 22 + 1 }));
  for (const name of ['adj.safetensors', 'weights/last.safetensors', 'weights/last.safetensors.17.tmp'])
    writeFileSync(join(args.saved_model, name), 'half');
  const next = await begun(args);
  assert.not(existsSync(next.path('adj.safetensors')));
  next.close();
  const other = join(dir, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'lock.json'), '');
  writeFileSync(join(other, 'predictions.csv'), 'mine');
  assert.match(
    refusal(() => RunFolder.create(other)),
    /other holds predictions\.csv/,
  );
  rmSync(join(other, 'predictions.csv'));
  RunFolder.create(other).close();
  const again = RunFolder.resume(readRun(next.dir));
  assert.equal(readdirSync(next.path('weights')), ['last.safetensors']);
  again.close();
});

test('a run is never overwritten: not one that has started, not one whose args.json is lost', async ({ dir }) => {
  const args = argsIn(dir);
  const folder = await begun(args);
  for (const lost of [null, 'lock.json', 'args.json']) {
    if (lost) rmSync(folder.path(lost));
    assert.match(
      refusal(() => RunFolder.create(args.saved_model)),
      /holds a run already.*--resume.*--saved_model/,
      `without ${lost}`,
    );
  }
});

test('a folder with other things in it is taken as it is', async ({ dir }) => {
  mkdirSync(join(dir, 'run'));
  writeFileSync(join(dir, 'run', 'notes.txt'), 'mine');
  const folder = RunFolder.create(argsIn(dir).saved_model);
  folder.log('x');
  await folder.write('adj.safetensors', 'ours');
  folder.close();
  assert.equal(readdirSync(folder.dir), ['notes.txt']);
});

test('a folder that holds any name that a run writes is refused by that name, and stays as it is', ({ dir }) => {
  const run = join(dir, 'run');
  const files = ['manifest.json', 'run.log', 'metrics.json', 'predictions.csv', 'adj.safetensors', 'emb.safetensors'];
  const pictures = ['results', 'confusion_matrix', 'valence_arousal', 'label_graph'].flatMap((n) => [
    `${n}.svg`,
    `${n}.png`,
  ]);
  for (const name of [...files, ...pictures, 'trace.json', 'layers.jsonl', 'weights', 'evaluate', 'lock.json']) {
    mkdirSync(run);
    writeFileSync(join(run, name), 'mine');
    assert.match(
      refusal(() => RunFolder.create(argsIn(dir).saved_model)),
      `run holds ${name}, a name that the run would write; move it away, or give another --saved_model`,
    );
    assert.equal(readdirSync(run), [name]);
    assert.is(readFileSync(join(run, name), 'utf8'), 'mine');
    rmSync(run, { recursive: true });
  }
});

test('what came into the folder of a run that fails, and the folder that was there before it, stay', async ({
  dir,
}) => {
  const run = join(dir, 'run');
  mkdirSync(run);
  const folder = RunFolder.create(run);
  await folder.write('adj.safetensors', 'ours');
  for (const name of ['trace.json', 'metrics.json']) writeFileSync(join(run, name), 'mine');
  // It fails as it begins: what is written by then goes.
  await folder.begin(argsIn(dir), new Uint8Array(8)).then(
    () => assert.unreachable(),
    (error) => {
      assert.match(error.message, /last\.safetensors/);
    },
  );
  mkdirSync(join(run, 'weights'), { recursive: true });
  writeFileSync(join(run, 'weights/mine.pth'), 'mine');
  folder.close();
  assert.equal(readdirSync(run).sort(), ['metrics.json', 'trace.json', 'weights']);
  assert.equal(readdirSync(join(run, 'weights')), ['mine.pth']);
  RunFolder.create(join(dir, 'a', 'b', 'c')).close();
  assert.not(existsSync(join(dir, 'a')));
  mkdirSync(join(dir, 'empty'));
  RunFolder.create(join(dir, 'empty')).close();
  assert.equal(readdirSync(join(dir, 'empty')), []);
});

test('a file of a run is no place for an export', async ({ dir }) => {
  const folder = await begun(argsIn(dir));
  mkdirSync(join(dir, 'other'));
  symlinkSync(folder.dir, join(dir, 'link'));
  symlinkSync(folder.path('args.json'), join(dir, 'other', 'model.pth'));
  symlinkSync(join('..', 'other', 'metrics'), folder.path('metrics.json'));
  writeFileSync(join(dir, 'other', 'metrics'), '{}');
  const links = ['../link/results.csv', '../other/model.pth', 'metrics.json'];
  for (const name of ['args.json', 'emb.safetensors', 'weights/best.safetensors', ...links])
    assert.match(
      refusal(() => checkNotOfRun(folder.path(name))),
      /--out .* is a file of the run in .*run; give another name/,
    );
  for (const path of ['run/model.pth', 'run/weights/mine.safetensors', 'other/args.json', 'nowhere/emb.safetensors'])
    checkNotOfRun(join(dir, path));
});

test('evaluations: a folder for each file of annotations and weights, whatever its path', async ({ dir }) => {
  const folder = await begun(argsIn(dir));
  await folder.writeMetrics(METRICS);
  const run = readRun(folder.dir);
  const evaluation = { metrics: METRICS, intervals: {}, measured: MEASURED, videos: null, predictions: 'image\n' };
  const places = ['a/validation.csv', 'b/validation.csv', 'c/...csv', 'c/..csv', 'c/.csv'].map((name) =>
    join(dir, name),
  );
  for (const path of places) {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, path);
  }
  const here = process.cwd();
  const taken: string[] = [];
  try {
    process.chdir(join(dir, 'a'));
    for (const data of [...places, 'validation.csv', '../b/validation.csv', '.', '..'])
      taken.push(relative(folder.dir, await writeEvaluation(run, data, evaluation)));
  } finally {
    process.chdir(here);
  }
  const of = (name: string) => join('evaluate', name);
  assert.equal(taken, [
    ...[of('validation'), of('validation-2'), of('data...csv'), of('data..csv'), of('.csv')],
    ...[of('validation'), of('validation-2'), of('a'), of(basename(dir))],
  ]);
  const given = { file: join(dir, 'other.pth'), state: new Map(), embedding: null };
  assert.match(await writeEvaluation({ ...run, given }, places[0], evaluation), /evaluate.validation-3$/);
  assert.equal(readRun(folder.dir).metrics, METRICS);
  assert.equal(readdirSync(folder.dir).sort(), [
    'args.json',
    'evaluate',
    'lock.json',
    'metrics.json',
    'run.log',
    'weights',
  ]);
});

test('what lies in evaluate/ and is no evaluation of ours is left alone', async ({ dir }) => {
  const folder = await begun(argsIn(dir));
  const data = join(dir, 'validation.csv');
  writeFileSync(data, '');
  mkdirSync(folder.path('evaluate/validation'), { recursive: true });
  writeFileSync(folder.path('evaluate/validation/metrics.json'), 'mine');
  writeFileSync(folder.path('evaluate/validation-2'), 'mine');
  const evaluation = { metrics: METRICS, intervals: {}, measured: MEASURED, videos: null, predictions: 'image\n' };
  assert.match(await writeEvaluation(readRun(folder.dir), data, evaluation), /validation-3$/);
  assert.is(readFileSync(folder.path('evaluate/validation/metrics.json'), 'utf8'), 'mine');
});

given(
  test,
  process.platform === 'linux',
  '/proc of Linux',
)('an evaluation for which no folder can be made is refused, by the place and the reason', async ({ dir }) => {
  const folder = await begun(argsIn(dir));
  const data = join(dir, 'validation.csv');
  writeFileSync(data, '');
  symlinkSync('/proc/self', folder.path('evaluate'));
  const evaluation = { metrics: METRICS, intervals: {}, measured: MEASURED, videos: null, predictions: 'image\n' };
  await writeEvaluation(readRun(folder.dir), data, evaluation).then(
    () => assert.unreachable('expected to be refused'),
    (error) => {
      assert.instance(error, InputError);
      assert.ok(error.message.startsWith(`${folder.path('evaluate')}: cannot be written: E`), error.message);
    },
  );
});

test('a run that failed before it began gives its folder back, a later one keeps it', async ({ dir }) => {
  const early = RunFolder.create(argsIn(dir).saved_model);
  early.log('a bad start');
  early.close();
  assert.not(existsSync(early.dir));
  const late = await begun(argsIn(dir));
  late.close();
  assert.ok(existsSync(late.path('args.json')));
});

test('a folder that cannot be made is named', ({ dir }) => {
  writeFileSync(join(dir, 'file'), '');
  assert.match(
    refusal(() => RunFolder.create(join(dir, 'file'))),
    /file: expected a folder or nothing there, found a file; check --saved_model/,
  );
  const message = refusal(() => RunFolder.create(join(dir, 'file', 'run')));
  assert.match(message, /file\/run: .*--saved_model/);
});

test('a missing or damaged run is refused with the file and what was expected', async ({ dir }) => {
  assert.match(
    refusal(() => readRun(join(dir, 'no'))),
    /--saved_model expects the folder of a run, found nothing there/,
  );
  assert.match(
    refusal(() => readRun(dir)),
    /no args.json in it/,
  );
  const folder = await begun(argsIn(dir));
  assert.match(
    refusal(() => readWeights(readRun(folder.dir), 'best')),
    /best.safetensors: no such file/,
  );

  const good = readFileSync(folder.path('args.json'), 'utf8');
  for (const [text, expected] of [
    [good.slice(0, -20), /args.json: expected JSON/],
    ['[]', /args.json: expected a JSON object, found \[\]/],
    [`[${'1,'.repeat(10_000)}1]`, /args.json: expected a JSON object, found .{200}…$/],
    [`${' '.repeat(2 ** 22)}{}`, /args.json: expected at most 4194304 bytes, found 4194306/],
    ['null', /args.json: expected a JSON object, found null/],
    [good.replace('"Calm"', '7'), /args.json: expected the classes' names as classes, found \[7,"Cross"\]/],
    [
      good.replace('"densenet"', '"resnet"'),
      /args.json: --network expects one of densenet, bregnext, denselite, mobilenet, found "resnet"/,
    ],
    [good.replace('"momentum"', '"momentun"'), /args.json: unknown setting momentun/],
  ] as const) {
    writeFileSync(folder.path('args.json'), text);
    assert.match(
      refusal(() => readRun(folder.dir)),
      expected,
    );
  }
  writeFileSync(folder.path('args.json'), good);
  writeFileSync(folder.path('metrics.json'), '{"accuracy": 1}');
  assert.match(
    refusal(() => readRun(folder.dir)),
    /metrics.json: expected a number as macro_f1, found nothing/,
  );
  rmSync(folder.path('metrics.json'));
  writeFileSync(folder.path('results.csv'), 'epoch,loss\n1,2\n');
  assert.match(
    refusal(() => readRun(folder.dir)),
    /results.csv: line 1: expected epoch,lr,/,
  );
});

test('results.csv holds every number in full, and names a damaged line', () => {
  const text = formatResults([ROW]);
  assert.is(
    text,
    'epoch,lr,train_loss,train_cat,train_cont,train_accuracy,val_loss,val_cat,val_cont,val_accuracy,val_ccc_valence,' +
      'val_ccc_arousal,seconds,skipped\n1,0.001,0.3333333333333333,1e-7,,0,nan,inf,,1,,,12.5,3\n',
  );
  assert.equal(parseResults(text, 'x'), [ROW]);
  assert.equal(parseResults(formatResults([]), 'x'), []);
  const old = text.replace(',skipped', '').replace('12.5,3', '12.5');
  assert.equal(parseResults(old, 'x'), [{ ...ROW, skipped: 0 }], 'older versions skip nothing');
  const late = [{ ...ROW, epoch: 6 }];
  assert.equal(parseResults(formatResults(late), 'x'), late, 'a run that took up a checkpoint of epoch 5');
  assert.match(
    refusal(() => parseResults(text.replace('12.5', '12.5,7'), 'r.csv')),
    /r.csv: line 2: expected epoch 1/,
  );
  assert.match(
    refusal(() => parseResults(text.replace('0.001', 'slow'), 'r.csv')),
    /r.csv: line 2/,
  );
  assert.match(
    refusal(() => parseResults(formatResults([ROW, { ...ROW, epoch: 3 }]), 'r.csv')),
    /r.csv: line 3: expected epoch 2/,
  );
});

test('resuming takes what does not change the numbers, and more epochs; nothing else', async ({ dir }) => {
  const args = argsIn(dir);
  const saved_model = (await begun(args)).dir;
  const resumed = (given: Record<string, unknown>) => readRunToResume(saved_model, given).args;
  assert.equal(resumed({}), args);
  assert.equal(resumed({ workers: '2', gpu: 'software', epochs: '20', data: 'a.csv', lr: '0.001' }), {
    ...args,
    workers: 2,
    gpu: 'software',
    epochs: 20,
  });
  assert.match(
    refusal(() => resumed({ lr: '0.1' })),
    /--lr 0.1 differs from the run's own 0.001.*what may differ: image_dir, data, val_data, saved_model, workers, gpu, tune, cache, cache_limit, verify, save_minutes, save_every, keep, max_hours, tensorboard, on_nan, epochs/,
  );
  assert.match(
    refusal(() => resumed({ data: 'b.csv' })),
    /--data .*b.csv differs/,
  );
  assert.match(
    refusal(() => resumed({ epochs: '3' })),
    /--epochs 3 differs from the run's own 10/,
  );
});

test('resuming takes annotations that were moved, by their hash, and no others', async ({ dir }) => {
  const at = (name: string, content: string): string => {
    writeFileSync(join(dir, name), content);
    return join(dir, name);
  };
  const [data, val_data] = [at('a.csv', 'faces'), at('v.csv', 'more faces')];
  const folder = await begun(argsIn(dir, { data, val_data }));
  const resumed = (given: Record<string, unknown>) => readRunToResume(folder.dir, given).args;
  const moved = { data: at('moved.csv', 'faces'), val_data: at('moved_too.csv', 'more faces') };
  assert.match(
    refusal(() => resumed(moved)),
    /--data .*moved.csv differs/,
    'no manifest tells',
  );
  const hashes = { [data]: hashOf(data), [val_data]: hashOf(val_data) };
  await folder.write('manifest.json', JSON.stringify({ data: hashes }));
  rmSync(data);
  assert.is(resumed(moved).data, moved.data);
  assert.is(resumed(moved).val_data, moved.val_data);
  for (const given of [
    { data: moved.val_data },
    { val_data: moved.data },
    { data: at('changed.csv', 'faces!') },
    { data: join(dir, 'nothing.csv') },
  ])
    assert.match(
      refusal(() => resumed(given)),
      /differs from the run's own .*data and val_data where the annotations are the same/,
    );
});

test('where a resumed run found its data, and its epochs, are written down for the next resume', async ({ dir }) => {
  const at = (name: string, content: string): string => {
    writeFileSync(join(dir, name), content);
    return join(dir, name);
  };
  const [data, val_data] = [at('a.csv', 'faces'), at('v.csv', 'more faces')];
  const folder = await begun(argsIn(dir, { data, val_data }));
  await folder.write(
    'manifest.json',
    JSON.stringify({ seed: 1, data: { [data]: hashOf(data), [val_data]: hashOf(val_data) } }),
  );
  const resume = (given: Record<string, unknown>) => readRunToResume(folder.dir, given).args;
  await writeResumed(folder, resume({ data: at('moved.csv', 'faces'), epochs: 20 }));
  assert.is(resume({}).data, join(dir, 'moved.csv'));
  assert.is(resume({}).val_data, val_data);
  assert.is(resume({}).epochs, 20);
  // Moved again: the hash is known by the new place.
  assert.is(resume({ data: at('again.csv', 'faces') }).data, join(dir, 'again.csv'));
  assert.match(
    refusal(() => resume({ data: val_data })),
    /--data .*v.csv differs/,
  );
  assert.is(JSON.parse(readFileSync(folder.path('manifest.json'), 'utf8')).seed, 1);
});

test('annotations in a folder: the files in order, of folders that links lead to in circles once', ({ dir }) => {
  const files = { 'b/2.txt': 'two', 'a/1.txt': 'one', 'a.txt': 'zero' };
  mkdirSync(join(dir, 'set', 'a'), { recursive: true });
  mkdirSync(join(dir, 'set', 'b'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, 'set', name), content);
  const expected = createHash('sha256').update('zeroonetwo').digest('hex');
  assert.is(hashOf(join(dir, 'set')), expected);
  symlinkSync('..', join(dir, 'set', 'b', 'loop'));
  symlinkSync('.', join(dir, 'set', 'self'));
  assert.is(hashOf(join(dir, 'set')), expected);
});

test('a cosine schedule depends on the number of epochs, so that resuming cannot change it', async ({ dir }) => {
  const { dir: run } = await begun(argsIn(dir, { schedule: 'cosine' }));
  assert.match(
    refusal(() => readRunToResume(run, { epochs: 20 })),
    /--epochs 20 differs/,
  );
});

test.run();
