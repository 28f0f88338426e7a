import { backward, conv2d, matmul, noGrad, type Tensor, tensor } from '../autograd';
import type { Device } from '../device';

export interface Check {
  readonly name: string;
  /** Largest deviation from the CPU's result; the numbers are chosen so that float32 is exact and this is 0. */
  readonly error: number;
  readonly gflops?: number;
}

/** Eighths in [-1, 1]: products are multiples of 1/64, sums of up to 2^17 of them fit a float32's 24 bits. */
const eighths = (n: number, seed: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => (((i * 7919 + seed * 104729) % 17) - 8) / 8);

/**
 * Computes a matrix product and a 3x3 convolution with both its gradients, compares each element with the CPU's, and times
 * the product and the convolution. Takes about a second.
 */
export async function selfCheck(device: Device): Promise<Check[]> {
  const product = await checkProduct(device);
  const convolution = await checkConvolution(device);
  const a = tensor(device, eighths(1024 * 512, 1), [1024, 512]);
  const b = tensor(device, eighths(512 * 1024, 2), [512, 1024]);
  const x = tensor(device, eighths(8 * 128 * 28 * 28, 3), [8, 128, 28, 28]);
  const w = tensor(device, eighths(32 * 128 * 9, 4), [32, 128, 3, 3], { layout: 'taps' });
  const [forward, ...gradients] = convolution;
  return [
    { ...product, gflops: await rate(device, 2 * 1024 * 512 * 1024, () => matmul(a, b)) },
    {
      ...forward,
      gflops: await rate(device, 2 * 8 * 28 * 28 * 128 * 32 * 9, () => conv2d(x, w, null, { padding: 1 })),
    },
    ...gradients,
  ];
}

async function checkProduct(device: Device): Promise<Check> {
  const [m, k, n] = [150, 200, 99];
  const [a, b] = [eighths(m * k, 1), eighths(k * n, 2)];
  const expected = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let l = 0; l < k; l++) for (let j = 0; j < n; j++) expected[i * n + j] += a[i * k + l] * b[l * n + j];
  const found = await matmul(tensor(device, a, [m, k]), tensor(device, b, [k, n])).data();
  return { name: 'matrix product', error: distance(found, expected) };
}

async function checkConvolution(device: Device): Promise<Check[]> {
  const [images, from, to, size] = [2, 12, 20, 13];
  const [xs, ws, gs] = [images * from, to * from * 9, images * to].map((n, i) => (i === 1 ? n : n * size * size));
  const [x, w, g] = [eighths(xs, 3), eighths(ws, 4), eighths(gs, 5)];
  const y = new Float64Array(gs);
  const dx = new Float64Array(xs);
  const dw = new Float64Array(ws);
  for (let image = 0; image < images; image++)
    for (let o = 0; o < to; o++)
      for (let c = 0; c < from; c++)
        for (let tap = 0; tap < 9; tap++)
          for (let p = 0; p < size * size; p++) {
            const row = Math.floor(p / size) + Math.floor(tap / 3) - 1;
            const column = (p % size) + (tap % 3) - 1;
            if (row < 0 || row >= size || column < 0 || column >= size) continue;
            const at = (image * from + c) * size * size + row * size + column;
            const out = (image * to + o) * size * size + p;
            const weight = (o * from + c) * 9 + tap;
            y[out] += x[at] * w[weight];
            dx[at] += g[out] * w[weight];
            dw[weight] += g[out] * x[at];
          }
  const input = tensor(device, x, [images, from, size, size], { requiresGrad: true });
  const weights = tensor(device, w, [to, from, 3, 3], { requiresGrad: true, layout: 'taps' });
  const output = conv2d(input, weights, null, { padding: 1 }).retain();
  backward(output, tensor(device, g, [images, to, size, size]));
  const error = async (t: Tensor | null, expected: Float64Array) =>
    t ? distance(await t.data(), expected) : Number.POSITIVE_INFINITY;
  return [
    { name: '3x3 convolution', error: await error(output, y) },
    { name: '  gradient of its input', error: await error(input.grad, dx) },
    { name: '  gradient of its weights', error: await error(weights.grad, dw) },
  ];
}

/** The largest deviation; infinity where something is no number. */
function distance(found: Float32Array, expected: Float64Array): number {
  const largest = expected.reduce((worst, v, i) => Math.max(worst, Math.abs(found[i] - v)), 0);
  return Number.isNaN(largest) ? Number.POSITIVE_INFINITY : largest;
}

/** GFLOP/s of `run` by the wall clock: more and more launches at once, until they take a fifth of a second. */
async function rate(device: Device, flop: number, run: () => unknown): Promise<number> {
  for (let launches = 1; ; launches *= 2) {
    const start = performance.now();
    for (let i = 0; i < launches; i++)
      device.scope(
        () => noGrad(run),
        () => [],
      );
    await device.wait();
    const ms = performance.now() - start;
    if (ms > 200 && launches > 1) return (launches * flop) / ms / 1e6;
  }
}
