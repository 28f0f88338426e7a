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
import { computeMetrics } from '../../src/train/measures/metrics';
import { writeEvaluation } from '../../src/train/run/evaluations';
import { hashOf } from '../../src/train/run/manifest';
import { type EpochRow, formatResults, parseResults } from '../../src/train/run/results';
import { readRunToResume, writeResumed } from '../../src/train/run/resume';
import { checkNotOfRun, type RunArgs, RunFolder, readRun, readWeights } from '../../src/train/run/run_folder';
import { readTrainArgs } from '../../src/train/settings/args';

const test = suite('run folder', { dir: '' });
test.before.each((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-run-'));
});
test.after.each(({ dir }) => rmSync(dir, { recursive: true }));

const CLASSES = ['Calm', 'Cross'];
const argsIn = (dir: string, changes = {}): RunArgs => ({
  ...readTrainArgs({ image_dir: 'faces', data: 'a.csv', emb: 'random', saved_model: join(dir, 'run'), ...changes }),
  classes: CLASSES,
  kernels: {},
});
const METRICS = { ...computeMetrics({ classes: CLASSES, labels: [0, 1, 1], predicted: [0, 1, 0] }), best_epoch: 2 };
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

test('what is written is read back, and nothing else lies about', async ({ dir }) => {
  const args = argsIn(dir);
  const folder = RunFolder.create(args);
  assert.equal(readRun(folder.dir), { dir: folder.dir, args, rows: [], metrics: null });
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);
  await folder.writeResults([ROW]);
  await folder.writeResults([ROW, { ...ROW, epoch: 2 }]);
  await folder.writeMetrics(METRICS);
  await folder.writeWeights('best', bytes.subarray(100));
  await folder.writeWeights('last', bytes);
  await folder.writePicture('results', { svg: '<svg/>', png: Buffer.from('PNG') });
  folder.log('first line');
  folder.log('second line');

  const run = readRun(join(dir, 'run'));
  assert.equal(run.rows, [ROW, { ...ROW, epoch: 2 }]);
  assert.equal(run.metrics, METRICS);
  assert.equal(new Uint8Array(readWeights(run, 'best')), bytes.subarray(100));
  assert.equal(new Uint8Array(readWeights(run, 'last')), bytes);
  assert.match(readFileSync(folder.path('run.log'), 'utf8'), /^\d{4}-\S+Z first line\n\S+ second line\n$/);
  assert.equal(readdirSync(folder.dir).sort(), [
    'args.json',
    'metrics.json',
    'results.csv',
    'results.png',
    'results.svg',
    'run.log',
    'weights',
  ]);
  assert.equal(readdirSync(folder.path('weights')).sort(), ['best.safetensors', 'last.safetensors']);
});

test('a run is never overwritten: not one that has started, not one whose args.json is lost', async ({ dir }) => {
  const args = argsIn(dir);
  const folder = RunFolder.create(args);
  assert.match(
    refusal(() => RunFolder.create(args)),
    /holds a run already, without a checkpoint to resume from.*delete the folder, or give another --saved_model/,
  );
  await folder.writeWeights('last', new Uint8Array(8));
  rmSync(folder.path('args.json'));
  assert.match(
    refusal(() => RunFolder.create(args)),
    /holds a run already.*--resume.*--saved_model/,
  );
});

test('a folder with other things in it is taken as it is', ({ dir }) => {
  mkdirSync(join(dir, 'run'));
  writeFileSync(join(dir, 'run', 'notes.txt'), 'mine');
  const folder = RunFolder.create(argsIn(dir));
  folder.log('x');
  folder.abandon();
  assert.equal(readdirSync(folder.dir), ['notes.txt']);
});

test('a folder that holds any name that a run writes is refused by that name, and stays as it is', ({ dir }) => {
  const run = join(dir, 'run');
  const files = ['manifest.json', 'run.log', 'metrics.json', 'predictions.csv', 'adj.safetensors', 'emb.safetensors'];
  const pictures = ['results', 'confusion_matrix', 'valence_arousal', 'label_graph'].flatMap((n) => [
    `${n}.svg`,
    `${n}.png`,
  ]);
  for (const name of [...files, ...pictures, 'trace.json', 'weights', 'evaluate']) {
    mkdirSync(run);
    writeFileSync(join(run, name), 'mine');
    assert.match(
      refusal(() => RunFolder.create(argsIn(dir))),
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
  const folder = RunFolder.create(argsIn(dir));
  await folder.write('adj.safetensors', 'ours');
  for (const name of ['trace.json', 'metrics.json', 'weights/mine.pth']) writeFileSync(join(run, name), 'mine');
  folder.abandon();
  assert.equal(readdirSync(run).sort(), ['metrics.json', 'trace.json', 'weights']);
  assert.equal(readdirSync(join(run, 'weights')), ['mine.pth']);
  const deep = RunFolder.create(argsIn(dir, { saved_model: join(dir, 'a', 'b', 'c') }));
  deep.abandon();
  assert.not(existsSync(join(dir, 'a')));
  mkdirSync(join(dir, 'empty'));
  RunFolder.create(argsIn(dir, { saved_model: join(dir, 'empty') })).abandon();
  assert.equal(readdirSync(join(dir, 'empty')), []);
});

test('a file of a run is no place for an export', async ({ dir }) => {
  const folder = RunFolder.create(argsIn(dir));
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
  const folder = RunFolder.create(argsIn(dir));
  await folder.writeMetrics(METRICS);
  const run = readRun(folder.dir);
  const evaluation = { metrics: METRICS, intervals: {}, videos: null, predictions: 'image\n' };
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
  assert.equal(readdirSync(folder.dir).sort(), ['args.json', 'evaluate', 'metrics.json', 'weights']);
});

test('what lies in evaluate/ and is no evaluation of ours is left alone', async ({ dir }) => {
  const folder = RunFolder.create(argsIn(dir));
  const data = join(dir, 'validation.csv');
  writeFileSync(data, '');
  mkdirSync(folder.path('evaluate/validation'), { recursive: true });
  writeFileSync(folder.path('evaluate/validation/metrics.json'), 'mine');
  writeFileSync(folder.path('evaluate/validation-2'), 'mine');
  const evaluation = { metrics: METRICS, intervals: {}, videos: null, predictions: 'image\n' };
  assert.match(await writeEvaluation(readRun(folder.dir), data, evaluation), /validation-3$/);
  assert.is(readFileSync(folder.path('evaluate/validation/metrics.json'), 'utf8'), 'mine');
});

test('a run that failed before its first checkpoint gives its folder back, a later one keeps it', async ({ dir }) => {
  const early = RunFolder.create(argsIn(dir));
  early.log('a bad start');
  early.abandon();
  assert.not(existsSync(early.dir));
  const late = RunFolder.create(argsIn(dir));
  await late.writeWeights('last', new Uint8Array(8));
  late.abandon();
  assert.ok(existsSync(late.path('args.json')));
});

test('a folder that cannot be made is named', ({ dir }) => {
  writeFileSync(join(dir, 'file'), '');
  assert.match(
    refusal(() => RunFolder.create(argsIn(dir, { saved_model: join(dir, 'file') }))),
    /file: expected a folder or nothing there, found a file; check --saved_model/,
  );
  const message = refusal(() => RunFolder.create(argsIn(dir, { saved_model: join(dir, 'file', 'run') })));
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
  const folder = RunFolder.create(argsIn(dir));
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
    [good.replace('"densenet"', '"resnet"'), /args.json: --network expects one of densenet, bregnext, found "resnet"/],
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
      'val_ccc_arousal,seconds\n1,0.001,0.3333333333333333,1e-7,,0,nan,inf,,1,,,12.5\n',
  );
  assert.equal(parseResults(text, 'x'), [ROW]);
  assert.equal(parseResults(formatResults([]), 'x'), []);
  const late = [{ ...ROW, epoch: 6 }];
  assert.equal(parseResults(formatResults(late), 'x'), late, 'a run that took up a checkpoint of epoch 5');
  assert.match(
    refusal(() => parseResults(text.replace('12.5', '12.5,3'), 'r.csv')),
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

test('resuming takes what does not change the numbers, and more epochs; nothing else', ({ dir }) => {
  const args = argsIn(dir);
  const saved_model = RunFolder.create(args).dir;
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
    /--lr 0.1 differs from the run's own 0.001.*what may differ: image_dir, data, val_data, saved_model, workers, gpu, tune, cache, epochs/,
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
  const folder = RunFolder.create(argsIn(dir, { data, val_data }));
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
  const folder = RunFolder.create(argsIn(dir, { data, val_data }));
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

test('a cosine schedule depends on the number of epochs, so that resuming cannot change it', ({ dir }) => {
  const { dir: run } = RunFolder.create(argsIn(dir, { schedule: 'cosine' }));
  assert.match(
    refusal(() => readRunToResume(run, { epochs: 20 })),
    /--epochs 20 differs/,
  );
});

test.run();
