// What the tuner measures, what it picks, and that it keeps its time.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, conv2d, matmul, sum } from '../../src/autograd';
import { problemOf } from '../../src/kernels/gemm';
import { type Tuned, tune, type Work, worksOf } from '../../src/kernels/gemm/tuner';
import { candidates, chooseTile, forceVariant, type Tile, useTiles } from '../../src/kernels/variant';
import { random } from '../autograd/helpers';
import { device } from '../gpu';

const test = suite('tuner');
test.after.each(() => {
  forceVariant(device, null);
  useTiles(device, {});
});

/** Forward and backward of two convolutions, one of them twice, and a product. */
function compute(): void {
  const [x, w] = [random('x', [2, 8, 6, 6]), random('w', [8, 8, 3, 3], { layout: 'taps' })];
  const last = random('v', [4, 8, 1, 1], { layout: 'taps' });
  backward(sum(conv2d(conv2d(conv2d(x, w, null, { padding: 1 }), w, null, { padding: 1 }), last, null)));
  matmul(random('a', [40, 30]), random('b', [30, 20]));
}
const dry = (fn: () => unknown = compute): Work[] => {
  let works: Work[] = [];
  device.dryRun(() => {
    works = worksOf(device, fn);
  });
  return works;
};

test('a dry run shows every kind of product once, those with most to do first', () => {
  const dispatches = device.stats().dispatches;
  const works = dry();
  assert.is(device.stats().dispatches, dispatches, 'nothing computed');
  assert.is(new Set(works.map((w) => w.class)).size, works.length);
  assert.equal([...new Set(works.map((w) => w.class.split(' ')[0]))].sort(), [
    'conv2d.backward_data',
    'conv2d.backward_weight',
    'conv2d.forward',
    'matmul',
  ]);
  const products = works.map((w) => w.products);
  assert.equal(
    products,
    products.toSorted((a, b) => b - a),
  );
  const forward = works.find((w) => w.class.startsWith('conv2d.forward 128x8 of 1x16x8'));
  assert.is(forward?.products, 2 * (72 * 8 * 9 * 8), 'both convolutions with the same shape');
});

/** Tunes by a clock that goes as the measurements say; `ms` tells how long a tile takes. */
async function tuneBy(
  works: Work[],
  ms: (work: Work, tile: Tile) => number,
  seconds = 1e6,
): Promise<Tuned & { at: number }> {
  let at = 0;
  const measure = async (work: Work, tile: Tile): Promise<number> => {
    const time = ms(work, tile);
    at += Number.isFinite(time) ? time : 0;
    return time;
  };
  return { ...(await tune(device, works, { seconds, measure, now: () => at })), at };
}

const ruleOf = ({ gemm, launch }: Work): Tile => chooseTile(device, problemOf(gemm, launch));

test('the fastest tile is picked, but another than the rule has only by a margin', async () => {
  forceVariant(device, 'tiled'); // as on a GPU: many tiles
  const [work] = dry(() => matmul(random('a', [2048, 64]), random('b', [64, 128])));
  const rule = ruleOf(work);
  const [other, third] = candidates(device, problemOf(work.gemm, work.launch)).filter((t) => t.name !== rule.name);
  const pick = async (times: Record<string, number>): Promise<unknown[]> => {
    const { table, better } = await tuneBy([work], (_, tile) => times[tile.name] ?? 20);
    return [table[work.class], better];
  };
  assert.equal(await pick({ [rule.name]: 10, [other.name]: 9.6 }), [rule.name, 0]);
  assert.equal(await pick({ [rule.name]: 10, [other.name]: 9 }), [other.name, 1]);
  assert.equal(await pick({ [rule.name]: 10, [other.name]: 9, [third.name]: 8 }), [third.name, 1]);
  assert.equal(await pick({ [rule.name]: Infinity, [other.name]: 9 }), [other.name, 1], 'the rule has one that fails');
  assert.equal(await pick({ [rule.name]: 10, [other.name]: Infinity }), [rule.name, 0]);
});

test('no measurement begins after its time; what was not reached is left out', async () => {
  const works = dry();
  const { table, at } = await tuneBy(works, () => 700, 2);
  assert.is(at, 2100, 'three measurements of 0.7 s begin within two seconds');
  assert.ok(Object.keys(table).length < works.length);
  assert.equal(
    Object.keys(table),
    works.slice(0, Object.keys(table).length).map((w) => w.class),
  );
  const none = await tuneBy(works, () => 700, 0);
  assert.equal([none.table, none.at], [{}, 0]);
});

test('measured on this adapter: tiles that it can run, nothing left in its memory', async () => {
  const works = dry().slice(0, 2);
  const { live, held } = device.stats();
  const { table } = await tune(device, works, { seconds: 600 });
  assert.equal(
    Object.keys(table),
    works.map((w) => w.class),
  );
  for (const work of works)
    assert.ok(candidates(device, problemOf(work.gemm, work.launch)).some((t) => t.name === table[work.class]));
  assert.ok(device.stats().live <= live);
  assert.ok(device.stats().held <= held, 'no block is left behind');
  useTiles(device, table);
  assert.is(ruleOf(works[0]).name, table[works[0].class], 'a table is obeyed');
});

test.run();
