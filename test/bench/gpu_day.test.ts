// npm run gpu:day: its limits with parts that hang, fail and find no time; cut in the middle and taken up; and in short, on the CPU's adapter.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runDay } from '../../bench/gpu_day/day';
import type { DayOptions, Part, Results } from '../../bench/gpu_day/results';
import { sizeFor } from '../../bench/gpu_day/sizes';
import { InputError } from '../../src/base/errors';
import { failure } from '../train/failure';

const test = suite('gpu:day');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-day-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const resultsOf = (out: string): Results => JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
const pageOf = (out: string): string => readFileSync(join(out, 'gpu-day.md'), 'utf8');

/** A part of one command, which is JavaScript. */
const part = (name: string, share: number, code: string): Part => ({
  ...{ name, title: `Part ${name}`, share },
  commands: () => [{ label: name, argv: () => [process.execPath, '-e', code] }],
});
const QUICK = part('quick', 8, `console.log('{"work":"w","ms":3}'); console.log('said')`);
const HANGS = part('hangs', 4, `console.log('{"work":"before"}'); setInterval(() => {}, 1000)`);
const FAILS = part('fails', 8, `console.error('error: no such kernel'); process.exit(3)`);

/** Runs parts without a word on the terminal. */
async function day(
  parts: readonly Part[],
  options: DayOptions,
): Promise<{ failed: boolean; said: string[]; seconds: number }> {
  const said: string[] = [];
  const { log } = console;
  console.log = (line: string) => void said.push(line);
  const start = performance.now();
  try {
    return { failed: await runDay(parts, options), said, seconds: (performance.now() - start) / 1000 };
  } finally {
    console.log = log;
  }
}

test('a part that hangs is killed at its limit, one that fails is told with its reason, and the others run', async () => {
  const out = join(dir, 'faults');
  const minutes = 0.6;
  const { failed, said, seconds } = await day([FAILS, HANGS, QUICK], { minutes, out });
  assert.ok(failed);
  assert.ok(seconds < 60 * minutes, `${seconds} s`);
  const { parts } = resultsOf(out);
  assert.equal(
    Object.values(parts).map((p) => p.state),
    ['failed', 'failed', 'done'],
  );
  assert.is(parts.fails.commands[0].reason, 'exit 3: error: no such kernel');
  assert.match(parts.hangs.commands[0].reason ?? '', /^killed at its limit of \d+ s/);
  assert.equal(parts.hangs.commands[0].rows, [{ work: 'before' }]);
  assert.equal([parts.quick.commands[0].rows, parts.quick.commands[0].lines], [[{ work: 'w', ms: 3 }], ['said']]);
  const page = pageOf(out);
  for (const told of ['exit 3: error: no such kernel', 'killed at its limit', '{"work":"before"}'])
    assert.ok(page.includes(told), told);
  assert.match(said.at(-1) ?? '', /^3 parts: 2 failed, 1 done; .*gpu-day\.md$/);
});

test('a part without time is no failure, and --from takes it up beside what is there', async () => {
  const out = join(dir, 'late');
  const parts = (share: number): Part[] => [QUICK, { ...QUICK, name: 'late', share }, { ...QUICK, name: 'last' }];
  const first = await day(parts(0.01), { minutes: 0.5, out });
  assert.is(first.failed, false);
  assert.is(resultsOf(out).parts.late.state, 'no time');
  assert.match(pageOf(out), /late .* no time .* no time was left: `--from late` takes it up/);
  assert.match(first.said.at(-1) ?? '', /--from late goes on/);
  const second = await day(parts(8), { minutes: 0.5, out, from: 'late' });
  const { parts: found, starts } = resultsOf(out);
  assert.equal([second.failed, found.quick.state, found.late.state, starts.length], [false, 'done', 'done', 2]);
  assert.equal(found.quick.commands[0].rows, [{ work: 'w', ms: 3 }]);
  const error = await failure(runDay(parts(1), { minutes: 1, out, from: 'none' }));
  assert.instance(error, InputError);
  assert.match(error.message, /--from none: expected a part \(quick, late, last\)/);
});

test('sizes follow the speed and the time', () => {
  const name = (gflops: number, seconds: number): string => {
    const { network, size, batch } = sizeFor({ gflops, software: gflops < 100 }, seconds, 12);
    return `${network} ${size} b${batch}`;
  };
  assert.is(name(5000, 50), 'densenet 227 b35');
  assert.is(name(50, 50), 'densenet 112 b8');
  assert.is(name(1, 5), 'denselite 32 b4');
});

/** The program itself, on the CPU's adapter. */
function start(...args: string[]): ChildProcess & { said: () => string } {
  const child = spawn(process.execPath, ['scripts/run.mjs', 'bench/gpu_day/gpu_day.ts', '--gpu', 'software', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  return Object.assign(child, { said: () => text });
}
const ended = (child: ChildProcess): Promise<number | null> => new Promise((done) => child.on('close', done));
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

test('killed in the middle it has what was found, nothing runs on, and --from goes on with it', async () => {
  const out = join(dir, 'cut');
  const first = start('--minutes', '5', '--out', out);
  const gone = ended(first);
  const compared = (): number =>
    existsSync(join(out, 'results.json')) ? (resultsOf(out).parts.goldens?.commands[0]?.lines.length ?? 0) : 0;
  for (let i = 0; compared() < 3; i++) {
    assert.ok(i < 1200 && first.exitCode === null, first.said());
    await pause(100);
  }
  process.kill(-(first.pid as number), 'SIGKILL');
  await gone;
  const cut = resultsOf(out);
  assert.equal([cut.parts.facts.state, cut.parts.goldens.state], ['done', 'running']);
  assert.ok(cut.parts.facts.commands[0].rows.some((row) => row.fact === 'peaks'));
  // What it had started ends as its stdin does.
  const raw = join(out, 'raw.txt');
  let [size, same] = [-1, 0];
  for (let i = 0; i < 100 && same < 10; i++) {
    await pause(100);
    const now = readFileSync(raw).length;
    same = now === size ? same + 1 : 0;
    size = now;
  }
  assert.is(same, 10, 'goldens go on');

  const second = start('--minutes', '4', '--from', 'lost', '--out', out);
  assert.is(await ended(second), 0, second.said());
  const { parts } = resultsOf(out);
  assert.equal([parts.facts.state, parts.goldens.state, parts.lost.state], ['done', 'cut', 'done']);
  assert.is(parts.lost.commands[0].rows.at(-1)?.same_bits, true);
  assert.match(second.said(), /parts: .*1 cut.*--from goldens goes on/);
});

test('a wrong option is wrong usage, an adapter that is none too', async () => {
  const child = start('--minutes', 'many');
  assert.is(await ended(child), 2);
  assert.match(child.said(), /--minutes: expected a number above 0, found many/);
  const other = start('--gpu', 'none of these', '--minutes', '2', '--out', join(dir, 'none'));
  assert.is(await ended(other), 2, other.said());
  assert.match(other.said(), /--gpu none of these: no such adapter/);
});

test.run();
