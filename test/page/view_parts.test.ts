// What the page's views are made of, without a page: colours, orders, geometry, what damaged files come to.

import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { PagePredictions, PageRun, PageSpread } from '../../src/page/protocol';
import { readSamplesAddress, samplesAddress } from '../../src/page/views/address';
import { classColour, contrast, shade } from '../../src/page/views/colours';
import { clip, significant } from '../../src/page/views/figures';
import { confusionOf, pick, recognitions, reliabilityOf } from '../../src/page/views/measures';
import { ahead, beyond, centres, farthest, nearest, onPlane, pointsOf, rowsOf } from '../../src/page/views/points';
import { edgePath, edgesOf, spots } from '../../src/page/views/ring';
import { commonRange, decades, healths, outline } from '../../src/page/views/spreads';
import { fakeRun } from './fake_run';

test('contrast is that of WCAG', () => {
  assert.is(contrast('#000000', '#ffffff'), 21);
  assert.is(contrast('#777777', '#ffffff').toFixed(2), '4.48'); // the guideline's own example of a grey that just fails
});

/** A token of page.css, light and dark. */
function token(name: string): [light: string, dark: string] {
  const found = readFileSync('src/page/page.css', 'utf8').match(`--${name}: light-dark\\((#\\w{6}), (#\\w{6})\\)`);
  assert.ok(found, `page.css has --${name}`);
  return [found![1], found![2]];
}

test('classes have colours of 3:1 on the page, 60 different ones', () => {
  const seen = new Set<string>();
  for (const name of ['ground', 'surface', 'sunken']) {
    const [light, dark] = token(name);
    for (let c = 0; c < 60; c++) {
      const colour = classColour(c);
      assert.ok(contrast(colour.light, light) >= 3, `${c} ${colour.light} on ${name}`);
      assert.ok(contrast(colour.dark, dark) >= 3, `${c} ${colour.dark} on ${name}, dark`);
      seen.add(colour.light);
    }
  }
  assert.is(seen.size, 60);
});

test('ink on every shade has 4.5:1, and shades grow', () => {
  for (const tone of ['cool', 'warm'] as const) {
    let last = [0, 0];
    for (let i = 0; i <= 64; i++) {
      const { background, ink } = shade(i / 64, tone);
      for (const theme of ['light', 'dark'] as const)
        assert.ok(contrast(background[theme], ink[theme]) >= 4.5, `${tone} ${i} ${theme}`);
      const from = [contrast(background.light, '#ffffff'), contrast(background.dark, '#000000')];
      assert.ok(from[0] >= last[0] && from[1] >= last[1], `${tone} ${i}`);
      last = from;
    }
  }
  assert.is(shade(Number.NaN, 'cool').background.light, shade(0, 'cool').background.light);
});

const predictions = (rows: readonly [truth: number, said: number, sure: number][]): PagePredictions => ({
  image: rows.map((_, i) => `${i}.jpg`),
  expression: rows.map(([truth]) => truth),
  predicted: rows.map(([, said]) => said),
  confidence: rows.map(([, , sure]) => sure),
  likelihood: null,
  valence: null,
  arousal: null,
});

test('mistakes: the surest first; then the least sure of all; equals as in the file', () => {
  const p = predictions([
    [0, 1, 0.5],
    [1, 1, 0.99],
    [0, 1, 0.9],
    [2, 0, 0.9],
    [1, 2, 1],
    [2, 2, 0.34],
  ]);
  const any = { truth: null, said: null };
  assert.equal([...pick(p, { order: 'mistakes', ...any })], [4, 2, 3, 0]);
  assert.equal([...pick(p, { order: 'unsure', ...any })], [5, 0, 2, 3, 1, 4]);
  assert.equal([...pick(p, { order: 'sure', ...any })], [4, 1, 2, 3, 0, 5]);
  assert.equal([...pick(p, { order: 'mistakes', truth: 0, said: 1 })], [2, 0]);
  assert.equal([...pick(p, { order: 'mistakes', truth: 1, said: 1 })], []);
  assert.equal([...pick({ ...p, confidence: null }, { order: 'mistakes', ...any })], [0, 2, 3, 4]);
});

test('the order of many is that of a comparison', () => {
  const p = fakeRun({ samples: 5000 }).predictions as PagePredictions;
  const sure = p.confidence as readonly number[];
  const rows = p.image.map((_, i) => i).filter((i) => p.expression[i] !== p.predicted[i]);
  rows.sort((a, b) => sure[b] - sure[a] || a - b);
  assert.equal([...pick(p, { order: 'mistakes', truth: null, said: null })], rows);
});

const run = fakeRun({ samples: 400, layers: 9 });

test('a confusion matrix that cannot be is counted from the predictions; without them there is none', () => {
  const real = run.metrics?.confusion as number[][];
  assert.equal(confusionOf(run), real);
  for (const confusion of [undefined, 3, [[1]], real.map((row) => row.map(() => Number.NaN)), real.slice(1), [null]]) {
    const damaged: PageRun = { ...run, metrics: { confusion } };
    assert.equal(confusionOf(damaged), real);
    assert.is(confusionOf({ ...damaged, predictions: null }), null);
  }
  assert.is(confusionOf({ ...run, classes: [] }), null);
});

test('precision, recall and F1 as in the metrics, none where nothing is', () => {
  const scores = recognitions(run.metrics?.confusion as number[][]);
  const metrics = run.metrics?.per_class as Record<string, unknown>;
  assert.equal(scores, run.classes.map((name) => metrics[name]) as typeof scores);
  assert.equal(recognitions([[0]]), [{ precision: null, recall: null, f1: null, support: 0 }]);
});

test('a damaged reliability table is none', () => {
  assert.is(reliabilityOf(run)?.length, 15);
  for (const reliability of [
    undefined,
    'x',
    [],
    [null],
    [{ from: 0 }],
    [{ from: 0, to: 1, samples: 0, confidence: null, accuracy: null }],
  ])
    assert.is(reliabilityOf({ ...run, metrics: { reliability } }), null);
});

test('an address of samples is read back; what is none is null', () => {
  for (const address of [
    { run: 'r0', truth: 2, said: 3 },
    { run: 'a&b=#', truth: null, said: 0 },
  ])
    assert.equal(readSamplesAddress(samplesAddress(address)), address);
  assert.is(readSamplesAddress('#gallery'), null);
  assert.is(readSamplesAddress('#plane?run=r0'), null);
  assert.equal(readSamplesAddress('#gallery?run=r1&true=-1&predicted=x'), { run: 'r1', truth: null, said: null });
});

test('points: the nearest, the next on the way, the farthest off, the middles', () => {
  const p: PagePredictions = {
    ...predictions([
      [0, 0, 1],
      [0, 0, 1],
      [1, 1, 1],
      [1, 1, 1],
    ]),
    valence: [
      [0, 0],
      [0.5, 0.4],
      [-0.5, -0.4],
      [0.9, 0],
    ],
    arousal: [
      [0, 0.1],
      [0.5, 0.4],
      [-0.5, -0.4],
      [0, 0],
    ],
  };
  const points = pointsOf(p)!;
  const all = rowsOf(p.expression, new Set());
  assert.equal([...all], [0, 1, 2, 3]);
  assert.equal([...rowsOf(p.expression, new Set([1]))], [2, 3]);
  assert.is(nearest([points.said], all, 0.39, 0.41, 0.1), 1);
  assert.is(nearest([points.said], all, 0.9, 0, 0.1), null);
  assert.is(nearest([points.said, points.truth], all, 0.9, 0, 0.1), 3);
  assert.is(ahead(points.truth, all, [0, 0], [1, 0], 0.05), 1);
  assert.is(ahead(points.truth, all, [0, 0], [1, 0], 0.8), 3);
  assert.is(ahead(points.truth, all, [0, 0], [-1, 0], 0.05), 2);
  assert.is(ahead(points.truth, all, [0.9, 0], [1, 0], 0.05), null);
  const two = Float32Array.of(0.001, 0.05, 0.2, 0.1);
  assert.is(ahead(two, Uint32Array.of(0, 1), [0, 0], [1, 0], 0.05), 1, 'what lies above is not to the right');
  assert.equal(farthest(points, all, 2), [3, 1]);
  const [first, second] = centres(points, p.expression, 3);
  assert.equal([first.c, first.samples, second.c, second.samples], [0, 2, 1, 2]);
  assert.ok(Math.abs(first.truth[0] - 0.25) < 1e-7 && Math.abs(second.said[0] + 0.2) < 1e-7);
  assert.is(pointsOf({ ...p, arousal: null }), null);
  const far = pointsOf({ ...p, valence: p.valence!.map(([t, s], i) => [t, i === 2 ? -1.5 : s]) })!;
  assert.is(beyond(far, all), 1);
  assert.equal([far.said[4], onPlane(far).said[4], onPlane(far).said[5]], [-1.5, -1, points.said[5]]);
});

test('walking by arrow keys comes to every face that lies apart', () => {
  const p = fakeRun({ samples: 60 }).predictions as PagePredictions;
  const points = pointsOf(p)!;
  const all = rowsOf(p.expression, new Set());
  const seen = new Set([0]);
  for (const row of seen)
    for (const way of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ] as const) {
      const next = ahead(points.said, all, [points.said[2 * row], points.said[2 * row + 1]], way, 0.05);
      if (next !== null) seen.add(next);
    }
  assert.ok(seen.size >= 57, `${seen.size} of 60`);
});

test('the ring: first above, clockwise; edges lead from row to column, lightest first', () => {
  const [a, b, c] = spots(4, 10);
  assert.ok(Math.abs(a.x) < 1e-9 && a.y === -10 && Math.abs(b.x - 10) < 1e-9 && Math.abs(c.y - 10) < 1e-9);
  assert.equal(edgesOf([0.75, 0.2, Number.NaN, 0.75], 2), [{ from: 0, to: 1, weight: 0.2 }]);
  assert.equal(
    edgesOf([1, 0.5, 0, 0, 1, 0.25, -0.3, 0, 1], 3).map(({ weight }) => weight),
    [0.25, -0.3, 0.5],
  );
  const numbers = (path: string): number[] => (path.match(/-?[\d.]+/g) ?? []).map(Number);
  const [line, head] = edgePath(a, c, 2, 3);
  const [sx, sy] = numbers(line);
  const [ex, ey] = numbers(head);
  // It begins and ends so far from the nodes' middles, and there and back are two lines.
  assert.ok(Math.abs(Math.hypot(sx - a.x, sy - a.y) - 2) < 0.1 && Math.abs(Math.hypot(ex - c.x, ey - c.y) - 2) < 0.1);
  assert.not.equal(edgePath(c, a, 2, 3)[0], line);
});

const spread = (from: number, to: number, counts: number[]): PageSpread => ({ from, to, mean: 0, std: 1, counts });

test('a histogram as an outline', () => {
  assert.is(outline(spread(0, 2, [1, 2]), 10, 4), 'M0 4V2H5V0H10V4Z');
  assert.is(outline(spread(0, 2, [1, 1]), 10, 4, { from: -2, to: 2 }, 2), 'M5 4V2H10V4Z');
  assert.not.match(outline(spread(1, 1, [5]), 10, 4), /NaN|Infinity/);
  assert.not.match(outline(spread(0, 1, [0, 0]), 10, 4), /NaN|Infinity/);
  assert.equal(commonRange([null, spread(0, 2, [1]), spread(-1, 1, [1]), spread(5, 6, [])]), { from: -1, to: 2 });
  assert.is(commonRange([null]), null);
});

test('gradients that vanish, explode or are no numbers: beside the weights, and beside the middle layer', () => {
  const sized = (std: number): PageSpread => ({ ...spread(-1, 1, [1]), std });
  const layer = (gradient_norm: number | null, size: number | null, weights = 1) => ({
    gradient_norm,
    gradients: size === null ? null : sized(size),
    weights: sized(weights),
  });
  const middle = [layer(1, 0.1), layer(2, 0.2), layer(1, 0.1)];
  assert.equal(
    healths([
      ...middle,
      ...[layer(1, 5e-5), layer(0, 0), layer(1, 500), layer(null, 1), layer(null, null)],
      // Small and large weights with gradients of their kind; weights that are 0.
      ...[layer(1, 1e-5, 1e-4), layer(1, 500, 2000), layer(1, 0.1, 0)],
    ]),
    [...[null, null, null, 'vanishing', 'no gradient', 'exploding', 'not finite', null], ...[null, null, null]],
  );
  assert.equal(decades([0.02, 3, 0]), [-2, 1]);
  assert.equal(decades([1]), [0, 1]);
  assert.equal(decades([]), [-1, 0]);
});

test('numbers and names are short', () => {
  assert.equal(
    ['happy', 'class number 42', 'class number 43'].map((name) => clip(name, 8)),
    ['happy', 'clas… 42', 'clas… 43'],
  );
  const written = [0, 0.0028, 285.3, -0.000123, 1.5e6, 40, null, Number.NaN].map((x) => significant(x));
  assert.equal(written, ['0', '0.0028', '285', '−1.2e−4', '1.5e6', '40', '–', '–']);
});

test.run();
