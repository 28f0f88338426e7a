import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, inspect, mul, noGrad, relu, sliceChannels, step, sum, tensor } from '../../src/autograd';
import { InputError } from '../../src/base/errors';
import { device } from '../gpu';

const test = suite('inspect');

const close = (a: number, b: number, tolerance = 1e-12): void => assert.ok(Math.abs(a - b) <= tolerance, `${a}, ${b}`);

test('figures and bins, with what is not finite apart', async () => {
  const x = tensor(device, [0, Number.NaN, 3, Number.POSITIVE_INFINITY, -1, 1, Number.NEGATIVE_INFINITY, 0], [2, 4]);
  const { mean, std, ...rest } = await inspect(x, { bins: 4 });
  assert.equal(rest, {
    ...{ shape: [2, 4], layout: 'rows', dtype: 'f32', min: -1, max: 3, nan: 1, infinite: 2, zeros: 2 },
    // [-1, 0), [0, 1), [1, 2), [2, 3]
    histogram: { from: -1, to: 3, counts: [1, 2, 1, 1] },
  });
  close(mean, 0.6);
  close(std, Math.sqrt((0.36 * 2 + 2.4 ** 2 + 1.6 ** 2 + 0.4 ** 2) / 5));
});

test('one number alone has a bin in the middle; none at all no figures', async () => {
  const same = await inspect(tensor(device, new Float32Array(6).fill(2), [6]), { bins: 5 });
  assert.equal([same.min, same.max, same.std], [2, 2, 0]);
  assert.equal(same.histogram, { from: 1.5, to: 2.5, counts: [0, 0, 6, 0, 0] });
  const none = await inspect(tensor(device, [Number.NaN], [1]), { bins: 2 });
  assert.equal([none.min, none.mean, none.histogram.from, none.nan], [Number.NaN, Number.NaN, Number.NaN, 1]);
  assert.equal(none.histogram.counts, [0, 0]);
});

test('sums are in doubles: a mean of a large offset keeps its digits', async () => {
  const n = 1 << 16;
  const { mean, std } = await inspect(
    tensor(
      device,
      Float32Array.from({ length: n }, (_, i) => 4096 + (i % 2)),
      [n],
    ),
  );
  close(mean, 4096.5);
  close(std, 0.5);
});

test('gradients, activations inside a step, slices, and what onGrad shows', async () => {
  const x = tensor(device, [1, -2, 3, 4, -5, 6], [2, 3], { requiresGrad: true });
  const seen: ReturnType<typeof inspect>[] = [];
  step(device, () => {
    const y = relu(mul(x, 2));
    y.onGrad((grad) => void seen.push(inspect(grad)));
    seen.push(inspect(y));
    backward(sum(mul(y, 3)));
  });
  const [y, upstream] = await Promise.all(seen);
  assert.equal([y.max, y.zeros, y.shape], [12, 2, [2, 3]]);
  assert.equal([upstream.min, upstream.max], [3, 3]);
  const grad = await inspect(x.grad);
  assert.equal([grad.min, grad.max, grad.zeros, grad.mean], [0, 6, 2, 4]);
  const middle = await inspect(noGrad(() => sliceChannels(x, 1, 2)));
  assert.equal([middle.shape, middle.min, middle.max], [[2, 1], -5, -2]);
});

test('whole numbers; what is refused', async () => {
  const labels = await inspect(tensor(device, Uint32Array.of(0, 3, 3), [3]));
  assert.equal([labels.dtype, labels.max, labels.zeros], ['u32', 3, 1]);
  const refused = async (promise: Promise<unknown>): Promise<string> => {
    const error = await promise.then(
      () => assert.unreachable('expected an error'),
      (e) => e,
    );
    assert.instance(error, InputError);
    return error.message;
  };
  const x = tensor(device, [1], [1]);
  assert.match(await refused(inspect(x.grad)), /found null/);
  for (const bins of [0, 1.5, Number.NaN]) assert.match(await refused(inspect(x, { bins })), /1 bin or more/);
});

test.run();
