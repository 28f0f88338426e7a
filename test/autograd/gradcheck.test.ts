import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { empty, gradcheck, gradInto, mul, record, type Tensor, tanh } from '../../src/autograd';
import { matrixOf } from '../../src/autograd/tensor';
import { copyChannels } from '../../src/kernels/channels';
import { device } from '../gpu';
import { random } from './helpers';

const test = suite('gradcheck');

/** y = x with a backward that claims `dx = factor * dy`, or nothing at all. */
function claiming(x: Tensor, factor: (dy: Tensor) => Tensor | null): Tensor {
  const y = empty(device, x.shape);
  copyChannels(device, matrixOf(x), matrixOf(y), false);
  record('claim', [x], [y], (dy) => {
    const claim = dy && factor(dy);
    const dx = claim && gradInto(x);
    if (dx) copyChannels(device, matrixOf(claim), matrixOf(dx.grad), dx.accumulate);
  });
  return y;
}

async function complaint(run: Promise<unknown>): Promise<string> {
  try {
    await run;
  } catch (e) {
    return (e as Error).message;
  }
  assert.unreachable('gradcheck passed');
  return '';
}

test('passes right gradients and says how close they are', async () => {
  const [x, y] = [random('x', [3, 4]), random('y', [3, 4])];
  const results = await gradcheck((a, b) => mul(tanh(a), b), [x, y]);
  assert.equal(
    results.map((r) => r.input),
    ['x[3x4]', 'y[3x4]'],
  );
  for (const r of results) assert.ok(r.error < 1e-3, `${r.input}: ${r.error}`);
});

test('names input, element and both values of a wrong one', async () => {
  const x = random('x', [3, 4]);
  const message = await complaint(gradcheck((t) => claiming(t, (dy) => mul(dy, 1.05)), [x]));
  assert.match(message, /the gradient of x\[3x4\] is wrong at element \d+ at \[\d, \d\]: analytic \S+, numeric \S+/);
});

test('notices a gradient that is missing, and one of a large input that is wrong in one place', async () => {
  await complaint(gradcheck((t) => claiming(t, () => null), [random('x', [3, 4])]));
  const mask = random('mask', [40, 40], { requiresGrad: false });
  const ones = new Float32Array(1600).fill(1);
  ones.fill(-1, 700, 720);
  mask.write(ones);
  const message = await complaint(gradcheck((t) => claiming(t, (dy) => mul(dy, mask)), [random('x', [40, 40])]));
  assert.match(message, /element|a random direction/);
});

test('leaves the inputs as they were', async () => {
  const x = random('x', [5, 5]);
  const before = await x.data();
  await gradcheck((t) => tanh(t), [x]);
  assert.equal(await x.data(), before);
  assert.is(x.grad, null);
});

test('wants something to check', async () => {
  assert.match(
    await complaint(gradcheck((t) => tanh(t), [random('x', [2], { requiresGrad: false })])),
    /requires a gradient/,
  );
});

test.run();
