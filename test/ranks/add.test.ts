import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ALONE, addOnto } from '../../src/ranks/ranks';
import { runTogether, together } from './together';

const test = suite('ranks');
const NONE = { inputs: false, results: false };
const bitsOf = (x: Float32Array): number[] => [...new Uint32Array(x.buffer, x.byteOffset, x.length)];

test('subnormal numbers are flushed as they go in, as they come out, or not', () => {
  const [tiny, least] = [2 ** -130, 2 ** -126];
  const sums = (flush: typeof NONE): number[] => {
    const sum = Float32Array.of(tiny, least, 1.5 * least, -tiny);
    addOnto(sum, Float32Array.of(tiny, tiny, -least, 0), flush);
    return [...sum];
  };
  assert.equal(sums(NONE), [2 * tiny, least + tiny, least / 2, -tiny]);
  assert.equal(sums({ inputs: true, results: true }), [0, least, 0, 0]);
  assert.equal(sums({ inputs: false, results: true }), [0, least + tiny, 0, -0]);
  assert.equal(sums({ inputs: true, results: false }), [0, least, least / 2, 0]);
});

test('parts are added in rank order in float32; a rank without one gets the sum', async () => {
  // In another order, or in float64 rounded once, it is 2^24 + 2 and more.
  const parts = [2 ** 24, 1, 1, null];
  const wanted = Math.fround(Math.fround(2 ** 24 + 1) + 1);
  const done = await runTogether(4, async (ranks) => {
    const [sum, part] = [ranks.floats(1).fill(7), ranks.floats(1)];
    const own = parts[ranks.rank];
    if (own !== null) part[0] = own;
    await ranks.add(sum, own === null ? null : part, { fresh: true, flush: NONE });
    const once = sum[0];
    await ranks.add(sum, ranks.rank === 3 ? part.fill(-0.5) : null, { fresh: false, flush: NONE });
    return [once, sum[0]];
  });
  for (const result of done)
    assert.equal(result.status === 'fulfilled' && result.value, [wanted, Math.fround(wanted - 0.5)]);
});

test('alone, a first part is taken as it is', async () => {
  const [sum, part] = [ALONE.floats(1), ALONE.floats(1).fill(-0)];
  await ALONE.add(sum, part, { fresh: true, flush: NONE });
  assert.equal(bitsOf(sum), [0x80000000]);
});

test('a process alone is the first and only one: it adds its own, and gathers its own', async () => {
  const { rank, size, local } = ALONE;
  assert.equal({ rank, size, local }, { rank: 0, size: 1, local: { rank: 0, size: 1 } });
  const [sum, part] = [ALONE.floats(3), ALONE.floats(3)];
  assert.equal([sum.length, sum.buffer instanceof SharedArrayBuffer], [3, true]);
  sum.set([1, 2, 3]);
  part.set([10, 20, 2 ** -130]);
  await ALONE.add(sum, null, { fresh: true, flush: NONE });
  assert.equal([...sum], [1, 2, 3]);
  await ALONE.add(sum, part, { fresh: false, flush: NONE });
  assert.equal([...sum], [11, 22, 3]);
  assert.equal([...part], [10, 20, 2 ** -130], 'what is added stays');
  await ALONE.add(sum, part, { fresh: true, flush: { inputs: true, results: true } });
  assert.equal([...sum], [10, 20, 2 ** -130]);
  const bytes = Uint8Array.of(1, 2);
  assert.is((await ALONE.gather(bytes))[0], bytes);
});

test('what one rank fails of, or another call, all hear of', async () => {
  const done = await runTogether(3, async (ranks) => {
    if (ranks.rank === 1) throw new Error('no room');
    await ranks.gather(new Uint8Array(1));
  });
  for (const rank of [0, 2]) assert.match(String((done[rank] as PromiseRejectedResult).reason), /rank 1: no room/);
  const { ranks } = together(2);
  const waiting = ranks[0].gather(new Uint8Array(1));
  const other = ranks[1].add(ranks[1].floats(1), null, { fresh: true, flush: NONE });
  for (const call of [waiting, other])
    assert.match(String(await call.catch((error) => error)), /rank 1: is at add 1 where another rank is at gather/);
});

test.run();
