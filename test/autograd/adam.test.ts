import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  type AdamOptions,
  AdamW,
  backward,
  GradScaler,
  mul,
  type Optimizer,
  SGD,
  step,
  sum,
  type Tensor,
  tensor,
} from '../../src/autograd';
import { device } from '../gpu';
import { uniform } from '../hashinit';
import { near, optimizerGoldens, random, refuses } from './helpers';

const test = suite('adam');

optimizerGoldens(test, 'adam');
optimizerGoldens(test, 'adamw');

/** Makes `gradient` the gradient of p, through a graph; times the loss scale of a scaler. */
function give(p: Tensor, gradient: ArrayLike<number>, scaler?: GradScaler): void {
  backward(sum(mul(p, tensor(device, Float32Array.from(gradient), p.shape, { layout: p.layout }))), scaler?.scale);
}

const count = async (optimizer: Optimizer, p: Tensor): Promise<number | undefined> => optimizer.state(p)?.step.item();

/** PyTorch's rule in doubles. */
class Reference {
  private t = 0;
  private readonly m: Float64Array;
  private readonly v: Float64Array;

  constructor(
    readonly p: Float64Array,
    private readonly decoupled: boolean,
    private readonly o: Required<AdamOptions>,
  ) {
    [this.m, this.v] = [new Float64Array(p.length), new Float64Array(p.length)];
  }

  step(grad: ArrayLike<number>): void {
    const { p, m, v } = this;
    const { lr, eps, weightDecay } = this.o;
    const [b1, b2] = this.o.betas;
    this.t++;
    for (let i = 0; i < p.length; i++) {
      const d = grad[i] + (this.decoupled ? 0 : weightDecay * p[i]);
      if (this.decoupled) p[i] *= 1 - lr * weightDecay;
      m[i] = b1 * m[i] + (1 - b1) * d;
      v[i] = b2 * v[i] + (1 - b2) * d * d;
      p[i] -= (lr * (m[i] / (1 - b1 ** this.t))) / (Math.sqrt(v[i] / (1 - b2 ** this.t)) + eps);
    }
  }
}

test('random parameters, settings and missing gradients, against doubles', async () => {
  // A step is taken with about four roundings of 2^-24 in what is added, and one of the sum; they add up as steps do.
  const [problems, limit] = [24, 1e-6];
  for (let n = 0; n < problems; n++) {
    const draw = (what: string, k = 1) => uniform(`adam/${n}/${what}`, k, 0).map((u) => (u + 1) / 2);
    const [a, b, c, d, e] = draw('settings', 5);
    const options: Required<AdamOptions> = {
      lr: 10 ** (-4 + 3 * a),
      betas: [n % 6 === 0 ? 0 : Math.fround(b), 1 - 10 ** (-4 * c)],
      eps: 10 ** (-9 + 6 * d),
      weightDecay: n % 3 === 0 ? 0 : e,
    };
    const decoupled = n % 2 === 1;
    const sizes = [...draw('sizes', 6)].map((u) => 1 + Math.floor(2 ** (12 * u)));
    const params = sizes.map((size, i) => random(`adam/${n}/p${i}`, [size]));
    const wants = sizes.map(
      (size, i) => new Reference(Float64Array.from(uniform(`adam/${n}/p${i}`, size, 0)), decoupled, options),
    );
    const optimizer = new (decoupled ? AdamW : Adam)(params, options);
    const taken = sizes.map(() => 0);
    for (let s = 0; s < 12; s++) {
      const has = draw(`has${s}`, sizes.length);
      step(device, () => {
        optimizer.zeroGrad();
        for (const [i, p] of params.entries()) {
          if (has[i] < 0.3) continue;
          const gradient = uniform(`adam/${n}/g${i}/${s}`, sizes[i], 0, 10 ** (4 * has[i] - 3));
          give(p, gradient);
          wants[i].step(gradient);
          taken[i]++;
        }
        optimizer.step();
      });
    }
    for (const [i, p] of params.entries()) {
      near(await p.data(), wants[i].p, limit, `problem ${n}, parameter ${i}`);
      assert.is((await count(optimizer, p)) ?? 0, taken[i]);
    }
  }
});

test('after very many steps the corrections are what they should be', async () => {
  const p = random('p', [3]);
  const optimizer = new Adam([p], { lr: 1 });
  const zero = new Float32Array(3);
  for (const t of [1, 10, 500, 999, 5000, 1e5, 1e7]) {
    const [m, v] = [[0.3, -0.2, 0.1].map(Math.fround), [0.04, 0.09, 0.25].map(Math.fround)];
    p.write(zero);
    optimizer.setState(p, {
      step: Float32Array.of(t - 1),
      exp_avg: Float32Array.from(m, (x) => x / 0.9),
      exp_avg_sq: Float32Array.from(v, (x) => x / 0.999),
    });
    step(device, () => {
      optimizer.zeroGrad();
      give(p, zero);
      optimizer.step();
    });
    const want = m.map((x, i) => -x / (1 - 0.9 ** t) / (Math.sqrt(v[i] / (1 - 0.999 ** t)) + 1e-8));
    near(await p.data(), want, 5e-7, `step ${t}`);
    assert.is(await count(optimizer, p), t);
  }
});

test('steps that a scaler skips are not counted, and change nothing', async () => {
  const [p, q] = [random('p', [70]), random('q', [5])];
  const [a, b] = [random('p', [70]), random('q', [5])];
  const scaled = new AdamW([p, q], { lr: 0.1 });
  const plain = new AdamW([a, b], { lr: 0.1 });
  const scaler = new GradScaler(device, { scale: 1024 });
  for (let s = 0; s < 9; s++) {
    const gradient = uniform(`g${s}`, 70, 0);
    const spoilt = s === 0 || s === 4 || s === 5;
    const before = await q.data();
    step(device, () => {
      scaled.zeroGrad();
      give(p, spoilt ? gradient.map((g, i) => (i === 69 ? Number.POSITIVE_INFINITY : g)) : gradient, scaler);
      if (s !== 2) give(q, gradient.slice(0, 5), scaler);
      scaled.step(scaler);
      if (spoilt) return;
      plain.zeroGrad();
      give(a, gradient);
      if (s !== 2) give(b, gradient.slice(0, 5));
      plain.step();
    });
    if (spoilt) assert.equal(await q.data(), before);
  }
  assert.equal([await count(scaled, p), await count(scaled, q)], [6, 5]);
  assert.equal([await p.data(), await q.data()], [await a.data(), await b.data()], 'a power of two changes no bit');
});

test('a state that was read and set goes on to the bit, whatever each parameter has seen', async () => {
  const shapes = [[3, 2, 3, 3], [5], [90], [2]];
  const make = () =>
    shapes.map((shape, i) => random(`r${i}`, shape, { layout: shape.length === 4 ? 'taps' : 'plain' }));
  const run = (optimizer: Optimizer, params: Tensor[], from: number, to: number): void => {
    for (let s = from; s < to; s++)
      step(device, () => {
        optimizer.zeroGrad();
        for (const [i, p] of params.entries())
          if (i < 3 && (i === 0 || s % (i + 1) === 0)) give(p, uniform(`r${i}/${s}`, p.size, 0));
        optimizer.step();
      });
  };
  const params = make();
  const optimizer = new Adam(params, { lr: 0.03, weightDecay: 0.1 });
  run(optimizer, params, 0, 5);
  const [weights, states] = [[] as Float32Array[], [] as (Record<string, Float32Array> | null)[]];
  for (const p of params) {
    weights.push(await p.data());
    const state = optimizer.state(p);
    states.push(
      state && Object.fromEntries(await Promise.all(Object.entries(state).map(async ([k, t]) => [k, await t.data()]))),
    );
  }
  run(optimizer, params, 5, 9);

  const others = make();
  const other = new Adam(others, { lr: 0.03, weightDecay: 0.1 });
  run(other, others, 0, 2);
  for (const [i, p] of others.entries()) {
    p.write(weights[i]);
    other.setState(p, states[i]);
  }
  run(other, others, 5, 9);
  for (const [i, p] of params.entries()) {
    assert.equal(await others[i].data(), await p.data());
    assert.is(await count(other, others[i]), await count(optimizer, p));
  }
  assert.is(other.state(others[3]), null);
});

test('two launches for a run of parameters; a steady step creates nothing', () => {
  const params = Array.from({ length: 9 }, (_, i) => random(`p${i}`, [i + 1]));
  const optimizer = new Adam(params, { lr: 0.1 });
  const once = (): void =>
    step(device, () => {
      optimizer.zeroGrad();
      for (const p of params) backward(sum(p));
      optimizer.step();
    });
  for (let s = 0; s < 3; s++) once();
  const before = device.stats();
  for (let s = 0; s < 5; s++) {
    optimizer.lr *= 0.9;
    once();
  }
  const { buffers, uniformBytes, bindGroups, pipelines } = device.stats();
  assert.equal(
    { buffers, uniformBytes, bindGroups, pipelines },
    {
      buffers: before.buffers,
      uniformBytes: before.uniformBytes,
      bindGroups: before.bindGroups,
      pipelines: before.pipelines,
    },
  );
  const { dispatches } = device.stats();
  optimizer.step();
  assert.is(device.stats().dispatches - dispatches, 2);
});

test('without eps, an element that never had a gradient stays, and none beside it is harmed', async () => {
  const [p, q] = [random('p', [6]), random('q', [3])];
  const before = await p.data();
  const optimizer = new Adam([p, q], { lr: 0.1, eps: 0 });
  for (let s = 0; s < 3; s++)
    step(device, () => {
      optimizer.zeroGrad();
      give(p, [1, 0, -2, 0, 0, 3]);
      backward(sum(q));
      optimizer.step();
    });
  const after = await p.data();
  near(
    after,
    before.map((v, i) => v - [0.3, 0, -0.3, 0, 0, 0.3][i]),
    1e-6,
  );
});

test('a dry run of a step counts nothing', async () => {
  const p = random('p', [4]);
  const optimizer = new AdamW([p], { lr: 0.1 });
  device.dryRun(() => {
    backward(sum(p));
    optimizer.step();
  });
  p.value.dropGrad();
  assert.is(optimizer.state(p), null);
  backward(sum(p));
  optimizer.step();
  assert.is(await count(optimizer, p), 1);
});

test('defaults are PyTorch’s; what cannot be is refused by name', () => {
  const p = random('p', [3]);
  assert.is(new Adam([p], { lr: 1 }).groups[0].weightDecay, 0);
  const { betas, eps, weightDecay } = new AdamW([p], { lr: 1 }).groups[0];
  assert.equal([...betas, eps, weightDecay], [0.9, 0.999, 1e-8, 0.01]);
  refuses(() => new Adam([], { lr: 1 }), /Adam: there are no parameters/);
  refuses(() => new AdamW([p, p], { lr: 1 }), /AdamW: p\[3\] was given twice/);
  refuses(() => new Adam([p], { lr: -1 }), /Adam: lr must be 0 or more, found -1/);
  refuses(() => new Adam([p], { lr: 1, weightDecay: Number.NaN }), /Adam: weightDecay must be 0 or more, found NaN/);
  refuses(() => new Adam([p], { lr: 1, eps: -1e-9 }), /Adam: eps must be 0 or more, found -1e-9/);
  refuses(() => new Adam([p], { lr: 1, betas: [1, 0.9] }), /Adam: betas\[0\] must be from 0 to below 1, found 1/);
  refuses(() => new AdamW([{ params: [p], betas: [0.9, -0.1] }], { lr: 1 }), /AdamW: betas\[1\] .* found -0.1/);
  const adam = new Adam([p], { lr: 1 });
  assert.throws(
    () => adam.setState(p, { momentum: new Float32Array(3) }),
    /Adam: expected step, exp_avg, exp_avg_sq of p\[3\], found momentum/,
  );
  assert.throws(() => adam.state(random('q', [1])), /none of this optimizer's parameters/);
  new SGD([p], { lr: 1 });
  assert.throws(() => adam.step(), /p\[3\] now belongs to an optimizer that was made later/);
});

test.run();
