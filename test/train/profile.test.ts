import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeSyntheticSet } from '../../src/data';
import { Trainer } from '../../src/train/loop/trainer';
import { idleShare, type OpTime, opTable, opTimes } from '../../src/train/profile/profile_table';
import { readRun } from '../../src/train/run/read_run';
import { readRunToResume } from '../../src/train/run/resume';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';
import { given } from '../given';
import { device } from '../gpu';

const test = suite('profile');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-profile-'));
let args: (name: string) => TrainArgs;

test.before(async () => {
  const faces = join(dir, 'faces');
  const set = await writeSyntheticSet({ out: faces, n: 80, validation: 14, seed: 3, size: 64 });
  args = (name) =>
    readTrainArgs({
      image_dir: faces,
      data: set.training,
      val_data: set.validation,
      network: 'bregnext',
      emb: 'random',
      image_size: 16,
      // Few faces are read ahead, so that some are read while steps are profiled.
      workers: 1,
      batch_size: 4,
      epochs: 1,
      class_weights: 'none',
      cache: join(dir, 'cache'),
      saved_model: join(dir, name),
    });
});
test.after(() => rmSync(dir, { recursive: true, force: true }));

interface Event {
  name: string;
  ph: 'X' | 'M';
  pid: number;
  tid: number;
  ts: number;
  dur: number;
  args?: { name?: string };
}
const end = (e: Event): number => e.ts + e.dur;
/** Microseconds that doubles of this size and clocks in nanoseconds cannot tell apart. */
const SLACK = 0.01;

/** What the runs of this file said and traced. */
const profiles: { notices: string[]; events: Event[] }[] = [];

async function profiled(trainer: (hooks: object) => Trainer): Promise<Event[]> {
  const notices: string[] = [];
  await trainer({ onNotice: (line: string) => notices.push(line) }).run();
  const file = notices.find((l) => l.includes('trace.json'))?.split(': open')[0] ?? '';
  const events = JSON.parse(readFileSync(file, 'utf8')).traceEvents;
  profiles.push({ notices, events });
  return events;
}

/** What holds on any adapter; see `checkGpuTrace` for one with timestamps. */
function checkTrace(events: Event[]): { spans: Event[]; recorded: Event[] } {
  const names = (kind: string) => events.filter((e) => e.name === kind).map((e) => e.args?.name ?? '');
  assert.is(names('process_name')[0], 'CPU');
  assert.equal(names('thread_name').slice(0, 3), ['JavaScript', 'waits', 'loader']);
  const spans = events.filter((e) => e.ph === 'X');
  assert.ok(spans.every((e) => Number.isFinite(e.ts) && e.dur >= 0));
  // Spans of a lane lie apart or inside one another.
  for (const lane of new Set(spans.map((e) => `${e.pid}/${e.tid}`))) {
    const open: Event[] = [];
    const own = spans.filter((e) => `${e.pid}/${e.tid}` === lane).sort((a, b) => a.ts - b.ts || b.dur - a.dur);
    for (const e of own) {
      while (open.length > 0 && end(open[open.length - 1]) <= e.ts + SLACK) open.pop();
      const around = open.at(-1);
      assert.ok(!around || end(e) <= end(around) + SLACK, `${e.name} leaves ${around?.name}`);
      open.push(e);
    }
  }
  assert.ok(spans.some((e) => e.name === 'prepare faces') && names('thread_name').includes('image worker 1'));
  const recorded = spans.filter((e) => e.pid === 1 && e.name.startsWith('record step'));
  assert.ok(recorded.length >= 5);
  for (const part of ['forward', 'backward', 'optimizer', 'wait for the GPU', 'read faces'])
    assert.ok(
      spans.some((e) => e.name === part),
      part,
    );
  return { spans, recorded };
}

function checkGpuTrace(events: Event[]): void {
  const { spans, recorded } = checkTrace(events);
  const gpu = spans.filter((e) => e.pid === 2);
  const steps = gpu.filter((e) => /^step \d+$/.test(e.name));
  assert.equal(
    steps.map((e) => `record ${e.name}`),
    recorded.map((e) => e.name),
  );
  for (const launch of gpu.filter((e) => !steps.includes(e)))
    assert.is(steps.filter((s) => s.ts <= launch.ts + SLACK && end(launch) <= end(s) + SLACK).length, 1, launch.name);
  const launches = steps.map((s) => gpu.filter((e) => e !== s && e.ts >= s.ts - SLACK && end(e) <= end(s) + SLACK));
  for (const own of launches) assert.is(own.length, launches[0].length, 'equal steps, equal launches');
}

function checkTable(notices: string[]): void {
  const first = notices.findIndex((l) => l.startsWith('op '));
  const last = notices.findIndex((l) => l.startsWith('all '));
  const share = (line: string): number => Number(line.match(/([\d.]+) %/)?.[1]);
  const ops = notices.slice(first + 1, last);
  const sum = ops.reduce((s, line) => s + share(line), 0);
  assert.ok(Math.abs(sum - 100) < 0.05 * ops.length + 0.01, `shares rounded to 0.1 % add up to ${sum} %`);
  assert.ok(ops.some((l) => l.startsWith('conv2d.forward 3x3')) && ops.some((l) => l.startsWith('sgd')));
  assert.match(notices.find((l) => l.startsWith('profile of')) ?? '', /ms a step, the GPU idle for [\d.]+ %/);
}

test('a profiled run has a trace, and the same numbers', async () => {
  checkTrace(await profiled((hooks) => new Trainer(args('profiled'), { profile: true, hooks })));
  await new Trainer(args('plain')).run();
  const losses = (name: string) => readRun(join(dir, name)).rows.map((r) => [r.train_loss, r.val_loss]);
  assert.equal(losses('profiled'), losses('plain'));
  const settings = (name: string) => readFileSync(join(dir, name, 'args.json'), 'utf8').replaceAll(name, '');
  assert.equal(settings('profiled'), settings('plain'));
});

test('a resumed run can be profiled, and one with no steps left says so', async () => {
  const stop = new AbortController();
  let seen = 0;
  const onStep = (): void => {
    if (++seen === 3) stop.abort();
  };
  await new Trainer(args('resumed'), { hooks: { onStep } }).run(stop.signal);
  const resume = () => readRunToResume(join(dir, 'resumed'), {});
  const go = (hooks: object) => new Trainer(resume().args, { hooks, resume: resume(), profile: true });
  checkTrace(await profiled(go));
  const again: string[] = [];
  await go({ onNotice: (line: string) => again.push(line) }).run();
  assert.ok(again.some((l) => /no step was left/.test(l)));
});

given(
  test,
  device.features.has('timestamp-query'),
  'timestamp-query',
)('trace and table show every launch', () => {
  assert.is(profiles.length, 2);
  for (const { notices, events } of profiles) {
    checkGpuTrace(events);
    checkTable(notices);
  }
  const { steps, ops } = JSON.parse(readFileSync(join(dir, 'profiled', 'profile.json'), 'utf8'));
  const { notices } = profiles[0];
  const table = notices.slice(notices.findIndex((l) => l.startsWith('op ')) + 1).slice(0, ops.length);
  assert.equal(
    ops.map(({ op, milliseconds }: OpTime) => [op, (milliseconds / steps.length).toFixed(2)]),
    table.map((line) => line.match(/^(.+?) {2,}\d+ +([\d.]+)/)?.slice(1)),
  );
});

test('launches add up by op; idle is what no launch covers', () => {
  const launch = (label: string, start: number, milliseconds: number, flop = 0) => ({
    label,
    start,
    milliseconds,
    flop,
    bytes: 1e6,
  });
  const launches = [
    launch('conv2d.forward 3x3 4>4 1x8x8', 0, 2, 4e6),
    launch('sgd 10', 3, 1),
    launch('conv2d.forward 3x3 8>8 1x8x8', 3.5, 4, 8e6),
    launch('conv2d.forward 1x1 8>8 1x8x8', 8.5, 1.5, 3e6),
  ];
  const [first, second, third] = opTimes(launches);
  assert.equal([first.op, first.launches, first.milliseconds], ['conv2d.forward 3x3', 2, 6]);
  assert.ok(Math.abs(first.gflops - 2) < 1e-9 && Math.abs(first.gbps - 1 / 3) < 1e-9);
  assert.equal([second.op, third.op], ['conv2d.forward 1x1', 'sgd']);
  assert.ok(Math.abs(idleShare(launches) - 0.2) < 1e-9, '1 ms before sgd and 1 ms before the last, of 10');
  const peaks = { gflops: 4, gbps: 100, dispatchMicroseconds: 20 };
  assert.match(opTable(opTimes(launches), 1, peaks)[1], /^conv2d.forward 3x3 +2 +6.00 +70.6 % +2.00 +0.333 +50.0 %$/);
});

test.run();
