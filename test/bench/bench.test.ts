// npm run bench, in short.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { networkShapes } from '../../bench/shapes';
import { kernelWorks, Operands } from '../../bench/works';
import { device } from '../gpu';
import { bench, lines } from './program';

const test = suite('bench');

test('a row a work in JSON, as documented, and the roofline as a picture', async () => {
  const folder = mkdtempSync('build/bench-');
  try {
    const { out, err } = await bench('bench', '3x3 128>32 @3', '--repeat', '1', '--json', '--out', folder);
    const rows = lines(out);
    assert.is(rows.length, 5, err);
    for (const row of rows) {
      const keys = ['work', 'adapter', 'variant', 'ms', 'gflops', 'gbps', 'bound_ms', 'share', 'peak_bytes'];
      assert.equal(Object.keys(row), keys);
      assert.ok((row.ms as number) > 0 && (row.gflops as number) > 0);
      // No kernel beats what the adapter can do, give or take a machine that was slower while its peaks were measured.
      assert.ok((row.share as number) > 0 && (row.share as number) < 3, `${row.work}: ${row.share}`);
    }
    const { format, width } = await sharp(readFileSync(join(folder, 'roofline.png'))).metadata();
    assert.is(format, 'png');
    assert.ok(width > 1000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('an unknown work, an unknown variant and a count that is none are wrong usage', async () => {
  for (const [args, said] of [
    [['no such work'], /no work has "no such work"/],
    [['matmul', '--variant', 'fast'], /kernel fast: this adapter has .*plain/],
    [['matmul', '--repeat', '0'], /--repeat: expected a whole number from 1, found 0/],
  ] as const) {
    const { code, err } = await bench('bench', ...args);
    assert.is(code, 2, err);
    assert.match(err, said);
  }
});

test('shapes come from the networks: all convolutions, normalisations and products of both', () => {
  const [densenet, bregnext] = networkShapes(device);
  const named = (shapes: typeof densenet, name: string) => shapes.ops.filter((op) => op.name === name).length;
  // 58 layers of two and three transitions; the stem and the transitions' are not fused.
  assert.is(densenet.ops.filter((op) => op.geometry).length, 1 + 2 * 58 + 3);
  assert.is(named(densenet, 'batch_norm_conv2d'), 2 * 58);
  // Scores, and a product a graph convolution.
  assert.is(named(densenet, 'matmul'), 3);
  assert.is(bregnext.ops.filter((op) => op.geometry).length, 1 + 2 * 24);
  // Only the image wants no gradient.
  for (const { ops } of [densenet, bregnext]) {
    const blind = ops.filter((op) => op.geometry && !op.gradient);
    assert.equal(
      blind.map((op) => op.inputs[0][1]),
      [3],
    );
  }
});

test('every kind of work runs', async () => {
  const works = kernelWorks(device);
  assert.is(new Set(works.map((w) => w.name)).size, works.length);
  const families = new Map(works.map((w) => [w.family, w] as const));
  for (const family of ['matmul backward_b', 'max_pool backward', 'spmm forward', 'sgd', 'guard', 'shortcut backward'])
    assert.ok(families.has(family), family);
  for (const work of families.values()) {
    const operands = new Operands(device);
    const { run, results } = work.prepare(operands);
    run();
    for (const t of results) assert.ok((await t.data()).every(Number.isFinite), work.name);
    operands.free();
  }
});

test.run();
