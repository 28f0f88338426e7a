// What the page computes of columns, settings and events before it draws them.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { extent, nearest, Smoothed, thin, visible } from '../../src/page/curves/numbers';
import { compare } from '../../src/page/differences';
import { figures, percent, time, whole } from '../../src/page/format';
import { paintOf } from '../../src/page/palette';
import { standingOf } from '../../src/page/standing';
import { after, newLines, shown } from '../../src/page/state';
import { StepTable } from '../../src/page/steps';
import { fakeRandom } from './fake_run';
import { madeRun, madeSteps } from './report_page';

const f64 = (...values: number[]): Float64Array => Float64Array.from(values);

test('thinned points paint what all points paint: of every pixel column first, lowest, highest and last', () => {
  const random = fakeRandom(5);
  const n = 20_000;
  const x = Float64Array.from({ length: n }, (_, i) => i + 1);
  const y = Float64Array.from({ length: n }, () => (random() < 0.01 ? Number.NaN : random()));
  const [columns, low, high] = [300, 100, 15_000];
  const range = visible(x, low, high);
  const kept = thin(x, y, range, [low, high], columns);
  assert.ok(kept.length <= 4 * (columns + 2), `${kept.length} points`);
  assert.equal(
    kept,
    [...new Set(kept)].sort((a, b) => a - b),
  );
  const of = (places: number[]) => {
    const found = new Map<number, number[]>();
    for (const i of places) {
      const column = Math.floor(((x[i] - low) * columns) / (high - low));
      if (!Number.isNaN(y[i])) found.set(column, [...(found.get(column) ?? []), y[i]]);
    }
    return [...found].map(([c, v]) => [c, v[0], Math.min(...v), Math.max(...v), v.at(-1)]);
  };
  assert.equal(of(kept), of(Array.from({ length: range[1] - range[0] }, (_, i) => range[0] + i)));
});

test('few points all stay; a stretch without numbers breaks the line', () => {
  const x = f64(1, 2, 3, 4);
  assert.equal(thin(x, f64(1, Number.NaN, 3, 4), [0, 4], [1, 4], 10), [0, 1, 2, 3]);
  const long = Float64Array.from({ length: 3000 }, (_, i) => i);
  const hole = long.map((i) => (i >= 1000 && i < 2000 ? Number.NaN : i));
  const kept = thin(long, hole, [0, 3000], [0, 3000], 30);
  assert.is(kept.filter((i) => Number.isNaN(hole[i])).length, 10);
});

test('what is seen, and the points beside it', () => {
  const x = f64(1, 2, 3, 4, 5);
  assert.equal(visible(x, 2, 4), [0, 5]);
  assert.equal(visible(x, 2.5, 3.5), [1, 4]);
  assert.equal(visible(x, 9, 10), [4, 5]);
  assert.equal(visible(f64(), 0, 1), [0, 0]);
  assert.is(nearest(x, 2.4), 1);
  assert.is(nearest(x, 99), 4);
  assert.is(nearest(x, -1), 0);
  assert.is(nearest(f64(), 1), -1);
  assert.equal(extent(f64(3, Number.NaN, 1, 7), [0, 3]), [1, 3]);
  assert.equal(extent(f64(-1, 0, 2), [0, 3], 0), [2, 2]);
  assert.is(extent(f64(Number.NaN), [0, 1]), null);
});

test("smoothing is TensorBoard's, whether all is there or it grows", () => {
  const y = f64(4, 2, Number.NaN, 8, 6, Number.POSITIVE_INFINITY, 1);
  const w = 0.9;
  // Σ w^(n-k) (1 - w) y_k / (1 - w^n) of the finite ones so far.
  const finite: number[] = [];
  const expected = [...y].map((value) => {
    if (!Number.isFinite(value)) return Number.NaN;
    finite.push(value);
    const n = finite.length;
    return finite.reduce((sum, v, k) => sum + w ** (n - 1 - k) * (1 - w) * v, 0) / (1 - w ** n);
  });
  const grown = new Smoothed(w);
  for (let n = 1; n < y.length; n++) grown.of(y.subarray(0, n));
  for (const found of [grown.of(y), new Smoothed(w).of(y)])
    for (const [i, value] of expected.entries()) {
      if (Number.isNaN(value)) assert.ok(Number.isNaN(found[i]));
      else assert.ok(Math.abs(found[i] - value) < 1e-12, `${i}: ${found[i]}, not ${value}`);
    }
  assert.equal(new Smoothed(0).of(f64(3, 1)), f64(3, 1));
});

test('steps grow in place, and a run that was resumed takes its own back', () => {
  const table = new StepTable(madeSteps(0, 300, 40));
  assert.ok(table.put(300, madeSteps(300, 700, 40)));
  assert.is(table.cuts, 0);
  assert.is(table.length, 700);
  assert.equal(
    [...table.column('step')],
    Array.from({ length: 700 }, (_, i) => i + 1),
  );
  assert.not.ok(table.put(701, madeSteps(0, 1, 40)), 'a hole');
  assert.ok(table.put(10, { ...madeSteps(10, 12, 40), loss: [null, 5] }));
  assert.is(table.cuts, 1);
  assert.equal([...table.column('loss')].slice(9), [madeSteps(0, 300, 40).loss[9], Number.NaN, 5]);
});

test('an event changes its run and no other; one that does not fit asks for all anew', () => {
  const runs = [shown(madeRun(0)), shown(madeRun(1))];
  const set = after(runs, { id: 'r1', set: { running: true, problems: [] } });
  assert.is(set?.[0], runs[0]);
  assert.ok(set?.[1].running);
  assert.equal(after(runs, { id: 'r0', log: ['a', 'b'] })?.[0].log.slice(-2), ['a', 'b']);
  assert.is(after(runs, { id: 'r0', log: Array(5000).fill('x') })?.[0].log.length, 2000);
  const n = runs[0].table.length;
  const more = after(runs, { id: 'r0', after: n, steps: madeSteps(n, n + 3, 40) });
  assert.is(more?.[0].table.length, n + 3);
  assert.is.not(more?.[0], runs[0]);
  assert.is(after(runs, { id: 'r0', after: n + 9, steps: madeSteps(0, 1, 40) }), null);
  assert.is(after(runs, { id: 'r7', set: {} }), null);
});

test('lines of a log that are there already are not said twice', () => {
  assert.equal(newLines(['a', 'b', 'c'], ['b', 'c', 'd']), ['d']);
  assert.equal(newLines(['a'], ['b']), ['b']);
  assert.equal(newLines([], ['b']), ['b']);
  assert.equal(newLines(['a', 'b'], ['a', 'b']), []);
});

test('no two of 64 runs are drawn alike, and the first eight differ in colour and in dash', () => {
  const paints = Array.from({ length: 64 }, (_, i) => paintOf({ id: `r${i}` }));
  assert.is(new Set(paints.map((p) => JSON.stringify(p))).size, 64);
  assert.is(new Set(paints.slice(0, 8).map((p) => p.color)).size, 8);
  assert.is(new Set(paints.slice(0, 8).map((p) => p.dash.join())).size, 8);
});

test('settings that differ come first, nested ones by their path, missing ones as such', () => {
  const found = compare([
    { lr: 0.1, ema: 0, betas: [0.9, 0.99], versions: { node: 'v20', engine: '1' }, kernels: {} },
    { lr: 0.1, ema: 0.5, betas: [0.9, 0.99], versions: { node: 'v22', engine: '1' }, kernels: {}, tta: true },
  ]);
  assert.equal(
    found.map(({ name, values, differs }) => [name, ...values, differs]),
    [
      ['ema', '0', '0.5', true],
      ['versions.node', 'v20', 'v22', true],
      ['tta', null, 'on', true],
      ['lr', '0.1', '0.1', false],
      ['betas', '0.9, 0.99', '0.9, 0.99', false],
      ['versions.engine', '1', '1', false],
      ['kernels', '{}', '{}', false],
    ],
  );
});

test('time left: by the last epochs, and what is done of the one in hand', () => {
  const made = madeRun(0, { epochs: 4, each: 40 });
  const epochs = made.epochs.map((row) => ({ ...row, seconds: row.epoch === 1 ? 100 : 10 }));
  const run = shown({ ...made, epochs, steps: madeSteps(0, 170, 40) });
  const stands = standingOf(run);
  assert.is(stands.state, 'running');
  // 5.75 of 10 epochs are to come.
  assert.is(stands.left, 57.5);
  assert.is(stands.done, 0.425);
  assert.is(standingOf({ ...run, running: false }).state, 'stopped');
  assert.is(standingOf({ ...run, running: false }).left, null);
  assert.is(standingOf({ ...run, running: false, args: { epochs: 4 } }).state, 'finished');
  const empty = standingOf(shown({ ...made, epochs: [], steps: madeSteps(0, 0, 40), args: {}, metrics: null }));
  assert.equal([empty.done, empty.left, empty.best, empty.epochs], [null, null, null, 0]);
});

test('numbers as they are written', () => {
  assert.equal(
    [0.12345, 12.345, 1234.5, 0, 1.5e-5, 3e7].map((x) => figures(x)),
    ['0.123', '12.35', '1235', '0', '1.50e-5', '3.00e+7'],
  );
  assert.equal(
    [null, Number.NaN, undefined].map((x) => figures(x)),
    ['–', '–', '–'],
  );
  assert.equal([whole(1234567), percent(0.8731)], ['1,234,567', '87.3 %']);
  assert.equal([4.21, 59.7, 200, 7500, 90_000, null].map(time), [
    '4.2 s',
    '1 min 00 s',
    '3 min 20 s',
    '2 h 05 min',
    '1 d 1 h',
    '–',
  ]);
});

test.run();
