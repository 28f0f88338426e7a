// steps.csv and layers.jsonl as a run appends to them, and where a resume cuts them: a folder of the test's own.
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LayerLog } from '../../src/train/loop/layer_log';
import type { BatchResult, Learner } from '../../src/train/loop/learner';
import { StepLog } from '../../src/train/loop/step_log';
import type { RunFolder } from '../../src/train/run/run_folder';
import { STEPS_HEADER } from '../../src/train/run/steps';

const test = suite('appended', { dir: '' });
test.before.each((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-appended-'));
});
test.after.each(({ dir }) => rmSync(dir, { recursive: true }));

/** What the logs ask of a run's folder. */
const folderIn = (dir: string): RunFolder =>
  ({
    path: (name: string) => join(dir, name),
    append: (name: string, text: string) => appendFileSync(join(dir, name), text),
    cut(name: string, lengthOf: (bytes: Buffer) => number) {
      const bytes = readFileSync(join(dir, name));
      writeFileSync(join(dir, name), bytes.subarray(0, lengthOf(bytes)));
    },
  }) as unknown as RunFolder;

const BATCH = {
  loss: 1.5,
  cat: 1.25,
  cont: null,
  labels: [1, 2, 3, 4],
  predicted: [1, 0, 0, 4],
} as unknown as BatchResult;

test('steps.csv: the header once, a row a batch with its accuracy; behind the checkpoint they are written anew', ({
  dir,
}) => {
  const log = new StepLog(folderIn(dir));
  const text = () => readFileSync(join(dir, 'steps.csv'), 'utf8');
  const row = (step: number) => `${step},1,1.5,1.25,,0.5,0.1\n`;
  for (let step = 1; step <= 3; step++) log.add({ step, epoch: 1, lr: 0.1 }, BATCH);
  log.flush();
  log.flush();
  assert.is(text(), STEPS_HEADER + row(1) + row(2) + row(3));
  log.add({ step: 4, epoch: 1, lr: 0.1 }, BATCH);
  log.restore(2);
  log.flush();
  assert.is(text(), STEPS_HEADER + row(1) + row(2), 'what waited is gone, too');
  log.add({ step: 3, epoch: 1, lr: 0.1 }, { ...BATCH, predicted: [1, 2, 3, 4] });
  log.end();
  assert.is(text(), `${STEPS_HEADER + row(1) + row(2)}3,1,1.5,1.25,,1,0.1\n`);
  const full = (): never => {
    throw new Error('no room');
  };
  const ending = new StepLog({ ...folderIn(dir), append: full } as unknown as RunFolder);
  assert.throws(() => {
    ending.add({ step: 4, epoch: 1, lr: 0.1 }, BATCH);
    ending.flush();
  }, /no room/);
  ending.end();
});

test('steps.csv: rows wait for a pause of 300 ms, and what does not wait makes no file', ({ dir }) => {
  const file = join(dir, 'steps.csv');
  const log = new StepLog(folderIn(dir));
  log.flush();
  assert.not(existsSync(file));
  const batches = () => readFileSync(file, 'utf8').split('\n').length - 2;
  let now = 1000;
  performance.now = () => now;
  try {
    const paused = new StepLog(folderIn(dir));
    for (const [at, appended] of [
      [1000, 1],
      [1100, 1],
      [1250, 1],
      [1350, 4],
      [1600, 4],
      [1700, 6],
    ] as const) {
      now = at;
      paused.add({ step: 1, epoch: 1, lr: 0.1 }, BATCH);
      assert.is(batches(), appended, `${at}`);
    }
  } finally {
    delete (performance as { now?: unknown }).now;
  }
  assert.ok(performance.now() !== now);
});

test('layers.jsonl: lines of epochs that are done stay', ({ dir }) => {
  const log = new LayerLog(folderIn(dir), {} as Learner, null);
  const file = join(dir, 'layers.jsonl');
  const line = (epoch: number) => `{"epoch":${epoch},"layers":[${'1,'.repeat(20)}1]}\n`;
  const lines = [0, 1, 2, 10].map(line);
  const kept = (text: string, epoch: number): string => {
    writeFileSync(file, text);
    log.restore(epoch);
    return readFileSync(file, 'utf8');
  };
  for (const [epoch, n] of [
    [0, 1],
    [1, 2],
    [2, 3],
    [9, 3],
    [10, 4],
    [11, 4],
  ] as const)
    for (const half of ['', '{"epo', line(3).trimEnd()])
      assert.is(kept(lines.join('') + half, epoch), lines.slice(0, n).join(''), `${epoch}: ${half}`);
  assert.is(kept('', 3), '');
  assert.is(kept(`${line(0)}\n${line(1)}`, 3), line(0), 'what is no line of an epoch, and what follows, goes');
  assert.is(kept(`x\n${line(0)}`, 3), '');
});

test.run();
