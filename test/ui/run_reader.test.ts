// What the page is told of a run folder: whole, broken in every file, and as it grows, is cut and is replaced.
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PageRun } from '../../src/page/protocol';
import { after, shown } from '../../src/page/state';
import { columnsOf, thinned } from '../../src/train/reports/page/columns';
import { RunReader } from '../../src/train/reports/page/run_reader';
import { STEPS_HEADER } from '../../src/train/run/steps';
import { layersLine, makeFolder, step } from './made_folder';

const test = suite('run reader');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-page-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const folder = (name: string): string => {
  const at = join(dir, name);
  makeFolder(at);
  return at;
};
const read = (at: string): PageRun => {
  const reader = new RunReader(at, 'a run', 'r0');
  reader.look();
  return reader.run;
};

test('every file is there, and nothing is wrong', () => {
  const { steps, epochs, metrics, predictions, graph, layers, profile, log, args, problems, ...rest } = read(
    folder('whole'),
  );
  assert.equal(problems, []);
  assert.equal([steps.step.length, steps.loss[1], steps.cont[0], steps.epoch[19]], [20, 0.5, null, 2]);
  assert.equal([epochs.length, epochs[0].val_loss, metrics?.best_epoch, args.lr], [2, null, 2, 0.1]);
  assert.equal(
    [predictions?.image, predictions?.expression, predictions?.likelihood],
    [
      ['a.jpg', 'b.jpg'],
      [0, 1],
      [0.75, 0.25],
    ],
  );
  assert.equal([graph?.nodes.length, graph?.A[3], graph?.before?.share[0], graph?.after?.epoch], [4, 0.25, 0, 2]);
  assert.equal([layers.length, layers[0].layers[0].name, profile?.[0].gflops, log.length], [3, 'conv0', 0, 2]);
  assert.equal(
    [rest.id, rest.name, rest.running, rest.classes, rest.pictures],
    ['r0', 'a run', false, ['Calm', 'Cross'], null],
  );
});

/** What takes the place of a file. */
const BROKEN: Record<string, (file: string) => void> = {
  empty: (file) => writeFileSync(file, ''),
  torn: (file) => truncateSync(file, 5),
  'another program’s': (file) => writeFileSync(file, '<html>no run</html>\n'),
  bytes: (file) => writeFileSync(file, Buffer.from([0xff, 0xfe, 0, 10, 0x80, 10, 13])),
  'a folder': (file) => {
    rmSync(file);
    mkdirSync(file);
  },
  'a link out': (file) => {
    rmSync(file);
    symlinkSync('/etc/hostname', file);
  },
  'a link to itself': (file) => {
    rmSync(file);
    symlinkSync(file, file);
  },
  gone: (file) => rmSync(file),
};

test('a file that is broken in whatever way is a line on it, and takes nothing else along', () => {
  const whole = folder('good');
  const good = JSON.stringify(read(whole));
  for (const name of readdirSync(whole))
    for (const [how, spoil] of Object.entries(BROKEN)) {
      const at = join(dir, 'broken');
      cpSync(whole, at, { recursive: true });
      spoil(join(at, name));
      const run = read(at);
      // A log may hold anything, what is appended to may have no whole line yet, and these two need not be there.
      const fine =
        name === 'run.log' ||
        (['empty', 'torn'].includes(how) && /steps|layers/.test(name)) ||
        (how === 'gone' && /layers|profile/.test(name));
      const odd = ['a folder', 'a link out', 'a link to itself'].includes(how);
      if (!fine || odd || (how === 'gone' && name === 'run.log'))
        assert.ok(
          run.problems.some((line) => line.startsWith(`${name}: `)),
          `${name} ${how}: ${run.problems.join('\n')}`,
        );
      assert.ok(
        run.problems.every((line) => line.length < 501 && !line.includes(at)),
        run.problems.join('\n'),
      );
      const others = { 'args.json': 'epochs', 'results.csv': 'steps', 'steps.csv': 'epochs' }[name] ?? 'steps';
      assert.is(
        JSON.stringify(run[others as keyof PageRun]),
        JSON.stringify(JSON.parse(good)[others]),
        `${name} ${how}`,
      );
      rmSync(at, { recursive: true });
    }
  assert.equal(read(join(dir, 'nothing')).problems, [
    'args.json: not there',
    'manifest.json: not there',
    'run.log: not there',
  ]);
});

test('a line that is no batch, or goes back, is left out of steps.csv', () => {
  const at = folder('order');
  const WRONG = /steps\.csv: line 4: expected a batch behind the one before, found/;
  for (const bad of ['x', '21,3,nan', step(20).trim(), step(21).replace('21', '-1').trim()]) {
    writeFileSync(join(at, 'steps.csv'), `${STEPS_HEADER}${step(1)}${step(20)}${bad}\n${step(22)}`);
    const reader = new RunReader(at, 'a run', 'r0');
    reader.look();
    const { steps, problems } = reader.run;
    assert.equal(steps.step, [1, 20, 22], bad);
    assert.match(problems.join(), WRONG);
    appendFileSync(join(at, 'steps.csv'), step(23));
    reader.look();
    assert.equal([reader.run.steps.step.at(-1), WRONG.test(reader.run.problems.join())], [23, true]);
  }
});

test('a run that grows: each look tells what is new, and the page ends with the same as one that asks for all', () => {
  const at = folder('grows');
  rmSync(join(at, 'layers.jsonl'));
  const reader = new RunReader(at, 'a run', 'r0');
  reader.look();
  let page = shown(reader.run);
  const look = (): number => {
    const events = reader.look();
    for (const event of events) {
      const next = after([page], JSON.parse(JSON.stringify(event)));
      assert.ok(next, 'an event builds on what the page does not have');
      page = next![0];
    }
    assert.equal([...page.table.column('loss')], reader.run.steps.loss);
    assert.equal([...page.table.column('step')], reader.run.steps.step);
    const { table: _, steps: __, ...told } = page;
    const { steps: ___, ...run } = reader.run;
    assert.equal(told, run);
    return events.length;
  };
  assert.is(look(), 0, 'nothing has changed');

  appendFileSync(join(at, 'steps.csv'), step(21) + step(22).slice(0, 9));
  assert.is(look(), 1);
  assert.is(page.table.length, 21, 'half a line waits');
  appendFileSync(join(at, 'steps.csv'), step(22).slice(9));
  appendFileSync(join(at, 'run.log'), 'three\nfo');
  look();
  assert.equal([page.table.length, page.log.at(-1)], [22, 'three']);

  // Resumed: cut, and trained again with another end, shorter and longer than before.
  const lines = readFileSync(join(at, 'steps.csv'), 'utf8').split(/(?<=\n)/);
  truncateSync(join(at, 'steps.csv'), lines.slice(0, 16).join('').length);
  look();
  assert.is(page.table.length, 15);
  truncateSync(join(at, 'steps.csv'), lines.slice(0, 11).join('').length);
  appendFileSync(join(at, 'steps.csv'), Array.from({ length: 40 }, (_, i) => step(11 + i, 7)).join(''));
  look();
  assert.equal([page.table.length, page.table.column('loss')[9], page.table.column('loss')[10]], [50, 0.1, 7]);
  // Replaced by the same: nothing is told.
  writeFileSync(join(at, 'other'), readFileSync(join(at, 'steps.csv')));
  renameSync(join(at, 'other'), join(at, 'steps.csv'));
  assert.is(look(), 0);
  rmSync(join(at, 'steps.csv'));
  look();
  assert.equal([page.table.length, page.problems], [0, ['steps.csv: not there']]);

  writeFileSync(join(at, 'results.csv'), readFileSync(join(at, 'results.csv')));
  const [event] = reader.look();
  assert.equal('set' in event && Object.keys(event.set), ['epochs'], 'what has not changed is not told again');

  appendFileSync(join(at, 'layers.jsonl'), Array.from({ length: 30 }, (_, i) => layersLine(i)).join(''));
  look();
  assert.equal(
    [page.layers.length, page.layers[0].epoch, page.layers[11].epoch, page.graph?.after?.share[0]],
    [12, 0, 29, 2],
  );
  truncateSync(join(at, 'layers.jsonl'), 2 * layersLine(0).length);
  look();
  assert.equal([page.layers.length, page.graph?.after], [2, null]);
});

test('a run that is not begun, or is being written, lacks nothing', () => {
  const at = join(dir, 'begins');
  const reader = new RunReader(at, 'a run', 'r0');
  mkdirSync(at);
  const self = { pid: process.pid, started: null, host: 'here', boot: null, pids: null, since: 'now', id: 'x' };
  writeFileSync(join(at, 'lock.json'), JSON.stringify(self));
  writeFileSync(join(at, 'adj.safetensors'), readFileSync(join(folder('whole'), 'adj.safetensors')));
  reader.look();
  assert.equal([reader.run.running, reader.run.problems], [true, []], 'args.json comes last');
  rmSync(join(at, 'lock.json'));
  makeFolder(at);
  reader.look();
  assert.equal([reader.run.running, reader.run.steps.step.length, reader.run.problems], [false, 20, []]);
  assert.equal(
    readdirSync(at).filter((name) => name.startsWith('lock')),
    [],
    'looking leaves nothing',
  );
});

test('of a million batches the outline is kept: the least and the largest loss, the first and the last', () => {
  const rows = Array.from({ length: 100_000 }, (_, i) => ({
    ...{ step: i + 1, epoch: 1, loss: i === 77_777 ? 99 : i === 5 ? Number.NaN : Math.sin(i) },
    ...{ cat: 0, cont: 0, accuracy: 0, lr: 0 },
  }));
  const few = thinned(columnsOf(rows), 1000);
  assert.ok(few.step.length <= 1000 && few.step.length > 900, `${few.step.length}`);
  assert.equal([few.step[0], few.step.at(-1), few.loss[few.step.indexOf(77_778)]], [1, 100_000, 99]);
  assert.ok(few.step.every((n, i) => i === 0 || n > few.step[i - 1]));
  assert.ok(Math.min(...few.loss.map(Number)) < -0.9999);
});

test.run();
