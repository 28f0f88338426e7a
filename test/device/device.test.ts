import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MachineError } from '../../src/base/errors';
import { defineKernel, type Storage } from '../../src/device';
import { Pool } from '../../src/device/pool';
import { device } from '../gpu';

const test = suite('device');

// y[i] = x[i] * factor + shift, and a count of i in steps of `by`.
const affine = defineKernel(
  'affine',
  `struct Params { size: u32, factor: f32, // the slope
     shift: i32 }
   @group(0) @binding(0) var<storage, read> x: array<f32>;
   @group(0) @binding(1) var<storage, read_write> y: array<f32>;
   @group(0) @binding(2) var<uniform> P: Params;
   @compute @workgroup_size(LANES)
   fn main(@builtin(global_invocation_id) id: vec3u) {
     if (id.x < P.size) { y[id.x] = x[id.x] * P.factor + f32(P.shift); }
   }`,
);

function run(x: Storage, y: Storage, factor: number, shift: number, workgroups = 1): void {
  const params = { size: Math.min(x.bytes, y.bytes) / 4, factor, shift };
  device.dispatch(affine, { buffers: { x, y }, params, constants: { LANES: 8 }, workgroups: [workgroups] });
}

const floats = async (s: Storage): Promise<number[]> => Array.from(new Float32Array(await device.read(s)));
const filled = (values: number[], label = 'x'): Storage => {
  const s = device.alloc(values.length * 4, label);
  device.upload(s, Float32Array.from(values));
  return s;
};

test('a kernel is read off its WGSL', () => {
  assert.equal(affine.bindings, [
    { index: 0, name: 'x', type: 'read-only-storage' },
    { index: 1, name: 'y', type: 'storage' },
    { index: 2, name: 'P', type: 'uniform' },
  ]);
  assert.equal(affine.fields, [
    { name: 'size', type: 'u32' },
    { name: 'factor', type: 'f32' },
    { name: 'shift', type: 'i32' },
  ]);
  assert.throws(
    () => defineKernel('k', 'struct Params { a: vec4f }'),
    /kernel k: Params.a is vec4f, expected u32, i32 or f32/,
  );
  const many = Array.from({ length: 65 }, (_, i) => `f${i}: u32`).join(', ');
  assert.throws(() => defineKernel('k', `struct Params { ${many} }`), /65 Params/);
});

test('parameters arrive with their types', async () => {
  const [x, y] = [filled([1, 2, 3]), device.alloc(12, 'y')];
  run(x, y, -0.5, -7);
  assert.equal(await floats(y), [-7.5, -8, -8.5]);
});

test('uploads and copies keep their place among launches', async () => {
  const [x, y, z] = [filled([1, 1]), device.alloc(8, 'y'), device.alloc(8, 'z')];
  run(x, y, 1, 0);
  device.upload(x, Float32Array.of(5, 5));
  run(x, z, 2, 0);
  device.upload(x, Float32Array.of(6), 4);
  device.copy(z, y, 4, 4, 0);
  device.clear(z);
  assert.equal(
    [await floats(x), await floats(y), await floats(z)],
    [
      [5, 6],
      [10, 1],
      [0, 0],
    ],
  );
  assert.throws(() => device.upload(x, new Float32Array(3)), /12 bytes at 0 do not fit 8/);
});

test('bytes that are no multiple of 4 and uploads above one staging chunk', async () => {
  const bytes = device.alloc(7, 'bytes');
  device.upload(bytes, Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
  assert.equal(Array.from(new Uint8Array(await device.read(bytes))), [1, 2, 3, 4, 5, 6, 7]);
  const large = Uint32Array.from({ length: 1 << 19 }, (_, i) => i);
  const s = device.alloc(large.byteLength, 'large');
  device.upload(s, large);
  const back = new Uint32Array(await device.read(s));
  assert.is(
    back.findIndex((v, i) => v !== i),
    -1,
  );
});

test('what cannot be launched is refused with names', () => {
  const [x, y] = [filled([1]), device.alloc(4, 'y')];
  const launch = { constants: { LANES: 8 }, workgroups: [1] as const };
  assert.throws(
    () => device.dispatch(affine, { ...launch, buffers: { x, y }, params: { size: 1 } }),
    /Params.factor was not given/,
  );
  const params = { size: 1, factor: 1, shift: 0 };
  assert.throws(() => device.dispatch(affine, { ...launch, buffers: { x }, params }), /kernel affine: no buffer for y/);
  assert.throws(() => run(x, x, 1, 0), /y \(x\) is written and lies in the same memory as x \(x\)/);
  const gone = device.alloc(4, 'lost');
  device.free(gone);
  assert.throws(() => run(gone, y, 1, 0), /affine: x is lost, which is gone/);
});

test('ranges: aligned, inside, apart; they end with the whole and do not end it', async () => {
  const whole = device.alloc(1024, 'whole');
  device.clear(whole);
  assert.throws(() => whole.range(4, 8, 'part'), /part: bytes 4 to 12 are no aligned range of whole/);
  assert.throws(() => whole.range(768, 512, 'part'), /no aligned range/);
  const [a, b] = [whole.range(0, 12, 'a'), whole.range(256, 12, 'b')];
  device.upload(a, Float32Array.of(1, 2, 3));
  assert.throws(() => run(a, b, 1, 0), /same memory/, 'WebGPU forbids it however far they are apart');
  const y = device.alloc(12, 'y');
  run(a, y, 1, 1);
  device.copy(y, b.range(0, 12, 'c'));
  assert.equal((await floats(whole)).slice(64, 67), [2, 3, 4]);
  device.free(a);
  assert.equal([a.alive, b.alive, whole.alive], [false, true, true]);
  const next = device.alloc(1024, 'next');
  assert.is.not(next.block, whole.block, 'freeing a range gives nothing back');
  device.free(whole);
  assert.is(b.alive, false);
});

test('a scope gives back all but its result, nested ones to the one around', () => {
  const made: Record<string, Storage> = {};
  const make = (name: string): Storage => {
    made[name] = device.alloc(4, name);
    return made[name];
  };
  const alive = (): string[] => Object.keys(made).filter((name) => made[name].alive);
  device.scope(
    () => {
      make('outer');
      device.scope(
        () => {
          make('between');
          return make('inner');
        },
        (s) => [s],
      );
      assert.equal(alive(), ['outer', 'inner']);
      return make('result');
    },
    (s) => [s],
  );
  assert.equal(alive(), ['result']);
  assert.throws(() =>
    device.scope(
      () => {
        make('failed');
        throw new Error('stop');
      },
      () => [],
    ),
  );
  assert.equal(alive(), ['result'], 'also when it fails');
});

test('persistent memory is not the scope of anyone', () => {
  const kept = device.scope(
    () => device.persistent(() => device.alloc(4, 'kept')),
    () => [],
  );
  assert.ok(kept.alive);
  device.free(kept);
});

test('the pool chooses the smallest that fits, of equals the oldest, and nothing far too large', () => {
  const pool = new Pool();
  const sizes = [8192, 4096, 4096, 65536];
  const blocks = sizes.map((n) => pool.acquire(n, 'b'));
  for (const b of [...blocks].reverse()) pool.release(b, b.lease);
  assert.is(pool.acquire(4000, 'a'), blocks[1]);
  assert.is(pool.acquire(4096, 'a'), blocks[2]);
  assert.is(pool.acquire(4096, 'a'), blocks[0], 'the next larger');
  assert.not(blocks.includes(pool.acquire(256, 'a')), '64 KiB would be wasted');
  assert.is(pool.acquire(60000, 'a'), blocks[3]);
  const { lease } = blocks[3];
  pool.release(blocks[3], lease);
  pool.release(blocks[3], lease);
  assert.equal(pool.stats().live, 8192 + 4096 + 4096 + 256);
});

test('what the pool gave back to the driver is never handed out again', () => {
  const pool = new Pool();
  const [kept, gone] = [pool.acquire(4096, 'kept'), pool.acquire(4096, 'gone')];
  pool.release(gone, gone.lease);
  pool.shrink();
  assert.equal(pool.stats(), { live: 4096, held: 4096, peak: 8192, blocks: 1 });
  assert.is.not(pool.acquire(4096, 'next'), gone);
  pool.release(kept, kept.lease);
  assert.is(pool.acquire(4096, 'last'), kept);
});

test('the pool reports what is in use, held, and the peak, and keeps to its budget', () => {
  const pool = new Pool();
  const [a, b] = [pool.acquire(1, 'a'), pool.acquire(1000, 'b')];
  pool.release(a, a.lease);
  assert.equal(pool.stats(), { live: 1024, held: 1280, peak: 1280, blocks: 2 });
  pool.resetPeak();
  assert.is(pool.stats().peak, 1024);
  pool.budget = 1280 + 2 ** 20;
  pool.release(b, b.lease);
  assert.throws(
    () => pool.acquire(3 * 2 ** 20, 'activation'),
    (e: Error) => e instanceof MachineError && /activation needs 3.0 MiB/.test(e.message),
  );
});

test('memory that no binding can hold is refused before it is made', () => {
  const limit = device.limits.maxStorageBufferBindingSize;
  assert.throws(
    () => device.alloc(limit + 1, 'image'),
    (e: Error) =>
      e instanceof MachineError && /image needs \d+ bytes.*use a smaller batch or image size/.test(e.message),
  );
});

test('a dry run counts and computes nothing', async () => {
  const [x, y] = [filled([1]), filled([9], 'y')];
  await device.wait();
  const { live, dispatches, held } = device.stats();
  const peak = device.dryRun(() => {
    run(x, y, 1, 0);
    device.upload(x, Float32Array.of(3));
    device.alloc(100 << 20, 'never made');
  });
  const after = device.stats();
  assert.ok(peak >= 100 << 20);
  assert.equal([after.live, after.dispatches], [live, dispatches]);
  assert.ok(after.held <= held, 'what was only counted is not held');
  assert.equal([await floats(x), await floats(y)], [[1], [9]]);
  assert.throws(() => device.dryRun(() => device.dryRun(() => undefined)), /dryRun inside dryRun/);
});

test('equal launches share everything', async () => {
  const [x, y] = [filled([1]), device.alloc(4, 'y')];
  run(x, y, 2, 0);
  const { bindGroups, pipelines, buffers } = device.stats();
  for (let i = 0; i < 600; i++) run(x, y, 2, 0);
  const after = device.stats();
  assert.equal([after.bindGroups, after.pipelines, after.buffers], [bindGroups, pipelines, buffers]);
});

test('profile times every launch by its label', async () => {
  const [x, y] = [filled([1]), device.alloc(4, 'y')];
  const launches = await device.profile(() => {
    run(x, y, 2, 0);
    run(x, y, 3, 0);
  });
  if (!device.features.has('timestamp-query')) return;
  assert.equal(
    launches.map((l) => l.label),
    ['affine', 'affine'],
  );
  assert.ok(launches.every((l) => l.milliseconds >= 0));
  assert.equal(await floats(y), [3]);
});

test.run();
