// Every tile of every variant of the matrix kernels, and how one is chosen.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { candidatesOf, tileByRule, tilesOf } from '../../src/kernels/gemm/tile';
import {
  allTiles,
  choose,
  chooseTile,
  classOf,
  forceVariant,
  type Problem,
  useTiles,
  variantsOf,
} from '../../src/kernels/variant';
import { Fixture } from '../goldens/fixture';
import { judge, line, passed } from '../goldens/run';
import { device } from '../gpu';
import { mockDevice } from '../mock_gpu';

const test = suite('tiles');
test.after.each(() => {
  forceVariant(device, null);
  useTiles(device, {});
});

const problem = (more: Partial<Problem> = {}): Problem => ({
  kernel: 'conv2d.forward',
  rows: 6272,
  columns: 8,
  width: 4,
  segments: 9,
  positions: 128,
  splits: 1,
  stored: 'f32',
  ...more,
});

// Between them: three directions, both widths, sums that no tile divides, rows side by side in memory and not.
const GOLDENS = ['ops/conv2d_3x3_128to32', 'ops/matmul_33x17x65_TN'];

for (const tile of allTiles(device)) {
  test(`${tile.name}: goldens of convolution, matrix product and their gradients`, async () => {
    forceVariant(device, tile.name);
    for (const name of GOLDENS) {
      const verdict = await judge(Fixture.parse(name, readFileSync(`test/golden/${name}.safetensors`)), { device });
      assert.ok(passed(verdict), line(verdict));
    }
  });
}

test('tiles in workgroup memory keep to what every adapter has, and each invocation loads one four of rows', () => {
  const tiles = tilesOf('tiled', 8);
  assert.is(new Set(tiles.map((t) => t.name)).size, tiles.length, 'names tell them apart');
  for (const { name, constants } of tiles) {
    const [BM, BN, BK, TM, TN] = ['BM', 'BN', 'BK', 'TM', 'TN'].map((c) => Number(constants[c]));
    assert.ok((BM / TM) * (BN / TN) <= 256, `${name}: invocations`);
    assert.is((BM / TM) * (BN / TN), (BM * BK) / 4, `${name}: fours`);
    assert.ok(4 * BM * (BK + 1) + 16 * BN * BK <= 16384, `${name}: workgroup memory`);
    assert.is(TM % 4, 0, name);
  }
});

test('the rule: wide tiles where there is much to do, narrow and low ones where there is not', () => {
  const rule = (more: Partial<Problem>): string => tileByRule('tiled', 8, problem(more)).name;
  assert.is(rule({ rows: 100_352, columns: 32, segments: 1, positions: 256 }), 'tiled 64x128x16');
  assert.match(rule({ rows: 100_352 }), /^tiled \d+x32x/);
  assert.is(rule({ rows: 72 }), 'tiled 16x32x8 in 4', 'a few workgroups: the sum in parts');
  assert.is(rule({ rows: 100_352, columns: 16, segments: 49, positions: 3 }), 'tiled 64x32x4');
});

test('what is worth measuring: the tile of the rule, whole sums beside sums in parts, nothing hopeless', () => {
  for (const p of [problem(), problem({ rows: 72 }), problem({ rows: 100_352, columns: 32 }), problem({ width: 1 })]) {
    const names = candidatesOf('tiled', 8, p).map((t) => t.name);
    assert.ok(names.includes(tileByRule('tiled', 8, p).name));
    assert.ok(names.some((name) => !name.includes(' in ')));
    assert.ok(names.length < tilesOf('tiled', 8).length);
  }
  assert.not.ok(
    candidatesOf('tiled', 8, problem({ splits: 4 })).some((t) => t.parts > 1),
    'in parts already',
  );
});

test('an adapter runs in subgroups of one size from 4 to 32; a CPU then does so by itself, a GPU in workgroup memory', async () => {
  for (const [least, most, lanes] of [
    [4, 4, 4],
    [8, 8, 8],
    [16, 16, 16],
    [32, 32, 32],
    [2, 2, null],
    [64, 64, null],
    [8, 16, null],
  ] as const)
    for (const software of [true, false]) {
      const features = ['subgroups'] as GPUFeatureName[];
      const { device } = await mockDevice({ features, software, subgroups: [least, most] });
      const known = lanes === null ? ['tiled', 'plain'] : ['subgroup', 'tiled', 'plain'];
      assert.equal(variantsOf(device), known, `${least} to ${most}`);
      const byFacts = software ? (lanes === null ? 'plain' : 'subgroup') : 'tiled';
      assert.equal(choose(device), { variant: byFacts, lanes: byFacts === 'subgroup' ? lanes : 8 });
      for (const variant of known) {
        forceVariant(device, variant);
        assert.equal(choose(device), { variant, lanes: variant === 'subgroup' ? lanes : 8 }, `${least}, ${variant}`);
      }
    }
  const { device } = await mockDevice({ software: true });
  assert.equal(choose(device), { variant: 'plain', lanes: 8 }, 'no subgroups at all');
});

test('forced goes before measured, measured before the rule; a class takes in neighbouring sizes', () => {
  const p = problem();
  const byRule = chooseTile(device, p).name;
  const other = allTiles(device).find((t) => t.name !== byRule)?.name as string;
  useTiles(device, { [classOf(p)]: other });
  assert.is(chooseTile(device, p).name, other);
  assert.is(chooseTile(device, { ...p, rows: 5000 }).name, other, 'a last batch that is a little smaller');
  assert.is(chooseTile(device, { ...p, kernel: 'matmul' }).name, byRule);
  forceVariant(device, 'plain');
  assert.is(choose(device).variant, 'plain');
  assert.is(chooseTile(device, p).variant, 'plain');
  forceVariant(device, 'tiled 16x32x8');
  assert.is(chooseTile(device, p).name, 'tiled 16x32x8');
});

test('a tile that this adapter does not have is refused by name', () => {
  for (const wrong of [() => forceVariant(device, 'tiled 3x3x3'), () => useTiles(device, { a: 'subgroup 999x4' })]) {
    assert.throws(wrong, (e: Error) => e instanceof InputError && /3x3x3|999x4/.test(e.message));
  }
});

test.run();
