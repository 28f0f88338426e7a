import { empty, matrixOf, type Tensor, tensor } from '../src/autograd';
import type { Device } from '../src/device';
import * as norm from '../src/kernels/batch_norm';
import * as conv from '../src/kernels/conv2d';
import { filler, type Work } from './measure';

type Shape = readonly [
  n: number,
  ci: number,
  co: number,
  size: number,
  kernel: number,
  stride: number,
  padding: number,
];

const CONVOLUTIONS: readonly Shape[] = [
  [8, 64, 128, 28, 1, 1, 0],
  [8, 224, 128, 28, 1, 1, 0],
  [8, 480, 128, 14, 1, 1, 0],
  [8, 992, 128, 7, 1, 1, 0],
  [8, 128, 32, 28, 3, 1, 1],
  [8, 128, 32, 14, 3, 1, 1],
  [8, 128, 32, 7, 3, 1, 1],
  [8, 128, 32, 3, 3, 1, 1],
  [8, 3, 64, 112, 7, 2, 3],
  [16, 32, 32, 64, 3, 1, 1],
  [16, 64, 64, 32, 3, 1, 1],
  [16, 128, 128, 16, 3, 1, 1],
];

const NORMS: readonly (readonly [n: number, c: number, size: number])[] = [
  [8, 256, 28],
  [8, 64, 56],
  [8, 1024, 7],
];

/** Every kernel family at shapes that the two networks have. */
export const kernelWorks: readonly Work[] = [...CONVOLUTIONS.flatMap(convolution), ...NORMS.flatMap(normalisation)];

function convolution([n, ci, co, size, k, s, p]: Shape): Work[] {
  const out = conv.outputSize(size, k, s, p);
  const g: conv.Conv2dGeometry = {
    n,
    ci,
    co,
    h: size,
    w: size,
    kh: k,
    kw: k,
    oh: out,
    ow: out,
    stride: [s, s],
    padding: [p, p],
  };
  const flop = 2 * n * out * out * co * ci * k * k;
  const [x, y, w] = [n * ci * size * size, n * co * out * out, co * ci * k * k];
  const name = `${k}x${k}${s > 1 ? `s${s}` : ''} ${ci}>${co} @${size} b${n}`;
  const bytes = 4 * (x + y + w);
  const input = (d: Device): Tensor => tensor(d, filler(x), [n, ci, size, size]);
  const weight = (d: Device): Tensor => tensor(d, filler(w), [co, ci, k, k], { layout: 'taps' });
  const output = (d: Device): Tensor => tensor(d, filler(y), [n, co, out, out]);
  const prologue = (d: Device): conv.Prologue => ({
    pack: tensor(d, filler(4 * ci), [4 * ci]).storage,
    activation: 'relu',
  });
  const works: Work[] = [
    {
      name: `conv forward ${name}`,
      flop,
      bytes,
      prepare(d) {
        const [a, b, c] = [input(d), weight(d), output(d)];
        return () => conv.forward(d, g, matrixOf(a), b.storage, null, matrixOf(c), null);
      },
    },
    {
      name: `conv forward bn+relu ${name}`,
      flop,
      bytes,
      prepare(d) {
        const [a, b, c, f] = [input(d), weight(d), output(d), prologue(d)];
        return () => conv.forward(d, g, matrixOf(a), b.storage, null, matrixOf(c), f);
      },
    },
    {
      name: `conv backward_data ${name}`,
      flop,
      bytes,
      prepare(d) {
        const [a, b, c] = [input(d), weight(d), output(d)];
        return () => conv.backwardData(d, g, matrixOf(c), b.storage, matrixOf(a), false);
      },
    },
    {
      name: `conv backward_weight bn+relu ${name}`,
      flop,
      bytes,
      prepare(d) {
        const [a, b, c, f] = [input(d), weight(d), output(d), prologue(d)];
        return () => conv.backwardWeight(d, g, matrixOf(a), matrixOf(c), b.storage, false, f);
      },
    },
  ];
  // The gradient of the image itself is never asked for.
  return ci === 3 ? works.filter((w) => !w.name.includes('backward_data')) : works;
}

function normalisation([n, c, size]: readonly [number, number, number]): Work[] {
  const elements = n * c * size * size;
  const shape = [n, c, size, size];
  const name = `${c} @${size} b${n}`;
  const inputs = (d: Device) => ({
    x: tensor(d, filler(elements), shape),
    dy: tensor(d, filler(elements), shape),
    out: empty(d, shape),
    pack: tensor(d, filler(6 * c), [6 * c]),
    params: [tensor(d, filler(c), [c]), tensor(d, filler(c), [c])],
  });
  return [
    {
      name: `batch_norm statistics ${name}`,
      flop: 0,
      bytes: 4 * elements,
      prepare(d) {
        const i = inputs(d);
        return () => d.free(norm.statistics(d, matrixOf(i.x)).storage);
      },
    },
    {
      name: `batch_norm apply relu ${name}`,
      flop: 0,
      bytes: 8 * elements,
      prepare(d) {
        const i = inputs(d);
        return () => norm.apply(d, matrixOf(i.x), i.pack.storage, matrixOf(i.out), 'relu');
      },
    },
    {
      name: `batch_norm backward relu ${name}`,
      flop: 0,
      bytes: 20 * elements,
      prepare(d) {
        const i = inputs(d);
        const [dgamma, dbeta] = i.params.map((t) => ({ storage: t.storage, accumulate: false }));
        const dx = { matrix: matrixOf(i.out), accumulate: false };
        return () =>
          norm.backward(d, matrixOf(i.x), matrixOf(i.dy), i.pack.storage, 'relu', true, { dgamma, dbeta, dx });
      },
    },
  ];
}
