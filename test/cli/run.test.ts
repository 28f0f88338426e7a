// The program from drawn faces to predictions, on whatever adapter there is: small pictures, a few steps.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheDir } from '../../src/device/node';
import { readSafetensors } from '../../src/formats/safetensors';
import { readRun } from '../../src/train/run/read_run';
import { type Ended, type RunOptions, run } from './program';

const test = suite('runs');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-runs-'));
test.after(() => rmSync(dir, { recursive: true }));

const faces = join(dir, 'faces');
const [whole, stopped] = [join(dir, 'whole'), join(dir, 'stopped')];
const EPOCHS = 3;

/** Runs the program and expects an exit code. */
async function ends(code: number, args: string, options: RunOptions = {}): Promise<Ended> {
  const ended = await run(args.split(' '), options);
  assert.is(ended.code, code, `${args}\n${ended.out}\n${ended.err}`);
  return ended;
}

const train = (to: string) =>
  `train --image_dir ${faces} --data ${faces}/training.csv --val_data ${faces}/validation.csv --emb random ` +
  `--network denselite --image_size 32 --batch_size 8 --epochs ${EPOCHS} --cache off --workers 1 --saved_model ${to}`;

test('training writes its files and says how it goes', async () => {
  await ends(0, `synth --out ${faces} --n 42 --validation 14 --size 48`);
  const { out, err } = await ends(0, train(whole));
  for (let epoch = 1; epoch <= EPOCHS; epoch++) assert.match(out, new RegExp(`epoch ${epoch}/${EPOCHS}: loss \\d`));
  assert.match(out, /accuracy +[\d.]+ %\n/);
  assert.match(out, `written to ${whole}`);
  assert.match(err, /adapter: \S/);
  assert.not.match(out + err, '\x1b', 'no control codes where there is no terminal');
  for (const name of [
    'report.html',
    'results.png',
    'confusion_matrix.png',
    'weights/best.safetensors',
    'weights/last.safetensors',
  ]) {
    assert.ok(existsSync(join(whole, name)), name);
  }
  const { rows, metrics, args } = readRun(whole);
  assert.is(rows.length, EPOCHS);
  assert.is(metrics?.accuracy, Math.max(...rows.map((row) => row.val_accuracy)));
  assert.is(
    metrics?.confusion.flat().reduce((a, b) => a + b),
    14,
  );
  assert.is(args.classes.length, 7);
});

test('Ctrl-C saves the run and says how to go on; resumed, it ends with the bits of one that was never stopped', async () => {
  const { err, out } = await ends(130, train(stopped), { interruptAt: /epoch 1\/3: loss/ });
  assert.match(err, /stopping after this step/);
  assert.match(err, `saved; go on with: npx emotion-gcn train --resume --saved_model ${stopped}`);
  assert.not.match(out, /epoch 3\/3/);
  const quiet = await ends(0, `train --resume --saved_model ${stopped} --quiet`);
  assert.match(quiet.out, /^\nsamples +14\naccuracy/, 'the result alone');
  assert.not.match(quiet.err, /^(resumed|adapter:|compiling|epoch)/m, 'what the driver warns of is its own');

  const [a, b] = [whole, stopped].map((run) => readRun(run));
  const timeless = (rows: typeof a.rows) => rows.map((row) => ({ ...row, seconds: 0 }));
  assert.equal(timeless(b.rows), timeless(a.rows));
  assert.equal(b.metrics, a.metrics);
  assert.is(readFileSync(join(stopped, 'steps.csv'), 'utf8'), readFileSync(join(whole, 'steps.csv'), 'utf8'));
  for (const name of ['best', 'last']) {
    const [x, y] = [whole, stopped].map((run) =>
      readSafetensors(readFileSync(join(run, 'weights', `${name}.safetensors`))),
    );
    assert.equal([...y.tensors.keys()], [...x.tensors.keys()]);
    for (const [key, { data }] of x.tensors) assert.equal(y.tensors.get(key)?.data, data, `${name}: ${key}`);
  }
});

/** Every line of stdout is an object: a step as the run took it, an epoch as results.csv has it, a notice, or the result. */
function checkEvents(out: string, to: string): void {
  const events = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const of = (name: string) => events.filter(({ event }) => event === name);
  const { rows, metrics, args } = readRun(to);
  assert.equal(
    of('epoch').map(({ event: _, epochs, best_epoch: __, ...row }) => ({ ...row, epochs })),
    rows.map((row) => ({ ...row, epochs: EPOCHS })),
  );
  assert.is(of('epoch').at(-1).best_epoch, metrics?.best_epoch);
  const steps = of('step').map(({ phase, epoch, step }) => `${phase} ${epoch}.${step}`);
  const each = (phase: string, epoch: number, n: number) =>
    Array.from({ length: n }, (_, i) => `${phase} ${epoch}.${i + 1}`);
  assert.equal(
    steps,
    rows.flatMap(({ epoch }) => [...each('train', epoch, Math.ceil(42 / 8)), ...each('validate', epoch, 2)]),
  );
  for (const { epoch, train_loss, train_accuracy, lr } of rows) {
    const last = of('step')
      .filter((e) => e.phase === 'train' && e.epoch === epoch)
      .at(-1);
    assert.equal([last.train_loss, last.train_accuracy, last.lr], [train_loss, train_accuracy, lr]);
  }
  assert.ok(of('notice').some(({ text }) => /^adapter: /.test(text)));
  assert.equal(events.at(-1), { event: 'result', status: 'finished', saved_model: args.saved_model, ...metrics });
  assert.not('progress' in args);
}

test('train --config repeats a run to the bit, also with a page beside it; with flags it is another, of another optimizer too', async () => {
  const [again, other] = [join(dir, 'again'), join(dir, 'other')];
  let events = '';
  let link: URL | null = null;
  const onOutput = (text: string): void => {
    if (link || !text.includes('\n')) return;
    // Before anything else is printed.
    link = new URL(JSON.parse(text.split('\n')[0]).url);
    get(new URL(`/events${link.search}`, link), (response) => response.on('data', (part) => (events += part)));
  };
  const repeat = `train --config ${whole}/args.json --saved_model ${again} --progress json --ui 0`;
  const { out, err } = await ends(0, repeat, { onOutput });
  checkEvents(out, again);
  assert.match(events, /event: run\ndata: .*"steps".*\n\nevent: end\ndata: \{\}\n\n$/s);
  assert.not.match(err, /^(adapter:|compiling|epoch)/m);
  for (const file of [
    ...['weights/best.safetensors', 'weights/last.safetensors', 'metrics.json', 'predictions.csv'],
    ...['hashes.csv', 'steps.csv'],
  ])
    assert.ok(readFileSync(join(again, file)).equals(readFileSync(join(whole, file))), file);
  const { saved_model: _, ...own } = readRun(whole).args;
  assert.equal({ ...readRun(again).args, saved_model: whole }, { ...own, saved_model: whole });

  const adam = await ends(0, `train --config ${whole} --saved_model ${other} --optimizer adam --epochs 1 --ui 0`);
  assert.match(adam.out, /^http:\/\/127\.0\.0\.1:\d+\/\?token=[0-9a-f]{32}\nepoch 1/);
  const wanted = { ...own, optimizer: 'adam', epochs: 1, momentum: null, betas: [0.9, 0.999], eps: 1e-8 };
  assert.equal(readRun(other).args, { ...wanted, saved_model: other });

  for (const [flags, message] of [
    [`--config ${whole}`, /^error: missing: --saved_model DIR$/m],
    [`--config ${whole} --saved_model ${again}`, /^error: \S+again holds a run already/m],
    [`--config ${whole} --resume --saved_model ${again}`, /^error: --resume goes on with a run as it is/m],
    [`--config ${faces} --saved_model ${dir}/none`, /^error: --config expects the args.json of a run, found nothing/m],
  ] as const)
    assert.match((await ends(2, `train ${flags}`)).err, message);
});

test('cache --clear while a training runs: it goes on, and ends', async () => {
  const home = join(dir, 'home');
  mkdirSync(join(home, 'emotion-gcn'), { recursive: true });
  // The drivers of this machine; clearing removes the link alone.
  const driver = join(cacheDir(), 'lavapipe');
  if (existsSync(driver)) symlinkSync(driver, join(home, 'emotion-gcn', 'lavapipe'));
  const env = { XDG_CACHE_HOME: home };
  const to = join(dir, 'uncached');
  let cleared: Promise<Ended> | undefined;
  await ends(0, train(to).replace('--cache off ', ''), {
    env,
    onOutput: (text) => {
      if (/compiling kernels/.test(text)) cleared ??= ends(0, 'cache --clear', { env });
    },
  });
  assert.match((await cleared)?.out ?? '', /removed from \S+: *\n(annotations .*\n)?crops/);
  assert.is(readRun(to).rows.length, EPOCHS);
  assert.ok(existsSync(driver));
});

test('evaluation of the validation set gives the metrics that training gave', async () => {
  const command = `evaluate --saved_model ${whole} --image_dir ${faces} --data ${faces}/validation.csv --batch_size 8 --cache off`;
  const { out, err } = await ends(0, `${command} --format json`);
  const written = join(whole, 'evaluate', 'validation');
  assert.match(err, `written to ${written}`);
  const { best_epoch: _, ...metrics } = readRun(whole).metrics!;
  const { intervals, measured, ...printed } = JSON.parse(out);
  assert.equal(printed, metrics);
  assert.ok(intervals.accuracy[0] <= metrics.accuracy && metrics.accuracy <= intervals.accuracy[1]);
  assert.equal(JSON.parse(readFileSync(join(written, 'metrics.json'), 'utf8')), { ...metrics, intervals });
  assert.is(
    readFileSync(join(written, 'predictions.csv'), 'utf8'),
    readFileSync(join(whole, 'predictions.csv'), 'utf8'),
  );
  const csv = await ends(0, `${command} --format csv`);
  assert.match(csv.out, /^figure,value,low,high\nsamples,\d+,,\naccuracy,/);
  for (const picture of ['confusion_matrix', 'reliability']) assert.ok(existsSync(join(written, `${picture}.png`)));
  const file = join(faces, 'validation.csv');
  const hash = createHash('sha256').update(readFileSync(file)).digest('hex');
  const { classes } = metrics;
  assert.equal(measured, { file, layout: 'csv', hash, rows: 14, samples: 14, classes, tta: 'off' });
  const { data, weights, ...kept } = JSON.parse(readFileSync(join(written, 'manifest.json'), 'utf8'));
  assert.equal({ ...kept, hash: data[file] }, measured);
  assert.is(weights, 'weights/best.safetensors');
  assert.match(csv.out, `measured_hash,${hash},,`);
  // Another thing measured, in a folder of its own.
  const flipped = await ends(0, `${command} --tta flip`);
  assert.match(flipped.out, /^measured +\S+validation.csv\nlayout +csv: 14 rows, 14 faces\n/);
  assert.match(flipped.out, /--tta +flip: mean scores of each picture and its mirror image/);
  assert.match(flipped.err, `written to ${written}-2`);

  renameSync(join(whole, 'evaluate'), join(dir, 'kept'));
  writeFileSync(join(whole, 'evaluate'), 'no folder');
  const unwritten = await ends(2, `${command} --format csv`);
  assert.is(unwritten.out, csv.out, 'the figures come first');
  assert.match(unwritten.err, /^error: \S+evaluate: cannot be written/m);
  rmSync(join(whole, 'evaluate'));
  renameSync(join(dir, 'kept'), join(whole, 'evaluate'));
});

test('report prints the metrics and draws the pictures again', async () => {
  rmSync(join(whole, 'label_graph.svg'));
  const { out, err } = await ends(0, `report --saved_model ${whole}`);
  assert.match(out, /^samples +\d+\naccuracy/);
  assert.match(err, 'results, confusion_matrix, reliability, valence_arousal, label_graph');
  assert.ok(existsSync(join(whole, 'label_graph.svg')));
});

test('what export writes predicts as the run does', async () => {
  const face = join(faces, 'images', 'validation', '00000.jpg');
  const { out } = await ends(0, `predict --faces none --saved_model ${whole} --format csv ${face}`);
  for (const format of ['pth', 'safetensors']) {
    const file = join(dir, `exported.${format}`);
    const { out: said } = await ends(0, `export --saved_model ${whole} --format ${format} --out ${file}`);
    assert.match(said, `written: ${file}`);
    const flags = `--checkpoint ${file} --emb ${join(whole, 'emb.safetensors')} --image_size 32`;
    assert.is((await ends(0, `predict --faces none ${flags} --format csv ${face}`)).out, out);
  }
  assert.ok(existsSync(join(dir, 'config.json')));
  const needless = await ends(2, `predict --faces none --saved_model ${whole} --image_size 32 ${face}`);
  assert.match(needless.err, /--image_size 32: the run in --saved_model has its own/);
});

test('prediction: JSON as documented, and a table', async () => {
  const images = ['00000', '00001'].map((name) => join(faces, 'images', 'validation', `${name}.jpg`));
  const { out } = await ends(0, `predict --faces none --saved_model ${whole} --json ${images.join(' ')}`);
  const { classes } = readRun(whole).args;
  const predictions = JSON.parse(out);
  assert.equal(
    predictions.map((p: { image: string }) => p.image),
    images,
  );
  for (const { expression, probabilities, valence, arousal, image, ...rest } of predictions) {
    assert.ok(images.includes(image));
    assert.equal(rest, {});
    assert.equal(Object.keys(probabilities), classes);
    const values = Object.values<number>(probabilities);
    assert.ok(Math.abs(values.reduce((a, b) => a + b) - 1) < 1e-5);
    assert.is(probabilities[expression], Math.max(...values));
    assert.ok(Number.isFinite(valence) && Number.isFinite(arousal));
  }
  const table = await ends(0, `predict --faces none --saved_model ${whole} ${images[0]}`);
  assert.match(table.out, /^image +expression +Neutral .* valence +arousal\n\S+00000.jpg +[A-Z][a-z]+ .*\d\.\d %/);
  assert.match(
    (await ends(2, `predict --faces none --saved_model ${whole} ${images[0]} nothing.jpg`)).err,
    /nothing.jpg: no such file/,
  );
});

test('prediction: folders and lists; by boxes and landmarks the faces of validation, and what was said of them there', async () => {
  const csv = await ends(
    0,
    `predict --faces none --saved_model ${whole} --format csv --image_dir ${faces} ${faces}/validation.csv`,
  );
  const [header, ...rows] = csv.out.trim().split('\n');
  assert.match(header, /^image,expression,Neutral,.*,valence,arousal$/);
  const before = readFileSync(join(whole, 'predictions.csv'), 'utf8').trim().split('\n').slice(1);
  assert.is(rows.length, before.length);
  for (const [i, row] of rows.entries()) {
    const [image, expression, ...rest] = row.split(',');
    const [known, , predicted, , , valence] = before[i].split(',');
    assert.ok(image.endsWith(known));
    assert.is(expression, predicted);
    // Another batch size may choose another tile: sums in another order.
    assert.ok(Math.abs(Number(rest.at(-2)) - Number(valence)) < 1e-4);
  }

  const images = join(faces, 'images', 'validation');
  const folder = join(dir, 'pictures');
  mkdirSync(folder);
  writeFileSync(join(folder, 'b.png'), 'no picture');
  copyFileSync(join(images, '00000.jpg'), join(folder, 'a.jpg'));
  const list = join(dir, 'list.txt');
  writeFileSync(list, `${join(images, '00000.jpg')}\r\n\nnothing.jpg\n`);
  const lines = await ends(0, `predict --faces none --saved_model ${whole} --format jsonl ${folder} ${list}`);
  const [a, b, ...more] = lines.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(more, []);
  assert.equal([a.image, b.image], [join(folder, 'a.jpg'), join(images, '00000.jpg')]);
  assert.equal(a.probabilities, b.probabilities);
  assert.match(lines.err, /left out: \S+b.png: not an image/);
  assert.match(lines.err, /left out: \S+nothing.jpg: no such file/);

  writeFileSync(join(folder, 'boxes.csv'), 'image,face_x,face_y,face_width,face_height\na.jpg,-3,0,40,x\n');
  const wrong = await ends(2, `predict --faces none --saved_model ${whole} ${join(folder, 'boxes.csv')}`);
  assert.match(wrong.err, /boxes.csv: line 2: face_height: expected a number/);
  rmSync(join(folder, 'a.jpg'));
  assert.match(
    (await ends(2, `predict --faces none --saved_model ${whole} ${folder}`)).err,
    /none of the pictures in \S+ can be used/,
  );
});

test.run();
