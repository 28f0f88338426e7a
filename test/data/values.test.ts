// What stands in a place of a table: numbers, classes, valence and arousal, each at its edges.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { classNumberOf, numberOf, RowError, unitOf } from '../../src/data/layouts/values';

const said = (read: (column: string, value: unknown) => number, value: unknown): number | string => {
  try {
    return read('c', value);
  } catch (error) {
    assert.instance(error, RowError);
    return (error as Error).message;
  }
};

for (const [name, read, cases] of [
  [
    'a number',
    numberOf,
    [
      ['0', 0],
      [' -1.5 ', -1.5],
      [1e6, 1e6],
      ['-1000000', -1e6],
      ['1000001', 'c: expected a number, found "1000001"'],
      [-1_000_001, 'c: expected a number, found -1000001'],
      ['', 'c: expected a number, found ""'],
      [' ', 'c: expected a number, found " "'],
      ['one', 'c: expected a number, found "one"'],
      [undefined, 'c: expected a number, found undefined'],
      [Number.NaN, 'c: expected a number, found NaN'],
    ],
  ],
  [
    'a class',
    classNumberOf,
    [
      ['7', 7],
      [-1, -1],
      ['1000', 1000],
      ['-1000', -1000],
      ['1001', 'c: expected a class, found 1001'],
      ['-1001', 'c: expected a class, found -1001'],
      ['2.5', 'c: expected an integer, found 2.5'],
      ['', 'c: expected a number, found ""'],
    ],
  ],
  [
    'valence or arousal',
    unitOf,
    [
      ['1', 1],
      ['-1', -1],
      [0.25, 0.25],
      ['1.01', 'c: expected -1 .. 1, found 1.01'],
      ['-1.01', 'c: expected -1 .. 1, found -1.01'],
      ['-2.5', 'c: expected -1 .. 1, found -2.5'],
      ['2', 'c: expected -1 .. 1, found 2'],
      ['none', 'c: expected a number, found "none"'],
      ...[undefined, '', ' ', '-2', ' -2.00 ', -2, 'nan', 'NaN', Number.NaN].map(
        (none) => [none, Number.NaN] as [unknown, number],
      ),
    ],
  ],
] as [string, typeof numberOf, [unknown, number | string][]][])
  test(name, () => {
    for (const [value, wanted] of cases)
      assert.ok(Object.is(said(read, value), wanted), `${value}: ${said(read, value)}`);
  });

test.run();
