// An op of one's own, outside the library: a kernel, its gradient, a check of both, and a little training with it.
//   node scripts/run.mjs examples/custom_op.ts
// (In a program that has installed the package, import all of this from 'emotion-gcn'.)
import {
  backward,
  defineKernel,
  empty,
  gradcheck,
  gradInto,
  linear,
  mse,
  openDevice,
  record,
  SGD,
  step,
  type Tensor,
  tensor,
} from '../src/index';

// swish(x) = x * s, s = 1 / (1 + exp(-x)); its derivative is s * (1 + x * (1 - s)). Lane i computes element i.
const kernel = defineKernel(
  'swish',
  `struct Params { size: u32, accumulate: u32 }
   @group(0) @binding(0) var<storage, read> x: array<f32>;
   @group(0) @binding(1) var<storage, read> dy: array<f32>;
   @group(0) @binding(2) var<storage, read_write> y: array<f32>;
   @group(0) @binding(3) var<uniform> P: Params;
   @compute @workgroup_size(64)
   fn main(@builtin(global_invocation_id) id: vec3u) {
     let i = id.x;
     if (i >= P.size) { return; }
     let s = 1.0 / (1.0 + exp(-x[i]));
     if (!BACKWARD) { y[i] = x[i] * s; return; }
     let d = dy[i] * s * (1.0 + x[i] * (1.0 - s));
     if (P.accumulate == 1u) { y[i] += d; } else { y[i] = d; }
   }`,
);

/** swish(x), for tensors without gaps. */
function swish(x: Tensor): Tensor {
  if (!x.contiguous) throw new Error(`swish: ${x} is a slice`);
  const { device } = x;
  const launch = (dy: Tensor | null, to: Tensor, accumulate: boolean): void =>
    device.dispatch(kernel, {
      buffers: { x: x.storage, dy: (dy ?? x).storage, y: to.storage },
      params: { size: x.size, accumulate: accumulate ? 1 : 0 },
      constants: { BACKWARD: dy !== null },
      workgroups: [Math.ceil(x.size / 64)],
    });
  const y = empty(device, x.shape, { layout: x.layout, name: 'swish' });
  launch(null, y, false);
  record('swish', [x], [y], (dy) => {
    const dx = dy && gradInto(x);
    if (dx) launch(dy, dx.grad, dx.accumulate);
  });
  return y;
}

const device = await openDevice();
const wave = (n: number, f: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(f * (i + 1)));
const leaf = (name: string, shape: number[], f: number): Tensor =>
  tensor(
    device,
    wave(
      shape.reduce((a, b) => a * b),
      f,
    ),
    shape,
    { name, requiresGrad: true },
  );

const [checked] = await gradcheck(swish, [leaf('x', [5, 7], 1.7)]);
console.log(`gradient of swish: worst relative error ${checked.error.toExponential(1)} at ${checked.where}`);

// Learns y = x^2 on [-1, 1] with one hidden layer of swish.
const xs = Float32Array.from({ length: 32 }, (_, i) => (2 * i) / 31 - 1);
const x = tensor(device, xs, [32, 1]);
const square = tensor(
  device,
  xs.map((v) => v * v),
  [32, 1],
);
const [w1, b1, w2, b2] = [leaf('w1', [8, 1], 1.3), leaf('b1', [8], 2.1), leaf('w2', [1, 8], 0.9), leaf('b2', [1], 0.1)];
const optimizer = new SGD([w1, b1, w2, b2], { lr: 0.1, momentum: 0.9 });
for (let s = 0; s <= 300; s++) {
  const loss = step(device, () => {
    optimizer.zeroGrad();
    const error = mse(linear(swish(linear(x, w1, b1)), w2, b2), square);
    backward(error);
    optimizer.step();
    return error;
  });
  if (s % 100 === 0) console.log(`step ${s}: loss ${(await loss.item()).toFixed(5)}`);
}
