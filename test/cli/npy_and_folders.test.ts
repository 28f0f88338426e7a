// Training and evaluating on what people have, as processes of their own: the npy release and a folder a class.
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from './program';

const test = suite('npy and folders');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-test-'));
test.after(() => rmSync(dir, { recursive: true }));

const SMALL = '--network denselite --image_size 32 --batch_size 4 --limit 8 --epochs 1 --cache off --workers 1';
const ran = async (line: string) => {
  const ended = await run(line.split(' '), { cwd: dir });
  assert.is(ended.code, 0, `${line}\n${ended.err}`);
  return ended;
};
const argsOf = (saved: string) => JSON.parse(readFileSync(join(dir, saved, 'args.json'), 'utf8'));
/** Rows of the predictions of a run's validation set. */
const predicted = (saved: string): string[] =>
  readFileSync(join(dir, saved, 'predictions.csv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1);

test.before(async () => {
  await ran('synth --layout npy --out npy --n 28 --validation 14 --size 48');
  await ran('synth --layout folders --out classes --n 28 --validation 14 --size 32');
});

test('the npy release: trained, gone on with, evaluated, with faces levelled and as they are', async () => {
  await ran(`train --data npy --model multi_task ${SMALL} --saved_model levelled`);
  assert.equal([argsOf('levelled').image_dir, argsOf('levelled').align], [null, true]);
  assert.is(predicted('levelled').length, 14);
  await ran(
    `train --data npy/train_set --val_data npy/val_set --model multi_task --align off ${SMALL} --saved_model asis`,
  );
  assert.is(argsOf('asis').align, false);
  assert.is(predicted('asis').length, 14);
  assert.not.equal(predicted('levelled'), predicted('asis'));
  const { out } = await ran('evaluate --saved_model asis --data npy/val_set --cache off --format json');
  // As the run itself has measured: --align is the run's.
  const { accuracy, ccc_valence } = JSON.parse(readFileSync(join(dir, 'asis/metrics.json'), 'utf8'));
  assert.equal([JSON.parse(out).accuracy, JSON.parse(out).ccc_valence], [accuracy, ccc_valence]);
  // Moved, and gone on with.
  renameSync(join(dir, 'npy'), join(dir, 'moved'));
  const on = 'train --resume --saved_model levelled --epochs 2';
  const lost = await run(on.split(' '), { cwd: dir });
  assert.is(lost.code, 2);
  assert.match(lost.err, /--data expects a file or a folder, found nothing .*if the data were moved/);
  await ran(`${on} --data moved`);
  assert.is(argsOf('levelled').data, join(dir, 'moved'));
  // What is missing is named, and ends a command only where it is much.
  rmSync(join(dir, 'moved/val_set/annotations/3_lnd.npy'));
  const { code, err } = await run('evaluate --saved_model levelled --data moved --cache off'.split(' '), { cwd: dir });
  assert.is(code, 2);
  assert.match(err, /1 of 14 rows .*images\/3.jpg: there is no annotations\/3_lnd.npy; --align off/s);
});

test('a folder a class: names as people write them, a link, without and with valence and arousal', async () => {
  const train = join(dir, 'classes/train');
  for (const [from, to] of Object.entries({ Happy: 'HAPPINESS ', Sad: 'sadness', Anger: 'Angry' }))
    renameSync(join(train, from), join(train, to));
  renameSync(join(train, 'Fear'), join(dir, 'classes/elsewhere'));
  symlinkSync('../elsewhere', join(train, 'fearful'));
  rmSync(join(dir, 'classes/valence_arousal.csv'));
  const outside = await run(`train --data classes --model single_task ${SMALL} --saved_model no`.split(' '), {
    cwd: dir,
  });
  assert.is(outside.code, 2);
  assert.match(outside.err, /fearful\/\d+.jpg: leads out of .*--image_dir \/ allows any/);
  const single = await ran(
    `train --data classes --image_dir . --model single_task ${SMALL} --dry_run --saved_model no`,
  );
  assert.match(single.err, /28 training and 14 validation faces/);
  const failed = await run(`train --data classes/val --model multi_task ${SMALL} --saved_model no`.split(' '), {
    cwd: dir,
  });
  assert.is(failed.code, 2);
  assert.match(failed.err, /none of 14 faces has valence and arousal/);
  const files = readdirSync(join(dir, 'classes/val'), { recursive: true, encoding: 'utf8' }).filter((f) =>
    f.endsWith('.jpg'),
  );
  const rows = files.map((file, i) => `val/${file},${i / 14},${-i / 14}`);
  writeFileSync(join(dir, 'classes/valence_arousal.csv'), `file,valence,arousal\n${rows.join('\n')}\n`);
  await ran(`train --data classes/val --val_fraction 0.5 --model multi_task ${SMALL} --dry_run --saved_model no`);
});

test.run();
