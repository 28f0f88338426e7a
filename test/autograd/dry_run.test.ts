// A dry run leaves no trace, whoever calls it and however it ends. On the mock device: nothing is computed here either way.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  backward,
  batchNorm,
  conv2d,
  dropout,
  Ema,
  empty,
  GradScaler,
  maxPool2d,
  mul,
  noGrad,
  sliceChannels,
  step,
  sum,
  type Tensor,
  tensor,
} from '../../src/autograd';
import { Node } from '../../src/autograd/node';
import { Storage } from '../../src/device';
import { BatchNorm2d, Conv2d, Module } from '../../src/models';
import { mockDevice } from '../mock_gpu';

const test = suite('dry run');
const { device, gpu } = await mockDevice();

class Net extends Module {
  readonly conv = this.child('conv', new Conv2d(this.device, 3, 4, 1));
  readonly norm = this.child('norm', new BatchNorm2d(this.device, 4));

  forward(x: Tensor): Tensor {
    return this.run(() => this.norm.forward(this.conv.forward(x), 'relu'));
  }
}

/** Something of everything that a step can change. */
function world() {
  const net = new Net(device).initialise(1);
  const optimizer = new Adam(net.parameters(), { lr: 0.1 });
  const x = tensor(device, new Float32Array(2 * 3 * 64 * 64).fill(1), [2, 3, 64, 64], { requiresGrad: true });
  // Made before the dry run, above 64 KiB: a real backward would free it.
  const outside = maxPool2d(mul(x, 2), { kernel: 2 });
  const loss = sum(outside);
  const room = empty(device, [2, 8, 64, 64]);
  const pixels = tensor(device, new Float32Array(32).fill(1), [8, 4]);
  return {
    net,
    optimizer,
    x,
    outside,
    loss,
    room,
    pixels,
    ema: new Ema(optimizer, 0.9),
    scaler: new GradScaler(device),
  };
}

function everything({ net, optimizer, x, outside, loss, room, pixels, ema, scaler }: ReturnType<typeof world>): void {
  optimizer.zeroGrad();
  optimizer.lr = 0.5;
  net.train();
  net.conv.freeze();
  const y = net.forward(dropout(x, 0.5, { seed: 1, stream: 0, training: true }));
  conv2d(x, net.conv.weight, net.conv.bias, { out: sliceChannels(room, 2, 6) });
  const bn = net.norm.tensors;
  backward(sum(batchNorm(pixels, bn, { training: true })), scaler.scale);
  backward(sum(room));
  y.onGrad(() => assert.unreachable('a dry run calls no hooks'));
  x.onGrad(() => assert.unreachable('a dry run calls no hooks'));
  sliceChannels(x, 0, 1).onGrad(() => assert.unreachable('a dry run calls no hooks'));
  backward(sum(y));
  backward(loss);
  outside.retain();
  bn.weight.detach();
  pixels.write(new Float32Array(32));
  x.requiresGrad = false;
  optimizer.step(scaler);
  ema.update(0);
  ema.swap();
  optimizer.setState(bn.bias, null);
  // Takes the parameters over.
  new Adam(net.parameters(), { lr: 1 }).step();
  device.free(outside.storage);
}

/** All fields of objects of this library, by their way from `root`; storages and nodes by identity. */
function stateOf(root: object): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const seen = new Set<object>();
  const look = (value: unknown, way: string): void => {
    if (typeof value !== 'object' || value === null || value === device) {
      if (typeof value !== 'function') found.set(way, value);
      return;
    }
    if (value instanceof Storage) {
      found.set(way, value).set(`${way}.alive`, value.alive).set(`${way}.retained`, value.retained);
      return;
    }
    if (value instanceof Node) found.set(way, value);
    if (seen.has(value)) return;
    seen.add(value);
    const entries =
      value instanceof Map
        ? [...value]
        : value instanceof Set
          ? [...value].map((v, i) => [i, v])
          : Object.entries(value);
    found.set(`${way}.size`, entries.length);
    for (const [key, v] of entries as [unknown, unknown][])
      look(v, `${way}.${typeof key === 'object' ? 'key' : String(key)}`);
  };
  look(root, 'world');
  return found;
}

/** What differs between two states. */
function differences(before: Map<string, unknown>, after: Map<string, unknown>): string[] {
  const ways = new Set([...before.keys(), ...after.keys()]);
  return [...ways].filter((way) => before.get(way) !== after.get(way));
}

const counted = () => {
  const { live, held, dispatches, buffers } = device.stats();
  return { live, held, dispatches, buffers, launches: gpu.launches.length };
};

test('whatever a step changes is as it was: gradients, statistics, producers, hooks, modules, optimizers', () => {
  const w = world();
  step(device, () => undefined);
  const [before, counts] = [stateOf(w), counted()];
  assert.ok(before.size > 300, `${before.size} fields seen`);
  device.dryRun(() => everything(w));
  assert.equal(differences(before, stateOf(w)), []);
  assert.equal(counted(), counts);
  // The looking itself would see it.
  step(device, () => backward(w.loss));
  assert.ok(differences(before, stateOf(w)).length > 5);
});

test('nor does one leave anything that ends in an error, of memory or another', () => {
  const w = world();
  step(device, () => undefined);
  const [before, counts] = [stateOf(w), counted()];
  const peak = device.dryRun(() => everything(w));
  for (let share = 0.05; share < 1; share += 0.05) {
    device.pool.budget = counts.live + share * (peak - counts.live);
    assert.throws(() => device.dryRun(() => everything(w)), /out of device memory/);
    assert.equal(differences(before, stateOf(w)), [], `stopped at ${share}`);
  }
  device.pool.budget = Number.POSITIVE_INFINITY;
  assert.throws(() =>
    device.dryRun(() => {
      everything(w);
      throw new Error('stop');
    }),
  );
  assert.equal(differences(before, stateOf(w)), []);
  assert.equal(counted(), counts);
});

test('a dry run may run inside a step, and what is persistent in it ends with it', () => {
  const w = world();
  step(device, () => {
    mul(w.x, 2);
    const { live } = device.stats();
    device.dryRun(() => {
      device.persistent(() => device.alloc(1 << 20, 'in between'));
      backward(sum(mul(w.x, 3)));
    });
    assert.is(device.stats().live, live);
    assert.is(w.x.grad, null);
  });
});

test('a step whose loss is read at its end can be tried as it is', async () => {
  const w = tensor(device, [1, 2], [2], { requiresGrad: true });
  const train = () =>
    step(device, () => {
      const loss = sum(mul(w, 2));
      backward(loss);
      return loss.item();
    });
  const rejections: unknown[] = [];
  const note = (reason: unknown): unknown => rejections.push(reason);
  process.on('unhandledRejection', note);
  device.dryRun(train);
  await new Promise((done) => setTimeout(done));
  process.off('unhandledRejection', note);
  assert.equal(rejections, []);
  let read: Promise<number> | undefined;
  device.dryRun(() => {
    read = train();
    return read;
  });
  assert.match(await (read as Promise<number>).catch((error) => error.message), /nothing can be read in a dry run/);
});

test('whoever runs a function refuses one that is async, and what is none', async () => {
  const runners: Record<string, (fn: () => Promise<number>) => unknown> = {
    dryRun: (fn) => device.dryRun(fn),
    scope: (fn) => device.scope(fn, () => []),
    persistent: (fn) => device.persistent(fn),
    profile: (fn) => device.profile(fn),
    step: (fn) => step(device, fn),
    noGrad,
  };
  let ran = false;
  const late = async (): Promise<number> => {
    ran = true;
    return 1;
  };
  for (const [name, run] of Object.entries(runners)) {
    const message = async (fn: unknown): Promise<string> => {
      try {
        await run(fn as typeof late);
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    };
    assert.match(await message(late), new RegExp(`^${name} takes .* AsyncFunction late`));
    assert.match(await message(late.bind(null)), /AsyncFunction/);
    assert.is(ran, false, name);
    assert.match(await message(Promise.resolve(1)), new RegExp(`^${name} takes .* found Promise`));
    assert.match(await message(undefined), /found undefined/);
  }
});

test.run();
