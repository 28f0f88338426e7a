// steps.csv: a row a batch as it is written, what is a row, and where a resume cuts.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatStep, lengthUpTo, parseStep, STEPS_HEADER, type StepRow } from '../../src/train/run/steps';

const ROW: StepRow = { step: 12, epoch: 3, loss: 1.5, cat: 1.25, cont: 0.25, accuracy: 0.5, lr: 0.001 };

test('a row is read as it was written, to the nine digits of a float32', () => {
  assert.is(STEPS_HEADER, 'step,epoch,loss,cat,cont,accuracy,lr\n');
  assert.is(formatStep(ROW), '12,3,1.5,1.25,0.25,0.5,0.001\n');
  const odd = { ...ROW, loss: Math.fround(1 / 3), cat: Number.NaN, cont: null, lr: Number.POSITIVE_INFINITY };
  assert.is(formatStep(odd), '12,3,0.333333343,nan,,0.5,inf\n');
  for (const row of [ROW, odd, { ...ROW, loss: Number.NEGATIVE_INFINITY }]) {
    const read = parseStep(formatStep(row).trimEnd());
    assert.equal(read && { ...read, loss: Math.fround(read.loss) }, row);
  }
});

test('what is no row of a batch is none', () => {
  for (const line of [
    '',
    '12,3,1.5,1.25,0.25,0.5',
    '12,3,1.5,1.25,0.25,0.5,0.001,7',
    '12,3,,1.25,0.25,0.5,0.001',
    '12,3,1.5,1.25,0.25,0.5,',
    ',3,1.5,1.25,0.25,0.5,0.001',
    '12,,1.5,1.25,0.25,0.5,0.001',
    '12,3,slow,1.25,0.25,0.5,0.001',
    '0,3,1.5,1.25,0.25,0.5,0.001',
    '12,0,1.5,1.25,0.25,0.5,0.001',
    '-1,3,1.5,1.25,0.25,0.5,0.001',
    '1.5,3,1.5,1.25,0.25,0.5,0.001',
    '12,nan,1.5,1.25,0.25,0.5,0.001',
    STEPS_HEADER.trimEnd(),
  ])
    assert.is(parseStep(line), null, line);
  assert.is(parseStep('1,1,1.5,1.25,,0.5,0.001')?.cont, null);
});

test('what is kept ends with the last whole row up to a batch', () => {
  const rows = [1, 2, 9, 10, 100].map((step) => formatStep({ ...ROW, step }));
  const whole = STEPS_HEADER + rows.join('');
  const kept = (text: string, step: number): string => text.slice(0, lengthUpTo(Buffer.from(text), step));
  const upTo = (n: number): string => STEPS_HEADER + rows.slice(0, n).join('');
  for (const [step, n] of [
    [0, 0],
    [1, 1],
    [2, 2],
    [8, 2],
    [9, 3],
    [10, 4],
    [99, 4],
    [100, 5],
    [1000, 5],
  ] as const)
    for (const half of ['', '1', '101,3,1.5']) assert.is(kept(whole + half, step), upTo(n), `${step}: ${half}`);
  for (const text of ['', 'step,epoch\n1,1\n', whole.slice(1), STEPS_HEADER.trimEnd()])
    assert.is(kept(text, 9), '', text);
  assert.is(kept(STEPS_HEADER, 9), STEPS_HEADER);
});

test.run();
