import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, gradcheck, mean, mul, type ReduceOptions, sliceChannels, sum, type Tensor } from '../../src/autograd';
import { counting, near, random, refuses } from './helpers';

const test = suite('reduce');

/** The sum over some axes, in double precision. */
function reference(data: Float32Array, shape: readonly number[], axes: readonly number[]): number[] {
  const kept = shape.map((n, d) => (axes.includes(d) ? 1 : n));
  const out = new Array<number>(kept.reduce((a, b) => a * b, 1)).fill(0);
  data.forEach((v, i) => {
    let at = 0;
    let rest = i;
    let step = 1;
    for (let d = shape.length - 1; d >= 0; d--) {
      at += kept[d] === 1 ? 0 : (rest % shape[d]) * step;
      step *= kept[d];
      rest = Math.floor(rest / shape[d]);
    }
    out[at] += v;
  });
  return out;
}

const CASES: [number[], number[]][] = [
  [
    [2, 3, 4, 5],
    [0, 1, 2, 3],
  ],
  [[2, 3, 4, 5], [1]],
  [
    [2, 8, 4, 5],
    [2, 3],
  ],
  [
    [2, 8, 4, 5],
    [0, 2, 3],
  ],
  [
    [2, 3, 4, 5],
    [0, 2],
  ],
  [
    [2, 3, 4, 5],
    [3, 1],
  ],
  [[130, 12], [0]],
  [[12, 130], [1]],
  [[3, 5, 7], [1]],
  [
    [3, 5, 7],
    [0, 2],
  ],
  [[9], [0]],
];

test('sum and mean over any axes, with and without keepdim', async () => {
  for (const [shape, axes] of CASES) {
    const x = random('x', shape, { offset: 0.5 });
    const expected = reference(await x.data(), shape, axes);
    const count = axes.reduce((n, d) => n * shape[d], 1);
    const left = shape.filter((_, d) => !axes.includes(d));
    const total = sum(x, { axes });
    assert.equal(total.shape, left.length > 0 ? left : [1]);
    near(await total.data(), expected, 3e-7, `${shape} over ${axes}`);
    const kept = mean(x, { axes, keepdim: true });
    assert.equal(
      kept.shape,
      shape.map((n, d) => (axes.includes(d) ? 1 : n)),
    );
    near(
      await kept.data(),
      expected.map((v) => v / count),
      3e-7,
      `${shape} over ${axes}`,
    );
  }
});

test('gradients, also where x is used twice', async () => {
  for (const [shape, axes] of CASES) {
    for (const options of [{ axes }, { axes, keepdim: true }] as ReduceOptions[]) {
      await gradcheck((x) => sum(x, options), [random('x', shape)], { samples: 6 });
      await gradcheck((x) => mul(mean(x, options), sum(x, options)), [random('x', shape)], { samples: 6 });
    }
  }
});

test('negative axes, no axes, weights, slices', async () => {
  const x = random('x', [4, 6]);
  near(await sum(x, { axes: [-1] }).data(), reference(await x.data(), [4, 6], [1]), 3e-7);
  assert.equal(await sum(x, { axes: [] }).data(), await x.data());
  const w = random('w', [4, 3, 2, 2], { layout: 'taps' });
  near(await sum(w, { axes: [1, 3] }).data(), reference(await w.data(), [4, 3, 2, 2], [1, 3]), 3e-7);
  await gradcheck((t) => mean(t, { axes: [0] }), [w], { samples: 6 });
  for (const [from, to] of [
    [4, 12],
    [3, 5],
  ]) {
    const part = (t: Tensor): Tensor => sliceChannels(t, from, to);
    await gradcheck((t) => sum(part(t), { axes: [2, 3] }), [random('x', [2, 12, 3, 3])], { samples: 12 });
    await gradcheck((t) => add(mean(part(t)), sum(t)), [random('x', [5, 12])], { samples: 12 });
  }
});

test('a million terms keep six digits, and the same bits every time', async () => {
  const ones = counting([1000, 1000]);
  // 499,999,500,000 exactly; float32 sums one after the other would be off by a thousandth.
  near([await sum(ones).item()], [499999500000], 2e-7);
  const x = random('x', [8, 64, 28, 28]);
  const [first, second] = [await sum(x).item(), await sum(x).item()];
  assert.is(first, second);
  const exact = (await x.data()).reduce((s, v) => s + v, 0);
  assert.ok(Math.abs(first - exact) < 1e-3, `${first}, expected ${exact}`);
});

test('axes that are not there', () => {
  refuses(() => sum(random('x', [2, 3]), { axes: [2] }), /sum: x\[2x3\] has no axis 2/);
  refuses(() => mean(random('x', [2, 3]), { axes: [-3] }), /no axis -3/);
  refuses(() => sum(random('x', [1, 2, 3, 4, 5])), /at most 4 axes/);
});

test.run();
