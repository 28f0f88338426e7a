import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as F from '../../src/autograd';
import { InputError, MachineError } from '../../src/base/errors';
import { type Device, DeviceLost, defineKernel, type Storage } from '../../src/device';
import { openDevice } from '../../src/device/node';

import { mockDevice } from '../mock_gpu';

// Memory, loss and exhaustion, on a mock: what no real device does on demand.
const test = suite('device memory');

const copy = defineKernel(
  'scaled_copy',
  `struct Params { size: u32, k: f32 }
   @group(0) @binding(0) var<storage, read> x: array<f32>;
   @group(0) @binding(1) var<storage, read_write> y: array<f32>;
   @group(0) @binding(2) var<uniform> P: Params;
   @compute @workgroup_size(64)
   fn main(@builtin(workgroup_id) group: vec3u) { y[group.x] = P.k * x[group.x]; }`,
);

const launch = (device: Device, x: Storage, y: Storage, k = 1): void =>
  device.dispatch(copy, { buffers: { x, y }, params: { size: x.bytes / 4, k }, workgroups: [1] });

const MIB = 1 << 20;
const nothing = (): Storage[] => [];

/** The class and message of what `fn` throws, now or later. */
async function thrown(fn: () => unknown): Promise<Error | undefined> {
  try {
    await fn();
  } catch (error) {
    return error as Error;
  }
  return undefined;
}

test('what is freed once is never freed for another owner', async () => {
  const { device } = await mockDevice();
  const first = device.alloc(MIB, 'first');
  const range = first.range(0, 256, 'range');
  device.free(first);
  const second = device.alloc(MIB, 'second');
  assert.is(second.block, first.block, 'the block is handed on');
  assert.equal([first.alive, range.alive, second.alive], [false, false, true]);
  device.free(first);
  device.free(range);
  device.pool.release(first.block, first.lease); // what the garbage collector would do for `first`
  assert.is.not(device.alloc(MIB, 'third').block, second.block);
  assert.ok(second.alive);
  device.free(second);
  assert.is(second.alive, false);
});

test('a survivor of a scope that was freed before its end is gone, and its block has one owner', async () => {
  const { device } = await mockDevice();
  const result = device.scope(
    () => {
      const s = device.alloc(MIB, 'result');
      device.free(s);
      return s;
    },
    (s) => [s],
  );
  const next = device.alloc(MIB, 'next');
  assert.is(next.block, result.block);
  assert.is(result.alive, false);
  await collect();
  assert.is.not(device.alloc(MIB, 'third').block, next.block);
  for (const use of [
    () => launch(device, result, next),
    () => device.upload(result, new Float32Array(1)),
    () => device.copy(result, next),
    () => device.clear(result),
    () => device.read(result),
  ])
    assert.match(String(await thrown(use)), /result.* is gone|result, which is gone/, String(use));
});

/** Lets the garbage collector find what nothing refers to, if it may be asked. */
async function collect(): Promise<void> {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc');
  for (let i = 0; i < 3; i++) {
    gc();
    await new Promise((done) => setTimeout(done, 2));
  }
}

test('a range that survives its scope keeps the whole', async () => {
  const { device } = await mockDevice();
  const part = device.scope(
    () => device.alloc(MIB, 'whole').range(512, 256, 'part').range(0, 16, 'part of a part'),
    (s) => [s],
  );
  assert.ok(part.alive);
  assert.is.not(device.alloc(MIB, 'next').block, part.block);
});

test('a range ends with what it is a range of, at any depth, and ends nothing else', async () => {
  const { device } = await mockDevice();
  const whole = device.alloc(MIB, 'whole');
  const range = whole.range(0, 1024, 'range');
  const [part, other] = [range.range(256, 256, 'part'), whole.range(2048, 256, 'other')];
  device.free(range);
  assert.equal([whole.alive, range.alive, part.alive, other.alive], [true, false, false, true]);
  device.free(whole);
  const next = device.alloc(MIB, 'next');
  assert.is(next.block, whole.block);
  assert.equal([whole.alive, part.alive, other.alive], [false, false, false]);
  for (const s of [other, part, range]) device.free(s);
  assert.ok(next.alive);
});

test('a number that changes with every launch leaves nothing for ever', async () => {
  const { device, gpu } = await mockDevice();
  const [x, y, z] = ['x', 'y', 'z'].map((name) => device.alloc(1024, name));
  for (let i = 0; i < 100_000; i++) {
    launch(device, x, y, i);
    launch(device, y, z, 0.5);
  }
  assert.ok(device.stats().uniformBytes <= 5 * MIB, `${device.stats().uniformBytes} bytes of uniforms`);
  assert.ok(gpu.created.bindGroups < 50, `${gpu.created.bindGroups} bind groups`);
  assert.equal(gpu.errors, []);
});

test('a slot of uniforms is never written while a launch that is not submitted wants it', async () => {
  const { device, gpu } = await mockDevice();
  const [x, y] = ['x', 'y'].map((name) => device.alloc(1024, name));
  // Slots as the pending launches want them, and as the queue writes them.
  const pending = new Set<string>();
  const clashes: string[] = [];
  const write = gpu.queue.writeBuffer;
  gpu.queue.writeBuffer = (to, offset, ...rest) => {
    if (pending.has(`${to.label} ${offset}`)) clashes.push(`${to.label} ${offset}`);
    write(to, offset, ...rest);
    if (to.label.startsWith('uniforms')) pending.add(`${to.label} ${offset}`);
  };
  const submit = gpu.queue.submit;
  gpu.queue.submit = (commands) => {
    submit(commands);
    pending.clear();
  };
  for (let i = 0; i < 60_000; i++) launch(device, x, y, i % 20_000);
  assert.equal(clashes, []);
  assert.ok(gpu.created.submits > 100);
});

test('a number operand that changes with every step: 10,000 steps of an op leave no more than the first thousands', async () => {
  const { device, gpu } = await mockDevice();
  const w = F.tensor(device, new Float32Array(1000), [1000], { name: 'w' });
  for (let k = 0; k < 10_000; k++) F.step(device, () => void F.mul(w, k / 10_000));
  const { uniformBytes, bindGroups, buffers } = device.stats();
  for (let k = 0; k < 20_000; k++) F.step(device, () => void F.mul(w, 2 + k / 20_000));
  const after = device.stats();
  assert.ok(after.uniformBytes <= 5 * MIB, `${after.uniformBytes} bytes of uniforms`);
  assert.ok(after.uniformBytes <= uniformBytes + 3 * MIB && after.buffers <= buffers + 12);
  assert.ok(after.bindGroups <= bindGroups + 12, `${after.bindGroups} bind groups`);
  assert.equal(gpu.errors, []);
});

test('on the adapter: calls of changing size hold no more than twice the largest and 64 MiB, and give the right numbers', async () => {
  // A device of its own: the bound is on the most that a device ever had in use, whoever used it.
  const device = await openDevice();
  const call = async (n: number): Promise<number> => {
    const y = F.step(device, () => {
      const slice = F.tensor(device, new Float32Array(n * 1000).fill(1), [n * 1000]);
      return F.sum(F.mul(F.add(slice, slice), n));
    });
    const sum = await y.item();
    device.free(y.storage);
    return sum;
  };
  await call(512);
  const largest = 3 * 512 * 4000;
  for (let i = 0; i < 150; i++) {
    const n = 1 + ((i * 197) % 512);
    const expected = 2 * n * n * 1000;
    // Sums of 64 at most, four times over: half an ulp each time.
    assert.ok(Math.abs((await call(n)) - expected) <= 64 * 4 * 2 ** -24 * expected, `call of ${n}`);
    const { held, peak } = device.stats();
    assert.ok(held <= 2 * Math.max(largest, peak) + 64 * MIB, `${held} bytes held`);
  }
  device.destroy();
});

test('steady work creates nothing, also where it alternates', async () => {
  const { device, gpu } = await mockDevice();
  const call = (n: number): void => {
    device.scope(() => {
      let x = device.alloc(n * 1000, 'x');
      for (let i = 0; i < 500; i++) {
        const y = device.alloc(n * (1000 + 16 * (i % 9)), 'y');
        launch(device, x, y, i);
        x = y;
      }
    }, nothing);
    device.flush();
  };
  for (let i = 0; i < 6; i++) call(i % 2 ? 32 : 20);
  const before = { ...gpu.created, submits: 0 };
  for (let i = 0; i < 50; i++) call(i % 2 ? 32 : 20);
  assert.equal({ ...gpu.created, submits: 0 }, before);
});

test('10,000 calls with batches of changing size stay within twice the largest and 64 MiB', async () => {
  const { device, gpu } = await mockDevice();
  const weights = ['a', 'b', 'c'].map((name) => device.alloc(2 * MIB, name));
  const pixels = new Uint8Array(64 * 64);
  const call = async (n: number): Promise<void> => {
    const result = device.scope(
      () => {
        let x = device.alloc(n * 30_000, 'images');
        device.upload(x, pixels.subarray(0, n * 64));
        for (let layer = 0; layer < 6; layer++) {
          const y = device.alloc(n * [90_000, 40_000, 90_000, 40_000, 90_000, 64][layer], `layer ${layer}`);
          launch(device, x, y, n);
          launch(device, weights[layer % 3], y, layer);
          x = y;
        }
        return x;
      },
      (s) => [s],
    );
    await device.read(result);
    device.free(result);
  };
  await call(64);
  const largest = gpu.alive.bytes;
  let seed = 1;
  for (let i = 0; i < 10_000; i++) {
    seed = (seed * 48271) % 2147483647;
    await call(1 + (seed % 64));
  }
  assert.ok(gpu.peak <= 2 * largest + 64 * MIB, `${gpu.peak / MIB} MiB, the largest call took ${largest / MIB}`);
  assert.equal(gpu.errors, []);
});

test('growing batches do not leave the smaller ones behind', async () => {
  const { device, gpu } = await mockDevice();
  const pixels = new Uint8Array(100 * MIB);
  for (let n = 1; n <= 100; n += 3) {
    device.scope(() => {
      const x = device.alloc(n * MIB, 'x');
      device.upload(x, pixels.subarray(0, n * MIB));
      launch(device, x, device.alloc(n * MIB, 'y'), n);
    }, nothing);
    device.flush();
    const call = 3 * n * MIB; // with what is uploaded by way of
    assert.ok(gpu.alive.bytes <= 2 * call + 64 * MIB, `${gpu.alive.bytes / MIB} MiB at ${n}`);
  }
  assert.equal(gpu.errors, []);
});

test('what commands want that are still to be submitted is not destroyed', async () => {
  const { device, gpu } = await mockDevice();
  // Everything in one encoder: freed at once, so that the pool wants to give it back while it is recorded.
  for (let n = 1; n <= 100; n++) {
    const [x, y] = [device.alloc(n * MIB, 'x'), device.alloc(n * MIB, 'y')];
    launch(device, x, y, n);
    device.free(x);
    device.free(y);
  }
  await device.wait();
  assert.equal(gpu.errors, []);
  assert.ok(gpu.created.buffers > 20 && gpu.alive.buffers < gpu.created.buffers);
});

test('a dry run leaves no trace in the pool, and does not widen its bound', async () => {
  const { device, gpu } = await mockDevice();
  const kept = device.alloc(MIB, 'kept');
  device.upload(kept, new Float32Array(4));
  await device.wait();
  const before = [device.stats().held, gpu.alive.bytes];
  assert.ok(device.dryRun(() => device.alloc(1000 * MIB, 'large')) >= 1000 * MIB);
  assert.equal([device.stats().held, gpu.alive.bytes], before);
  for (let n = 1; n <= 20; n++) {
    const s = device.alloc(n * MIB * 5, 's');
    device.clear(s);
    device.free(s);
    device.flush();
  }
  assert.ok(device.stats().held <= 2 * 101 * MIB + 32 * MIB, `${device.stats().held / MIB} MiB`);
});

test('a budget counts what is in use: what is only held makes room', async () => {
  const { device, gpu } = await mockDevice();
  device.pool.budget = 100 * MIB;
  for (const mib of [30, 60, 90, 40, 99]) {
    const s = device.alloc(mib * MIB, `${mib}`);
    device.clear(s);
    device.free(s);
    device.flush();
    assert.ok(gpu.alive.bytes <= 101 * MIB, `${gpu.alive.bytes / MIB} MiB`);
  }
  assert.throws(
    () => device.alloc(101 * MIB, 'activation'),
    (e: Error) => e instanceof MachineError && /activation needs 101.0 MiB/.test(e.message),
  );
});

test('out of memory: one error with the name and what to do; the device goes on with less', async () => {
  const { device, gpu } = await mockDevice({ memory: 64 * MIB });
  const use = async (mib: number): Promise<void> => {
    const s = device.alloc(mib * MIB, `activation ${mib}`);
    device.clear(s);
    await device.wait();
    device.free(s);
  };
  await use(8);
  const error = await thrown(() => use(128));
  assert.instance(error, MachineError);
  assert.not.instance(error, DeviceLost);
  assert.match(error?.message ?? '', /out of memory: use a smaller batch or image size \(activation 128/);
  const found = gpu.errors.length;
  await use(8);
  await use(9);
  await thrown(() => use(128));
  await use(9);
  assert.is(gpu.errors.length - found, 1, 'the second 128 alone');
});

test('nothing that the device keeps for itself is lost with a step that ran out of memory', async () => {
  // Where it ends differs: in an upload of 16 MiB; or, most of the memory being held, in a smaller one, in a page of moments, in a plan.
  for (const held of [0, 7.5, 8, 8.5, 9, 9.5, 9.7, 9.9]) {
    const { device } = await mockDevice({ memory: 12 * MIB });
    const bn = {
      weight: F.tensor(device, [1], [1], { requiresGrad: true }),
      bias: F.tensor(device, [0], [1], { requiresGrad: true }),
      runningMean: F.runningStatistic(device, 1, 'mean'),
      runningVar: F.runningStatistic(device, 1, 'variance'),
    };
    bn.runningMean.write(new Float32Array(1));
    bn.runningVar.write(new Float32Array(1));
    await device.wait();
    const train = (n: number): Promise<number> =>
      F.step(device, () => {
        const y = F.batchNorm(F.tensor(device, new Float32Array(n), [n, 1]), bn, { training: true });
        const loss = F.sum(F.mul(y, 2));
        F.backward(loss);
        return loss.item();
      });
    const block = device.alloc(held * MIB + 4, 'held');
    device.clear(block);
    const error = await thrown(() => train(held ? 10_000 : 4 * MIB));
    if (held === 0) assert.match(error?.message ?? '', /out of memory: .*upload, 16777216 bytes/);
    if (error) assert.instance(error, MachineError, error.message);
    await thrown(() => bn.runningMean.data());
    await thrown(() => device.wait());
    device.free(block);
    device.pool.shrink();
    for (let i = 0; i < 2; i++) assert.is(await thrown(() => train(100)), undefined, `with ${held} MiB held`);
    assert.is(await thrown(() => bn.runningMean.data()), undefined);
  }
});

/** Every way to use a device. */
const uses = (device: Device, x: Storage, y: Storage): Record<string, () => unknown> => ({
  alloc: () => device.alloc(4, 'new'),
  dispatch: () => launch(device, x, y),
  upload: () => device.upload(x, new Float32Array(1)),
  copy: () => device.copy(x, y),
  clear: () => device.clear(x),
  flush: () => device.flush(),
  read: () => device.read(x),
  wait: () => device.wait(),
  dryRun: () => device.dryRun(() => undefined),
  profile: () => device.profile(() => undefined),
});

test('a lost device stays lost: each later use throws DeviceLost', async () => {
  const { device, gpu } = await mockDevice();
  const [x, y] = [device.alloc(4, 'x'), device.alloc(4, 'y')];
  launch(device, x, y);
  device.flush();
  gpu.lose('the driver was reset');
  await undefined;
  for (let round = 0; round < 3; round++)
    for (const [name, use] of Object.entries(uses(device, x, y))) {
      const error = await thrown(use);
      assert.instance(error, DeviceLost, name);
      assert.instance(error, MachineError, name);
      assert.not.instance(error, InputError);
      assert.match(error?.message ?? '', /the driver was reset/, name);
    }
  assert.match((await device.lost).message, /^the GPU was lost \(the driver was reset\): open the device anew$/);
  device.free(x); // giving back is no use
  device.destroy();
});

test('a read and a wait that the loss finds waiting throw DeviceLost too', async () => {
  const { device, gpu } = await mockDevice();
  const x = device.alloc(4, 'x');
  device.clear(x);
  const reading = thrown(() => device.read(x));
  gpu.lose();
  assert.instance(await reading, DeviceLost);
});

test('a device that was given back is not used afterwards', async () => {
  const { device } = await mockDevice();
  const [x, y] = [device.alloc(4, 'x'), device.alloc(4, 'y')];
  device.destroy();
  for (const [name, use] of Object.entries(uses(device, x, y))) {
    const error = await thrown(use);
    assert.instance(error, DeviceLost, name);
    assert.match(error?.message ?? '', /destroy/, name);
  }
  device.free(x);
  device.destroy();
});

test('what a binding rounds up is held to the limit as well', async () => {
  const { device, gpu } = await mockDevice({ limits: { maxStorageBufferBindingSize: 4092, maxBufferSize: 1 << 20 } });
  assert.throws(() => device.alloc(4084, 'x'), /x needs 4084 bytes/);
  const [x, y] = [device.alloc(4080, 'x'), device.alloc(4080, 'y')];
  launch(device, x, y);
  await device.wait();
  assert.equal(gpu.errors, []);
});

test.run();
