// Dynamic loss scaling: what a scale does to a step, and what an overflow does to the scale.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, clipGradNorm, GradScaler, half, mul, SGD, step, sum, type Tensor } from '../../src/autograd';
import { device } from '../gpu';
import { near, random, refuses } from './helpers';

const test = suite('grad_scaler');

/** A step down the gradient of `sum(factor * p)`, taken through a loss scale. */
function descend(p: Tensor, optimizer: SGD, scaler: GradScaler, factor = 1): void {
  step(device, () => {
    optimizer.zeroGrad();
    backward(sum(mul(p, factor)), scaler.scale);
    optimizer.step(scaler);
  });
}

test('a power of two changes no bit of a step', async () => {
  const [p, q] = [random('p', [3, 5]), random('p', [3, 5])];
  const options = { lr: 0.1, momentum: 0.9, weightDecay: 0.01 };
  const [plain, scaled] = [new SGD([p], options), new SGD([q], options)];
  const scaler = new GradScaler(device);
  for (let s = 0; s < 3; s++) {
    descend(q, scaled, scaler, 0.7);
    step(device, () => {
      plain.zeroGrad();
      backward(sum(mul(p, 0.7)));
      plain.step();
    });
  }
  assert.equal(await q.data(), await p.data());
  assert.equal(await scaler.state(), { scale: 65536, goodSteps: 3, skipped: 0 });
});

for (const bad of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN])
  test(`a gradient of ${bad}, wherever it is, skips the step, momentum and all, and halves the scale`, async () => {
    // Several runs of parameters, more elements than a workgroup looks at, and none a multiple of 4.
    const params = [random('p', [70_001]), random('frozen', [3]), random('q', [5])];
    const optimizer = new SGD(params, { lr: 1, momentum: 0.5, weightDecay: 0.1 });
    params[1].requiresGrad = false;
    const scaler = new GradScaler(device, { scale: 8 });
    for (const [k, at] of [0, 4097, 70_000].entries()) {
      const before = await params[2].data();
      const factors = new Float32Array(70_001).fill(1);
      factors[at] = bad;
      const spoilt = random('factors', [70_001]);
      spoilt.requiresGrad = false;
      spoilt.write(factors);
      step(device, () => {
        optimizer.zeroGrad();
        backward(sum(params[2]), scaler.scale);
        backward(sum(mul(params[0], spoilt)), scaler.scale);
        optimizer.step(scaler);
      });
      assert.equal(await params[2].data(), before);
      assert.equal(await optimizer.state(params[2])?.momentum.data(), new Float32Array(5));
      assert.equal(await scaler.state(), { scale: 4 / 2 ** k, goodSteps: 0, skipped: k + 1 });
    }
  });

test('the scale doubles after good steps in a row', async () => {
  const p = random('p', [4]);
  const optimizer = new SGD([p], { lr: 0 });
  const scaler = new GradScaler(device, { scale: 2, growthInterval: 3 });
  const seen: number[] = [];
  for (let s = 0; s < 9; s++) {
    descend(p, optimizer, scaler, s === 4 ? Number.POSITIVE_INFINITY : 1);
    seen.push((await scaler.state()).scale);
  }
  assert.equal(seen, [2, 2, 4, 4, 2, 2, 2, 4, 4]);
});

test('what is too small for f16 arrives through a scale, and what is too large is noticed', async () => {
  const p = random('p', [4]);
  const optimizer = new SGD([p], { lr: 1 });
  // The gradient passes through f16 on its way to p.
  const through = async (scale: number, factor: number) => {
    const scaler = new GradScaler(device, { scale });
    const before = await p.data();
    step(device, () => {
      optimizer.zeroGrad();
      backward(mul(sum(half(p)), factor), scaler.scale);
      optimizer.step(scaler);
    });
    const after = await p.data();
    return { moved: before.map((v, i) => v - after[i]), ...(await scaler.state()) };
  };
  assert.equal((await through(1, 1e-9)).moved, new Float32Array(4), 'lost without a scale');
  const small = 2 ** -20;
  near((await through(65536, small)).moved, new Float32Array(4).fill(small), 2 ** -3, 'within float32 rounding of p');
  const large = await through(65536, 2);
  assert.equal([large.scale, large.skipped, ...large.moved], [32768, 1, 0, 0, 0, 0]);
});

test('clipping sees gradients without their scale', async () => {
  const p = random('p', [6]);
  const optimizer = new SGD([p], { lr: 1 });
  const scaler = new GradScaler(device, { scale: 1024 });
  const before = await p.data();
  const norm = step(device, () => {
    backward(sum(p), scaler.scale);
    const norm = clipGradNorm([p], 1, scaler);
    optimizer.step(scaler);
    return norm;
  });
  near(await norm.data(), [Math.sqrt(6)], 1e-6);
  near(
    await p.data(),
    before.map((v) => v - 1 / Math.sqrt(6)),
    1e-5,
  );
});

test('a scaler goes on from where another stood', async () => {
  const scaler = new GradScaler(device);
  scaler.load({ scale: 128, goodSteps: 7, skipped: 3 });
  assert.equal(await scaler.state(), { scale: 128, goodSteps: 7, skipped: 3 });
  refuses(() => new GradScaler(device, { scale: 0 }), /scale must be above 0, found 0/);
  refuses(() => new GradScaler(device, { growthInterval: 0.5 }), /growthInterval must be a whole number/);
});

test.run();
