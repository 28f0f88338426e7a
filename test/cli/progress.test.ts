// What is drawn in place on a terminal, and what --progress and --quiet make of a run: on a terminal that tests look at.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomStream, randomUniform } from '../../src/base/random';
import { Live } from '../../src/cli/live';
import { countPanel, SparkCurve, spark, stepPanel } from '../../src/cli/panel';
import { ProgressView } from '../../src/cli/progress';
import { type ProgressKind, Terminal } from '../../src/cli/terminal';
import type { StepEvent } from '../../src/train/loop/events';
import type { EpochRow } from '../../src/train/run/results';
import { given } from '../given';
import { programFile } from './program';
import { FakeTerminal } from './screen';

const EVENT: StepEvent = {
  ...{ phase: 'train', epoch: 2, epochs: 5, step: 45, steps: 120, loss: 1.234, cat: 0.9, cont: 0.334 },
  ...{ batchLoss: 1.2, lr: 3e-4, imagesPerSecond: 32.1, bytes: 612 * 2 ** 20, accuracy: 0.451 },
  best: { epoch: 0, accuracy: 0.612, loss: 1.5, ccc: 0.4 },
};
const falling = new SparkCurve();
for (let i = 0; i < 10; i++) falling.add(10 - i);
const plain = (columns: number) => ({ columns, colours: false });

test('a run: epochs, steps, pace, memory, time left, the best, and the loss with its parts and as a curve', () => {
  const of = { left: 83, by: 'accuracy', curve: falling } as const;
  assert.equal(stepPanel(EVENT, of, plain(79)), [
    'epoch ━━━━╌╌╌╌╌╌╌╌╌╌╌  2/5  1:23 left  best 61.2 % (epoch 1)',
    'train ━━━━━━╌╌╌╌╌╌╌╌╌  45/120  32.1 images/s  612 MiB',
    'loss  █▇▆▆▅▄▃▃▂▁       1.234  (0.900 + 0.334)  accuracy 45.1 %  lr 0.0003',
  ]);
  assert.equal(
    stepPanel(EVENT, of, plain(39)),
    [
      'epoch ━━╌╌╌╌╌╌  2/5  1:23 left',
      'train ━━━╌╌╌╌╌  45/120  32.1 images/s',
      'loss  █▇▆▅▄▃▂▁  1.234  (0.900 + 0.334)',
      '       best 61.2 % (epoch 1)  612 MiB',
      '       accuracy 45.1 %  lr 0.0003',
    ],
    'a narrow terminal has more lines',
  );
  const val = { ...EVENT, phase: 'validate', epochs: 1, epoch: 1, loss: null, cat: null, cont: null } as const;
  assert.equal(stepPanel({ ...val, lr: null, best: null }, { ...of, left: Number.NaN }, plain(79)), [
    'val ━━━━━━╌╌╌╌╌╌╌╌╌  45/120  32.1 images/s  612 MiB  accuracy 45.1 %',
  ]);
  const [best] = stepPanel(EVENT, { ...of, by: 'loss' }, plain(79));
  assert.match(best, 'best loss 1.500 (epoch 1)');
  assert.match(stepPanel(EVENT, { ...of, by: 'ccc' }, plain(79))[0], 'best CCC 0.400 (epoch 1)');
});

test('a count: with its time left, or of nobody knows how many', () => {
  assert.equal(countPanel({ what: 'finding faces', done: 30, total: 120, perSecond: 2 }, plain(79)), [
    'finding faces ━━━━╌╌╌╌╌╌╌╌╌╌╌  30/120  0:45 left  2.00 a second',
  ]);
  assert.equal(countPanel({ what: 'predictions', done: 30, total: null, perSecond: 2.5 }, plain(79)), [
    'predictions  30  2.50 a second',
  ]);
});

const shown = (line: string): number => [...line.replace(/\x1b\[\d+m/g, '')].length;

test('however narrow, no line is longer than the terminal is wide; colours add nothing to the text', () => {
  for (let columns = 1; columns < 200; columns++)
    for (const event of [EVENT, { ...EVENT, epoch: 1234, epochs: 98765, step: 99999, steps: 123456, loss: 1e9 }]) {
      const of = { left: 1e6, by: 'accuracy', curve: falling } as const;
      const [bare, coloured] = [false, true].map((colours) => stepPanel(event, of, { columns, colours }));
      for (const line of [
        ...bare,
        ...countPanel({ what: 'x'.repeat(30), done: 1, total: 2, perSecond: 1 }, plain(columns)),
      ])
        assert.ok(shown(line) <= columns, `${columns}: ${line}`);
      assert.equal(
        coloured.map((line) => line.replace(/\x1b\[\d+m/g, '')),
        bare,
      );
    }
});

test('the curve is that of all that was added, in few points, without what is no number', () => {
  const curve = new SparkCurve();
  for (let i = 0; i < 1000; i++) curve.add(i % 7 === 3 ? Number.NaN : i);
  assert.ok(curve.points.length >= 30 && curve.points.length < 60, `${curve.points.length}`);
  for (const [i, v] of curve.points.entries()) if (i > 0) assert.ok(v > curve.points[i - 1]);
  assert.ok(curve.points[0] < 20 && (curve.points.at(-1) as number) > 960);
  assert.is(spark(curve.points, 8), '▁▂▃▄▅▆▇█');
  assert.is(spark([], 8), '');
  assert.is(spark([2, 2], 8), '▁▁');
});

test('notices and results stand above what is drawn, each whole and in order, whatever the width becomes', async () => {
  const stream = randomStream('screen', 7);
  let drawn = 0;
  const random = () => randomUniform(stream, drawn++);
  const screen = new FakeTerminal(60);
  const live = new Live(screen);
  const said: string[] = [];
  let lines: string[] = [];
  for (let i = 0; i < 400; i++) {
    const dice = random();
    if (dice < 0.3) {
      lines = Array.from({ length: 1 + Math.floor(4 * random()) }, (_, l) => `bar ${i} ${l} `.padEnd(200, '━'));
      const now = lines;
      live.show((columns) => now.map((line) => line.slice(0, columns)));
    } else if (dice < 0.5) {
      said.push(`notice ${i} ${'word '.repeat(Math.floor(40 * random()))}`.trimEnd());
      live.clear();
      screen.write(`${said.at(-1)}\n`);
    } else if (dice < 0.6) screen.resize(20 + Math.floor(100 * random()));
    else if (dice < 0.63) await wait(110);
    const bars = lines.map((line) => line.slice(0, screen.columns - 1).trimEnd());
    const ends = screen.text.split('\n').slice(-bars.length);
    if (dice >= 0.5 && dice < 0.6 && bars.length > 0) assert.equal(ends, bars, `after ${i}: a resize draws at once`);
  }
  live.end();
  assert.is(screen.text, said.join('\n'));
  assert.equal(screen.place[1], 0);
  screen.resize(200);
  await wait(120);
  assert.is(screen.text, said.join('\n'), 'nothing comes back');
});

test('what another program writes to the terminal (tee) is not lost', () => {
  const screen = new FakeTerminal(60);
  const live = new Live(screen);
  const lines = () => ['one ━━━', 'two ━━━'];
  live.show(lines);
  live.clear();
  screen.write('from elsewhere\n');
  live.show(lines);
  screen.write('^C');
  live.end();
  assert.match(screen.text, /^from elsewhere\n/);
});

const ROW: EpochRow = {
  ...{ epoch: 1, lr: 0.001, train_loss: 2, train_cat: 1.5, train_cont: 0.5, train_accuracy: 0.25 },
  ...{ val_loss: Number.NaN, val_cat: 1, val_cont: null, val_accuracy: 0.5, val_ccc_valence: 0.1 },
  ...{ val_ccc_arousal: 0.2, seconds: 3, skipped: 0 },
};

/** What a run says, by `--progress`. */
function told(progress: ProgressKind): { out: string; err: string } {
  const [out, err] = [new FakeTerminal(100), new FakeTerminal(100)];
  const terminal = new Terminal(out, err);
  terminal.progress = progress;
  const view = new ProgressView(undefined, 'accuracy', terminal);
  view.onNotice('left out: \x1b[2Ja.jpg');
  view.onPrepare(1, 2);
  view.onPrepare(2, 2);
  view.onStep(EVENT);
  view.onEpoch(ROW, EVENT.best!);
  view.onStep({ ...EVENT, phase: 'validate', lr: null, batchLoss: null, loss: Number.NaN });
  terminal.printResult('the result', { samples: 7 });
  view.stop();
  terminal.complain('error: wrong');
  return { out: out.text, err: err.text };
}

test('json: an object a line on stdout, fields as in results.csv, nothing else; errors alone on stderr', () => {
  const { out, err } = told('json');
  assert.is(err, 'error: wrong');
  const events = out.split('\n').map((line) => JSON.parse(line));
  assert.equal(events, [
    { event: 'notice', text: 'left out: \x1b[2Ja.jpg' },
    { event: 'count', what: 'preparing faces', done: 1, total: 2 },
    { event: 'count', what: 'preparing faces', done: 2, total: 2 },
    {
      ...{ event: 'step', phase: 'train', epoch: 2, epochs: 5, step: 45, steps: 120, lr: 3e-4 },
      ...{ train_loss: 1.234, train_cat: 0.9, train_cont: 0.334, train_accuracy: 0.451 },
      ...{ images_per_second: 32.1, seconds_left: null, bytes: 612 * 2 ** 20, best_epoch: 1 },
    },
    { event: 'epoch', ...ROW, val_loss: null, epochs: 5, best_epoch: 1 },
    {
      ...{ event: 'step', phase: 'validate', epoch: 2, epochs: 5, step: 45, steps: 120, lr: null },
      ...{ val_loss: null, val_cat: 0.9, val_cont: 0.334, val_accuracy: 0.451 },
      ...{ images_per_second: 32.1, seconds_left: null, bytes: 612 * 2 ** 20, best_epoch: 1 },
    },
    { event: 'result', samples: 7 },
  ]);
});

test('off: results and errors; lines: the first step of ten seconds, epochs and results on stdout', () => {
  assert.equal(told('off'), { out: 'the result', err: 'error: wrong' });
  assert.equal(told('lines'), {
    out: 'epoch 1/5: loss 2.000  accuracy 25.0 %  validation loss -  accuracy 50.0 %  CCC 0.100 0.200  0:03\nthe result',
    err: 'left out: \\u001b[2Ja.jpg\npreparing faces  1/2\nerror: wrong',
  });
  assert.equal(told('bar').out, told('lines').out);
  assert.is(told('bar').err, 'left out: \\u001b[2Ja.jpg\nerror: wrong', 'bars are gone at the end');
});

const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-progress-'));
test.after(() => rmSync(dir, { recursive: true }));

test('a count has a pace once there are two; of nobody knows how many, the first line comes after ten seconds', () => {
  const [out, err] = [new FakeTerminal(100), new FakeTerminal(100)];
  const terminal = new Terminal(out, err);
  terminal.progress = 'bar';
  new ProgressView('finding faces', 'accuracy', terminal).onPrepare(1, 100);
  assert.match(err.text, /^finding faces [━╌]+ {2}1\/100$/);
  terminal.live.end();
  terminal.progress = 'lines';
  new ProgressView('predictions', 'accuracy', terminal).onPrepare(1, null);
  assert.is(err.text, '');
});

// A container may have the program and no terminals.
const hasTerminals = spawnSync('script', ['-qefc', 'true', '/dev/null'], { stdio: 'ignore' }).status === 0;
const terminal = given(test, hasTerminals, 'terminal (script)');

/**
 * Runs a command on a terminal of 40 columns. Node reads the colours of a terminal from a dozen variables (CI among
 * them): the command has none but ours.
 * @returns its exit code and all that it wrote there
 */
async function onTerminal(args: string, env: NodeJS.ProcessEnv = {}, at?: [when: RegExp, signal: NodeJS.Signals]) {
  const { PATH, HOME } = process.env;
  const inner = `stty cols 40 rows 20; echo $$ > ${dir}/pid; exec ${process.execPath} ${programFile()} ${args}`;
  const child = spawn('script', ['-qefc', inner, '/dev/null'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH, HOME, TERM: 'xterm', ...env },
  });
  let text = '';
  let sent = false;
  child.stdout.on('data', (chunk) => {
    text += chunk;
    if (!at || sent || !at[0].test(text)) return;
    sent = true;
    process.kill(Number(readFileSync(`${dir}/pid`, 'utf8')), at[1]);
  });
  const code = await new Promise((done) => child.on('close', done));
  return { code, text };
}

/** What stands on the terminal in the end. */
function seen(text: string): string {
  const screen = new FakeTerminal(40);
  screen.write(text);
  return screen.text;
}

terminal(
  'on a terminal bars are drawn, and gone in the end; NO_COLOR is respected; the cursor and its modes are left alone',
  async () => {
    const out = join(dir, 'faces');
    const synth = `synth --out ${out} --n 14 --validation 7 --size 32`;
    const names = `${out}/training.csv\n${out}/validation.csv`;
    const coloured = await onTerminal(synth);
    assert.is(coloured.code, 0);
    assert.match(coloured.text, /drawing faces .*━/);
    assert.match(coloured.text, '\x1b[36m');
    assert.is(seen(coloured.text), names);
    const bare = await onTerminal(synth, { NO_COLOR: '1' });
    assert.match(bare.text, /drawing faces .*━/);
    assert.not.match(bare.text, /\x1b\[\d*m/);
    for (const [more, env] of [
      ['--progress lines', {}],
      ['--progress off', {}],
      ['', { TERM: 'dumb' }],
    ] as const) {
      const { text } = await onTerminal(`${synth} ${more}`, env);
      assert.not.match(text, '\x1b', more);
      assert.is(/drawing faces {2}1\/21/.test(text), more !== '--progress off');
    }
  },
);

terminal('a signal leaves the terminal as it was', async () => {
  const args = `synth --out ${join(dir, 'many')} --n 100000 --size 32`;
  const { code, text } = await onTerminal(args, {}, [/drawing faces .*━/, 'SIGTERM']);
  assert.is(code, 143);
  assert.is(seen(text), 'stopping');
});

test.run();
