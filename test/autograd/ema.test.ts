import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, Ema, SGD, step, sum, tensor } from '../../src/autograd';
import { device } from '../gpu';
import { near, refuses } from './helpers';

const test = suite('ema');
const start = [1, -2, 3, 0.5, 7];

/** Two parameters whose gradient is 1 everywhere: SGD with a rate of 0.1 takes 0.1 off with each step. */
function make(decay: number) {
  const params = [start, start.slice(0, 3)].map((v) => tensor(device, v, [v.length], { requiresGrad: true }));
  const optimizer = new SGD(params, { lr: 0.1 });
  const ema = new Ema(optimizer, decay);
  const train = (t: number): void =>
    step(device, () => {
      optimizer.zeroGrad();
      for (const p of params) backward(sum(p));
      optimizer.step();
      ema.update(t);
    });
  return { params, ema, train };
}

test('the average after every step, in doubles', async () => {
  const { params, ema, train } = make(0.4);
  const want = [...start];
  for (let t = 0; t < 6; t++) {
    train(t);
    const d = Math.min(0.4, (1 + t) / (10 + t));
    start.forEach((v, i) => {
      want[i] += (1 - d) * (v - 0.1 * (t + 1) - want[i]);
    });
    // Float32: a rounding a step of numbers below 8.
    near(await ema.of(params[0]).data(), want, 1e-5);
    near(await ema.of(params[1]).data(), want.slice(0, 3), 1e-5);
  }
});

test('swapping shows the averages in the parameters, and gives the parameters back to the bit', async () => {
  const { params, ema, train } = make(0.9);
  for (let t = 0; t < 3; t++) train(t);
  const [trained, average] = [await params[0].data(), await ema.of(params[0]).data()];
  assert.not.equal(trained, average);
  ema.swap();
  assert.equal(await params[0].data(), average);
  ema.swap();
  assert.equal(await params[0].data(), trained);
  ema.restart();
  assert.equal(await ema.of(params[0]).data(), trained);
});

test('a parameter that does not move is its own average, to the bit', async () => {
  const p = tensor(device, [0.1, 1 / 3, 1e-20], [3], { requiresGrad: true });
  const ema = new Ema(new SGD([p], { lr: 1 }), 0.99);
  for (let t = 0; t < 5; t++) ema.update(t);
  assert.equal(await ema.of(p).data(), await p.data());
});

test('wrong decays and strangers are refused', () => {
  const { ema } = make(0.5);
  for (const decay of [-0.1, 1, Number.NaN]) refuses(() => make(decay), /decay must be from 0 to below 1/);
  assert.throws(() => ema.of(tensor(device, [1], [1])), /none of this optimizer's parameters/);
});

test.run();
