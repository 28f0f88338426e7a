import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defineKernel } from '../../src/device';
import { uncaptured } from '../attended';
import { mockDevice } from '../mock_gpu';

// The mock itself: that it would notice. What is tried with it is in the files of the things tried.
const test = suite('mock device');

const double = defineKernel(
  'double',
  `struct Params { size: u32 }
   @group(0) @binding(0) var<storage, read> x: array<f32>;
   @group(0) @binding(1) var<storage, read_write> y: array<f32>;
   @group(0) @binding(2) var<uniform> P: Params;
   @compute @workgroup_size(LANES) fn main() { }`,
);

test('it copies what is uploaded, counts what is made, and sees each launch', async () => {
  const { device, gpu } = await mockDevice();
  const [x, y] = [device.alloc(12, 'x'), device.alloc(12, 'y')];
  device.upload(x, Float32Array.of(1, 2, 3));
  device.dispatch(double, { buffers: { x, y }, params: { size: 3 }, constants: { LANES: 64 }, workgroups: [7, 2] });
  assert.equal(Array.from(new Float32Array(await device.read(x))), [1, 2, 3]);
  assert.equal(
    gpu.launches.map((l) => l.workgroups),
    [[7, 2, 1]],
  );
  assert.equal(gpu.errors, []);
  assert.equal([gpu.created.pipelines, gpu.created.bindGroups, gpu.created.submits], [1, 1, 1]);
  assert.is(gpu.alive.buffers, gpu.created.buffers);
  device.destroy();
  assert.equal(gpu.alive, { buffers: 0, bytes: 0 });
});

test('it objects to what a real device objects to', async () => {
  const { gpu } = await mockDevice({ limits: { maxStorageBufferBindingSize: 1024 }, memory: 1 << 20 });
  const g = gpu as unknown as GPUDevice;
  const found = (fn: () => void): string => {
    const before = gpu.errors.length;
    fn();
    return gpu.errors.slice(before).join('; ');
  };
  const buffer = g.createBuffer({ size: 4096, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST, label: 'b' });
  const entries = [0, 1].map((binding) => ({ binding, visibility: 4, buffer: { type: 'storage' as const } }));
  const layout = g.createBindGroupLayout({ entries });
  const bound = (offset: number, size: number, second = 1024) =>
    g.createBindGroup({
      layout,
      entries: [
        { binding: 0, resource: { buffer, offset, size } },
        { binding: 1, resource: { buffer, offset: second, size: 256 } },
      ],
    });
  assert.is(
    found(() => bound(0, 1024)),
    '',
  );
  assert.match(
    found(() => bound(0, 2048)),
    /binds 2048 bytes/,
  );
  assert.match(
    found(() => bound(4, 256)),
    /offset 4/,
  );
  assert.match(
    found(() => bound(3840, 512)),
    /3840 \+ 512 of 4096/,
  );
  const module = g.createShaderModule({ code: '@compute @workgroup_size(64) fn main() {}' });
  const pipeline = g.createComputePipeline({
    layout: g.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: 'main' },
  });
  const launched = (group: GPUBindGroup, x: number, submit = false) => {
    const encoder = g.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(x);
    pass.end();
    const commands = encoder.finish();
    if (submit) g.queue.submit([commands]);
  };
  assert.is(
    found(() => launched(bound(0, 1024), 65535, true)),
    '',
  );
  assert.match(
    found(() => launched(bound(0, 1024), 65536)),
    /65536 x 1 x 1 workgroups/,
  );
  assert.match(
    found(() => launched(bound(1024, 256), 1)),
    /b is written and bound twice/,
  );
  assert.match(
    found(() => g.createShaderModule({ code: 'fn f() {\n #error no such thing' })),
    /no such thing/,
  );
  assert.match(
    found(() => g.createBuffer({ size: 1 << 20, usage: 8, label: 'large' })),
    /large: 1048576 bytes/,
  );
  const group = bound(0, 1024);
  buffer.destroy();
  assert.match(
    found(() => launched(group, 1, true)),
    /b is destroyed/,
  );
  assert.equal(await uncaptured(), gpu.errors);
});

test.run();
