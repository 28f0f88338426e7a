// Module.chain and run under noGrad: what is freed, and what is the caller's. On the mock device.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dropout, mul, noGrad, reshape, sliceChannels, type Tensor, tensor } from '../../src/autograd';
import { Module } from '../../src/models';
import { mockDevice } from '../mock_gpu';

const test = suite('chain');
const { device } = await mockDevice();

type Layer = { forward(x: Tensor): Tensor };
const layer = (forward: (x: Tensor) => Tensor): Layer => ({ forward });
const double = layer((x) => mul(x, 2));
const idle = layer((x) => dropout(x, 0.5, { seed: 0, stream: 0, training: false }));
const flat = layer((x) => reshape(x, [x.shape[0], x.size / x.shape[0], 1, 1]));
const front = layer((x) => sliceChannels(x, 0, 2));

class Chain extends Module {
  constructor(readonly layers: readonly Layer[]) {
    super(device);
  }

  forward(x: Tensor): Tensor {
    return this.chain(this.layers, x);
  }
}

test('results in between are freed, but none that the result or the input lies in', () => {
  const chains: [string, Layer[], number][] = [
    ['three', [double, double, double], 2],
    ['dropout at the end', [double, double, idle], 1],
    ['dropout first', [idle, double, double], 1],
    ['dropout alone', [idle], 0],
    ['dropout between', [double, idle, double], 1],
    ['a reshape at the end', [double, flat], 0],
    ['a reshape first', [flat, double, double], 1],
    ['a slice at the end', [double, double, front], 1],
    ['a slice first', [front, idle, double], 0],
    ['views alone', [flat, idle, front], 0],
  ];
  for (const [name, layers, freed] of chains) {
    const made: Tensor[] = [];
    const seen = layers.map(({ forward }) =>
      layer((x) => {
        const y = forward(x);
        made.push(y);
        return y;
      }),
    );
    const x = tensor(device, new Float32Array(12), [3, 4, 1, 1]);
    const y = noGrad(() => new Chain(seen).forward(x));
    assert.ok(x.storage.alive, `${name}: the input`);
    assert.ok(y.storage.alive, `${name}: the result`);
    const gone = new Set(made.map((t) => t.storage).filter((s) => !s.alive));
    assert.is(gone.size, freed, name);
  }
});

test('what was there before the chain is not freed, whoever returns it', () => {
  const own = tensor(device, new Float32Array(12), [3, 4, 1, 1]);
  const fixed = layer(() => own);
  const x = tensor(device, new Float32Array(12), [3, 4, 1, 1]);
  for (const layers of [
    [fixed, double],
    [double, fixed, flat, double],
    [fixed, front, double, fixed],
  ]) {
    noGrad(() => new Chain(layers).forward(x));
    assert.ok(own.storage.alive && x.storage.alive);
  }
});

test('what a layer asked to keep is kept, and with gradients all is', () => {
  let kept: Tensor | undefined;
  const keeps = layer((x) => {
    kept = mul(x, 3);
    return kept.retain();
  });
  const x = tensor(device, new Float32Array(4), [2, 2]);
  noGrad(() => new Chain([keeps, double, double]).forward(x));
  assert.ok(kept?.storage.alive);
  const made: Tensor[] = [];
  const sees = layer((t) => {
    made.push(mul(t, 2));
    return made[made.length - 1];
  });
  new Chain([sees, sees, sees]).forward(x);
  assert.ok(made.every((t) => t.storage.alive));
});

test.run();
