// What evaluation keeps of a norm, and when it is made anew; norm and activation as a convolution stores.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type BatchNormTensors,
  backward,
  batchNorm,
  batchNormConv2d,
  type Conv2dEpilogue,
  conv2d,
  Ema,
  elu,
  noGrad,
  readAll,
  SGD,
  step,
  sum,
  type Tensor,
} from '../../src/autograd';
import { BatchNorm2d, Conv2d } from '../../src/models';
import { device } from '../gpu';
import { eachVariant, near, random, refuses } from './helpers';

const test = suite('norms in evaluation');

const data = (name: string, shape: readonly number[], scale = 1, offset = 0): Tensor =>
  random(name, shape, { scale, offset, requiresGrad: false });

const normOf = (channels: number, name = 'norm'): BatchNormTensors => ({
  weight: data(`${name}.weight`, [channels], 1, 0.5),
  bias: data(`${name}.bias`, [channels]),
  runningMean: data(`${name}.mean`, [channels]),
  runningVar: data(`${name}.var`, [channels], 0.5, 1),
});

const dispatches = (fn: () => unknown): number => {
  const before = device.stats().dispatches;
  fn();
  return device.stats().dispatches - before;
};

test('a norm is prepared once, and again after whatever has written into one of its tensors', async () => {
  const conv = new Conv2d(device, 4, 4, 1).initialise(1);
  const norm = new BatchNorm2d(device, 4).initialise(1).eval();
  const x = data('x', [2, 4, 3, 3], 2);
  const forward = (): Tensor => noGrad(() => norm.forward(x));
  // A norm of the same numbers that has never been used.
  const fresh = async (): Promise<Float32Array> => {
    const other = new BatchNorm2d(device, 4).eval();
    other.loadStateDict(await norm.stateDict());
    return noGrad(() => other.forward(x)).data();
  };
  const { weight, runningMean, runningVar } = norm.tensors;
  const optimizer = new SGD([...conv.parameters(), ...norm.parameters()], { lr: 0.5 });
  const ema = new Ema(optimizer, 0.5);
  const train = (): void => {
    norm.train();
    step(device, () => {
      optimizer.zeroGrad();
      backward(sum(norm.forward(conv.forward(x), 'relu')));
      optimizer.step();
    });
    norm.eval();
  };
  const writers: [string, () => unknown][] = [
    ['write to the weight', () => weight.write(Float32Array.of(1, 2, 3, 4))],
    ['write to the mean', () => runningMean.write(Float32Array.of(1, 2, 3, 4))],
    ['write to the variance', () => runningVar.write(Float32Array.of(4, 3, 2, 1))],
    ['a step of training', train],
    ['averages', () => ema.swap()],
    ['averages back', () => ema.swap()],
    ['a state dict', async () => norm.loadStateDict(await new BatchNorm2d(device, 4).initialise(2).stateDict())],
    ['an optimizer that moves the parameters', () => new SGD(norm.parameters(), { lr: 1 })],
  ];
  let last = await forward().data();
  for (const [what, write] of writers) {
    forward(); // beside it a fresh one has been written
    assert.is(dispatches(forward), 1, `before ${what}: the norm alone`);
    await write();
    const now = await forward().data();
    assert.equal(now, await fresh(), what);
    if (!/moves|back|state/.test(what)) assert.not.equal(now, last, what);
    last = now;
  }
});

test('another eps, and other tensors beside one weight, make another norm', async () => {
  const x = data('x', [2, 4, 3, 3], 2);
  const norm = normOf(4);
  const cases: [BatchNormTensors, number][] = [
    [norm, 1e-5],
    [norm, 0.5],
    [{ ...norm, bias: data('bias', [4]) }, 0.5],
    [{ ...norm, runningMean: data('mean', [4]) }, 0.5],
    [{ ...norm, runningVar: data('var', [4], 0.5, 1) }, 0.5],
    [norm, 0.5],
  ];
  for (const [bn, eps] of cases) {
    const found = await noGrad(() => batchNorm(x, bn, { training: false, eps })).data();
    const [v, w, b, m, s] = await readAll([x, bn.weight, bn.bias, bn.runningMean, bn.runningVar]);
    const expected = v.map((v, i) => {
      const c = Math.floor(i / 9) % 4;
      return ((v - m[c]) / Math.sqrt(s[c] + eps)) * w[c] + b[c];
    });
    near(found, expected, 1e-6); // some roundings of float32
  }
});

test('in a dry run nothing is taken for made; what a backward wants is its own', async () => {
  const norm = new BatchNorm2d(device, 4).initialise(1).eval();
  const x = data('x', [2, 4, 3, 3], 2);
  const forward = (): Tensor => noGrad(() => norm.forward(x));
  device.dryRun(forward);
  assert.is(dispatches(forward), 2);
  assert.is(dispatches(forward), 1);
  norm.tensors.bias.write(Float32Array.of(9, 9, 9, 9));
  device.dryRun(forward);
  assert.is(dispatches(forward), 2, 'the dry run did not make it');
  const { weight } = norm.tensors;
  const y = norm.forward(x);
  weight.write(new Float32Array(4));
  forward();
  backward(sum(y));
  // Of the numbers at its forward: the sum of the normalised x, which zeros in place of the weight do not change, nor what is kept.
  const expected = Float32Array.from({ length: 4 }, () => 0);
  const values = await x.data();
  values.forEach((v, i) => {
    expected[Math.floor(i / 9) % 4] += v / Math.sqrt(1 + 1e-5);
  });
  const grad = (await weight.grad?.data()) as Float32Array;
  grad.forEach((g, c) => {
    assert.ok(Math.abs(g - expected[c]) < 1e-4, `${g}, ${expected[c]}`);
  });
});

test('norm and activation as a convolution stores: the bits of norm and activation behind it, every variant', async () => {
  const cases: { ci: number; co: number; k: number; groups?: number; bias?: boolean }[] = [
    { ci: 40, co: 68, k: 1 },
    { ci: 3, co: 7, k: 3, bias: true },
    { ci: 8, co: 8, k: 3, groups: 8, bias: true },
    { ci: 8, co: 16, k: 3, groups: 2 },
  ];
  const activation = 'elu';
  await eachVariant(async (variant) => {
    for (const { ci, co, k, groups = 1, bias } of cases) {
      const x = data('x', [2, ci, 9, 7]);
      const w = random('w', [co, ci / groups, k, k], { layout: 'taps', requiresGrad: false });
      const b = bias ? data('b', [co]) : null;
      const norm = normOf(co);
      const conv = (epilogue?: Conv2dEpilogue): Tensor => {
        const options = { padding: k >> 1, groups, epilogue };
        if (k === 3) return conv2d(x, w, b, options);
        return batchNormConv2d(x, normOf(ci, 'before'), { training: false }, 'relu', w, b, options);
      };
      const [stored, behind, activated, activatedBehind] = await noGrad(() =>
        readAll([
          conv({ norm, activation }),
          batchNorm(conv(), norm, { training: false }, activation),
          conv({ activation }),
          elu(conv()),
        ]),
      );
      const what = `${variant} ${ci}>${co} ${k}x${k} in ${groups}`;
      assert.equal(stored, behind, what);
      assert.equal(activated, activatedBehind, what);
      assert.not.equal(stored, activated, what);
    }
  });
});

test('a dry run with another norm takes nothing for done that the step behind it needs', async () => {
  const make = (channels: number) => {
    const norm = new BatchNorm2d(device, channels).initialise(1);
    const optimizer = new SGD(norm.parameters(), { lr: 0.1 });
    const x = data('x', [6, channels], 2, 1);
    const train = (): void =>
      step(device, () => {
        optimizer.zeroGrad();
        backward(sum(norm.forward(x)));
        optimizer.step();
      });
    return { train, running: () => readAll([norm.tensors.runningMean, norm.tensors.runningVar]) };
  };
  const [one, two, other] = [make(5), make(5), make(3)];
  one.train();
  other.train();
  device.dryRun(two.train);
  two.train();
  assert.equal(await two.running(), await one.running());
});

test('an epilogue is refused where gradients are recorded, and for other channels', () => {
  const x = data('x', [1, 4, 2, 2]);
  const w = random('w', [8, 4, 1, 1], { layout: 'taps' });
  assert.throws(() => conv2d(x, w, null, { epilogue: { activation: 'relu' } }), /noGrad/);
  refuses(
    () => noGrad(() => conv2d(x, w, null, { epilogue: { activation: 'relu', norm: normOf(4) } })),
    /8x2x2\] has 8 channels: expected \[8\], found norm.weight\[4\]/,
  );
});

test.run();
