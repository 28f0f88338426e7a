import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decimal, duration, formatMetrics, formatTable, memory, shellPath } from '../../src/cli/format';
import { TimeLeft } from '../../src/cli/progress';
import { computeMetrics } from '../../src/train/measures/metrics';

test('numbers for people', () => {
  assert.equal([0, 59.6, 61, 3599, 3600, 90061, -1, Number.NaN].map(duration), [
    '0:00',
    '1:00',
    '1:01',
    '59:59',
    '1:00:00',
    '25:01:01',
    '0:00',
    '?',
  ]);
  assert.equal(
    [0, 5.5, 612, 1024, 1500].map((mib) => memory(mib * 2 ** 20)),
    ['0.0 MiB', '5.5 MiB', '612 MiB', '1.0 GiB', '1.5 GiB'],
  );
  assert.equal([null, Number.NaN, 1 / 3, -0.5].map(decimal), ['-', '-', '0.333', '-0.500']);
});

test('paths as one would type them: near ones relative, far ones absolute, odd ones quoted', () => {
  assert.is(shellPath(resolve('runs/demo')), 'runs/demo');
  assert.is(shellPath(resolve('..', 'run1')), resolve('..', 'run1'));
  assert.is(shellPath(resolve("it's mine")), "'it'\\''s mine'");
});

test('tables line up', () => {
  assert.is(
    formatTable([
      ['', 'b'],
      ['long', '1'],
      ['x', '22'],
    ]),
    '       b\nlong   1\nx     22',
  );
  assert.is(
    formatTable(
      [
        ['a', 'b', 'c'],
        ['x', 'long', '1'],
      ],
      2,
    ),
    'a  b     c\nx  long  1',
  );
});

test('metrics name every class, and have no lines on valence and arousal where there is none', () => {
  const classes = ['Calm', 'Cross'];
  const both = { classes, labels: [0, 1], predicted: [0, 0] };
  const text = formatMetrics(computeMetrics(both));
  assert.match(text, /accuracy +50\.0 %/);
  assert.match(text, /Calm +50\.0 % +100\.0 % +0\.667 +1\nCross +0\.0 % +0\.0 % +0\.000 +1/);
  assert.not.match(text, 'CCC');
  const va = { truth: [0, 1, 1, 0], predicted: [0, 1, 1, 0] };
  assert.match(formatMetrics(computeMetrics({ ...both, va })), /CCC +0\.500 +0\.500\nRMSE +0\.000 +0\.000/);
});

test('the time left counts all epochs and their validation, at the pace of the steps so far', () => {
  let now = 0;
  const left = new TimeLeft(() => now);
  const epochs = 3;
  const after = (phase: 'train' | 'validate', epoch: number, step: number, steps: number, seconds: number) => {
    now += seconds;
    return left.after({ phase, epoch, epochs, step, steps });
  };
  assert.ok(Number.isNaN(after('train', 1, 1, 10, 100)), 'the first step compiles');
  assert.is(after('train', 1, 2, 10, 2), 2 * 8 + 2 * 20);
  for (let step = 3; step < 10; step++) after('train', 1, step, 10, 2);
  assert.ok(Math.abs(after('train', 1, 10, 10, 2) - 40) < 1e-9);
  after('validate', 1, 1, 4, 50);
  assert.ok(Math.abs(after('validate', 1, 2, 4, 1) - (2 + 2 * 24)) < 1e-9);
  assert.ok(Math.abs(after('train', 3, 9, 10, 7) - (2 + 4)) < 1e-9, 'an epoch begins with what came between');
  assert.ok(Math.abs(after('validate', 3, 4, 4, 7)) < 1e-9);
});

test.run();
