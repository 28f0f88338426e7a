// The networks' state: names, order and shapes as PyTorch has them, and what loading one refuses.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { BatchNorm2d, Counter, identify, type StateEntry } from '../../src/models';
import { Fixture } from '../goldens/fixture';
import { device } from '../gpu';
import { crc32 } from '../hashinit';
import { NETS, withNet } from './networks';

const test = suite('state');

for (const { network, model, crc } of NETS) {
  test(`${model} on ${network}: names, order and shapes are PyTorch's`, () =>
    withNet(network, model, (net) => {
      const file = `test/golden/models/${model}_${network}_112.safetensors`;
      const fixture = Fixture.parse(file, readFileSync(file));
      const state = [...net.namedState()];
      assert.equal(
        state.map(([name]) => name),
        fixture.needed<string[]>('state_dict'),
      );
      const shapes = new Map(state.map(([name, t]) => [name, { shape: t instanceof Counter ? [] : t.shape }]));
      assert.equal(identify(shapes), { model, network, classes: 7 });
      const lines = state.map(([name, t]) => `${name} ${t instanceof Counter ? '' : t.shape.join('x')}\n`);
      assert.is(crc32(lines.join('')), crc);
      // The optimizer counts parameters in the state's order, and A among them.
      const buffers = /running_(mean|var)$|num_batches_tracked$/;
      assert.equal(
        [...net.namedParameters()].map(([name]) => name),
        state.map(([name]) => name).filter((name) => !buffers.test(name)),
      );
    }));
}

test('a state that is read and loaded is the same, counters too', () =>
  withNet('bregnext', 'emotion_gcn', async (from) => {
    from.initialise(3);
    for (const t of from.namedState().values()) if (t instanceof Counter) t.tensor.write(Float32Array.of(17));
    const state = await from.stateDict();
    await withNet('bregnext', 'emotion_gcn', async (to) => {
      to.initialise(4).loadStateDict(state);
      assert.equal(await to.stateDict(), state);
    });
  }));

test('numbers of double precision and counters of shape [1] are taken', async () => {
  const norm = new BatchNorm2d(device, 3);
  const numbers = { shape: [3], data: Float64Array.of(0.1, 2, -3) };
  const counter = { shape: [1], data: BigInt64Array.of(5n) };
  const names = ['weight', 'bias', 'running_mean', 'running_var'];
  norm.loadStateDict(
    new Map([...names.map((n): [string, StateEntry] => [n, numbers]), ['num_batches_tracked', counter]]),
  );
  const state = await norm.stateDict();
  for (const n of names) assert.equal(state.get(n)?.data, Float32Array.of(0.1, 2, -3));
  assert.equal(state.get('num_batches_tracked'), { shape: [], data: BigInt64Array.of(5n) });
});

test('a state that does not fit is refused by name, and nothing is changed', () =>
  withNet('bregnext', 'single_task', async (net) => {
    const before = await net.initialise(1).stateDict();
    const other = new Map<string, StateEntry>(before);
    for (const [name, { shape, data }] of before)
      if (data instanceof Float32Array) other.set(name, { shape, data: data.map(() => 9) });
    const last = '_fc0.bias';
    assert.is([...other.keys()].at(-1), last);
    const missing = new Map(other);
    missing.delete(last);
    const turned = new Map(other).set('_fc0.weight', { shape: [128, 7], data: new Float32Array(896) });
    for (const [state, message] of [
      [missing, 'a.safetensors: _fc0.bias is missing'],
      [
        new Map(other).set('fc_cont.bias', { shape: [2], data: new Float32Array(2) }),
        /it has fc_cont\.bias, this model does not/,
      ],
      [turned, 'a.safetensors: _fc0.weight is 128x7, this model wants 7x128'],
      [new Map(other).set(last, { shape: [], data: new Float32Array(1) }), /_fc0\.bias is , this model wants 7/],
      [new Map(), /_conv0\.weight is missing/],
    ] as const) {
      assert.throws(
        () => net.loadStateDict(state, 'a.safetensors'),
        (e: Error) =>
          e instanceof InputError && (typeof message === 'string' ? e.message === message : message.test(e.message)),
        String(message),
      );
    }
    assert.equal(await net.stateDict(), before);
  }));

test.run();
