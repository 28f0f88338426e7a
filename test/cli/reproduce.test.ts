// Same bits: two trainings at once give the same hashes and weights, and `reproduce` finds a run's bits again, or says what differs.
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readSafetensors } from '../../src/formats/safetensors';
import { FORMAT_VERSION } from '../../src/train/run/format';
import { type HashRow, readHashes } from '../../src/train/run/hashes';
import { type Ended, type RunOptions, run } from './program';

const test = suite('reproduce');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-reproduce-test-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const faces = join(dir, 'faces');
const [a, b] = [join(dir, 'a'), join(dir, 'b')];

/** Runs the program and expects an exit code. */
async function ends(code: number, args: string, options: RunOptions = {}): Promise<Ended> {
  const ended = await run(args.split(' '), options);
  assert.is(ended.code, code, `${args}\n${ended.out}\n${ended.err}`);
  return ended;
}

const train = (to: string, more: string) =>
  `train --image_dir ${faces} --data ${faces}/training.csv --val_data ${faces}/validation.csv --emb random ` +
  `--network denselite --image_size 32 --batch_size 2 --grad_accum_steps 3 --epochs 3 --saved_model ${to} ${more}`;

test('two trainings at once, in processes of their own, with other numbers of worker threads: the same hashes and weights', async () => {
  await ends(0, `synth --out ${faces} --n 36 --validation 7 --size 48`);
  await Promise.all([
    ends(0, train(a, '--workers 1 --cache off')),
    ends(0, train(b, `--workers 3 --cache ${join(dir, 'cache')}`)),
  ]);
  // 18 steps an epoch, in groups of 3: at its end, and at that of the group with step 50.
  assert.equal(
    readHashes(a).map(({ epoch, step }) => [epoch, step]),
    [
      [0, 0],
      [1, 18],
      [2, 36],
      [3, 51],
      [3, 54],
    ],
  );
  assert.is(new Set(readHashes(a).map(({ hash }) => hash)).size, 5);
  for (const file of ['hashes.csv', 'weights/best.safetensors', 'predictions.csv', 'metrics.json'])
    assert.ok(readFileSync(join(a, file)).equals(readFileSync(join(b, file))), file);
  const [x, y] = [a, b].map((run) => readSafetensors(readFileSync(join(run, 'weights/last.safetensors'))).tensors);
  for (const [name, { data }] of x) assert.equal(y.get(name)?.data, data, name);

  for (const file of ['args.json', 'manifest.json'])
    assert.is(JSON.parse(readFileSync(join(a, file), 'utf8')).format_version, FORMAT_VERSION);
  for (const which of ['best', 'last']) {
    const { metadata } = readSafetensors(readFileSync(join(a, `weights/${which}.safetensors`)));
    assert.is(metadata.format_version, String(FORMAT_VERSION));
  }
});

test('stopped and resumed, a run has the hashes of one that was not', async () => {
  const stopped = join(dir, 'stopped');
  await ends(130, train(stopped, '--workers 1'), { interruptAt: /epoch 1\/3: loss/ });
  const rows = readHashes(stopped);
  assert.ok(rows.length < 5, `${rows.length}`);
  assert.equal(rows, readHashes(a).slice(0, rows.length));
  // As of a run that died between a row and a checkpoint: a row too many, of steps that are taken again.
  const file = join(stopped, 'hashes.csv');
  writeFileSync(file, `${readFileSync(file, 'utf8')}3,53,0123456789abcdef\n`);
  await ends(0, `train --resume --saved_model ${stopped}`);
  assert.equal(readHashes(stopped), readHashes(a));
});

test('reproduce finds the same bits, also where the data were moved', async () => {
  const { out } = await ends(0, `reproduce --saved_model ${a}`);
  assert.is(out, 'equal up to step 18 (hashes compared: 2)\n');
  const moved = join(dir, 'moved');
  renameSync(faces, moved);
  const gone = await ends(2, `reproduce --saved_model ${a}`);
  assert.match(gone.err, /^error: --image_dir expects a folder, found nothing at .*; if the data were moved, give/m);
  const places = `--image_dir ${moved} --data ${moved}/training.csv --val_data ${moved}/validation.csv`;
  const later = await ends(0, `reproduce --saved_model ${b} --steps 19 --workers 2 --cache off ${places}`);
  assert.is(later.out, 'equal up to step 36 (hashes compared: 3)\n');
  renameSync(moved, faces);
});

/** A copy of a run with some of its files changed. */
function changed(name: string, files: Record<string, (text: string) => string>): string {
  const to = join(dir, name);
  cpSync(a, to, { recursive: true });
  for (const [file, change] of Object.entries(files))
    writeFileSync(join(to, file), change(readFileSync(join(to, file), 'utf8')));
  return to;
}

const second = (change: (row: HashRow) => string) => (text: string) => {
  const lines = text.split('\n');
  const [epoch, step, hash] = lines[2].split(',');
  lines[2] = `${epoch},${step},${change({ epoch: Number(epoch), step: Number(step), hash })}`;
  return lines.join('\n');
};
const other = second(({ hash }) => hash.replace(/^./, (c) => (c === '0' ? '1' : '0')));

test('reproduce says the first row that differs, and what else does', async () => {
  const plain = await ends(1, `reproduce --saved_model ${changed('plain', { 'hashes.csv': other })}`);
  const [, row] = readHashes(a);
  assert.match(
    plain.out,
    new RegExp(`^different at step 18: ${row.hash}, the run has [01]${row.hash.slice(1)}; equal up to step 0\n`),
  );
  assert.match(plain.out, /\nof what is recorded nothing differs/);

  const lr = (text: string) => text.replace('"lr": 0.001', '"lr": 0.002');
  const settings = await ends(1, `reproduce --saved_model ${changed('lr', { 'args.json': lr })}`);
  assert.match(settings.out, /^different at step 18: .*\nsettings: args\.json was changed since the run began\n$/);

  // Another order of the same faces.
  const csv = join(faces, 'training.csv');
  const before = readFileSync(csv, 'utf8');
  const [header, first, next, ...rest] = before.split('\n');
  writeFileSync(csv, [header, next, first, ...rest].join('\n'));
  const data = await ends(1, `reproduce --saved_model ${a}`);
  assert.match(data.out, /^different at step 18: .*\ndata: --data has the hash [^\n]*\n$/);
  writeFileSync(csv, before);
});

test('reproduce refuses what it cannot compare', async () => {
  const none = await ends(2, `reproduce --saved_model ${join(dir, 'none')}`);
  assert.match(none.err, /^error: --saved_model expects the folder of a run, found nothing there/m);
  rmSync(join(changed('older', {}), 'hashes.csv'));
  const older = await ends(2, `reproduce --saved_model ${join(dir, 'older')}`);
  assert.match(older.err, /^error: \S+older: no hashes\.csv to compare with/m);
  const torn = changed('torn', { 'hashes.csv': (text) => text.slice(0, 40) });
  assert.match(
    (await ends(2, `reproduce --saved_model ${torn}`)).err,
    /^error: \S+hashes\.csv: line 3: expected an epoch/m,
  );
});

test('a run that began with weights of a file is found again while that is there, and told when it is another', async () => {
  const [file, tuned] = [join(dir, 'weights.safetensors'), join(dir, 'tuned')];
  cpSync(join(a, 'weights/best.safetensors'), file);
  await ends(0, `${train(tuned, '--limit 4')} --pretrained ${file} --epochs 1`);
  assert.equal(
    readHashes(tuned).map(({ step }) => step),
    [0, 2],
  );
  const { out } = await ends(0, `reproduce --saved_model ${tuned}`);
  assert.is(out, 'equal up to step 2 (hashes compared: 2)\n');
  cpSync(join(tuned, 'weights/last.safetensors'), file);
  const other = await ends(1, `reproduce --saved_model ${tuned}`);
  assert.match(
    other.out,
    /^different at step 0: \w{16}, the run has \w{16}\ndata: --pretrained has the hash [^\n]*\n$/,
  );
  rmSync(file);
  const gone = await ends(2, `reproduce --saved_model ${tuned}`);
  assert.match(gone.err, /^error: --pretrained expects a file, found nothing at/m);
});

test('Ctrl-C ends reproduce', async () => {
  const { out } = await ends(130, `reproduce --saved_model ${a} --steps 54`, { interruptAt: /compiling kernels/ });
  assert.is(out, '');
});

test.run();
