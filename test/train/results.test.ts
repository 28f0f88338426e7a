// What is no results.csv: refused by the line, and which numbers a row may lack.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { type EpochRow, formatResults, parseResults } from '../../src/train/run/results';

const ROW: EpochRow = {
  ...{ epoch: 1, lr: 0.001, train_loss: 1.5, train_cat: 1.25, train_cont: 0.25, train_accuracy: 0.5 },
  ...{ val_loss: 2, val_cat: 1.75, val_cont: 0.75, val_accuracy: 0.25, val_ccc_valence: 0.125, val_ccc_arousal: -0.5 },
  ...{ seconds: 12.5, skipped: 3 },
};

test('a damaged line is named, and shown to 200 characters', () => {
  const text = formatResults([ROW]);
  const [header, row] = text.split('\n');
  const changed = (name: string, field: string): string =>
    `${header}\n${row.split(',').with(header.split(',').indexOf(name), field).join()}\n`;
  const damaged: [string, RegExp][] = [
    ['', /^r\.csv: line 1: expected epoch,lr,.*,seconds,skipped, found ""$/],
    [text.replace('epoch,', ''), /^r\.csv: line 1: expected epoch,lr,.*, found "lr,train_loss/],
    [`${'x'.repeat(201)}\n`, /^r\.csv: line 1: .* found "x{200}…"$/],
    [`${header}\n${'x'.repeat(200)}\n`, /^r\.csv: line 2: expected epoch 1 and 14 numbers, found "x{200}"$/],
    [`${header}\n${row},7\n`, /^r\.csv: line 2: expected epoch 1 and 14 numbers, found "1,0.001/],
    [text.replace('12.5,3', '12.5'), /^r\.csv: line 2: expected epoch 1 and 14 numbers/],
    [`${header}\n${row}\n${row}\n`, /^r\.csv: line 3: expected epoch 2 and 14 numbers/],
    [changed('epoch', '1.5'), /^r\.csv: line 2: expected epoch 1 and/],
    [changed('epoch', ''), /^r\.csv: line 2: expected epoch 1 and/],
  ];
  for (const [bad, words] of damaged)
    assert.throws(
      () => parseResults(bad, 'r.csv'),
      (error: Error) => error instanceof InputError && words.test(error.message),
      `${words}`,
    );
  for (const name of [
    'lr',
    'train_loss',
    'train_cat',
    'train_accuracy',
    'val_cat',
    'val_accuracy',
    'skipped',
    'seconds',
  ])
    for (const field of name === 'val_cat' || name === 'seconds' ? ['slow'] : ['', 'slow', '1.2.3'])
      assert.throws(
        () => parseResults(changed(name, field), 'r.csv'),
        /^r\.csv: line 2: expected epoch 1 and 14/,
        name,
      );
});

test('what may be empty is null, and infinite numbers and NaN come back', () => {
  const { NaN: nan, POSITIVE_INFINITY: inf, NEGATIVE_INFINITY: minus } = Number;
  const none = { train_cont: null, val_loss: null, val_cont: null, val_ccc_valence: null, val_ccc_arousal: null };
  const odd: EpochRow = { ...ROW, lr: 0, train_loss: minus, train_cat: nan, val_cat: inf, ...none, seconds: null };
  assert.is(formatResults([odd]).split('\n')[1], '1,0,-inf,nan,,0.5,,inf,,0.25,,,,3');
  assert.equal(parseResults(formatResults([odd]), 'x'), [odd]);
  assert.equal(parseResults(formatResults([ROW]).replaceAll('\n', '\r\n'), 'x'), [ROW]);
});

test.run();
