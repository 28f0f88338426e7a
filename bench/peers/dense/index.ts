// The best kernels known for a CPU driver, one shape each: sizes are constants, tiles divide them, and nothing else is asked
// of them (no strides, no fused normalisation, no borders of odd sizes, sums as long as they come). What generality costs ours.
import { type Tensor, tensor } from '../../../src/autograd';
import { type Constants, type Device, defineKernel, type Kernel } from '../../../src/device';
import { choose } from '../../../src/kernels/variant';
import { filler } from '../../measure';
import type { Operands, Work } from '../../works';
import { convolution } from '../../works/conv';
import { product } from '../../works/matmul';
import conv3x3Source from './conv3x3.wgsl';
import matmulSource from './matmul.wgsl';
import weightGradientSource from './weight_gradient.wgsl';

const matmul = defineKernel('dense.matmul', matmulSource);
const conv3x3 = defineKernel('dense.conv3x3', conv3x3Source);
const weightGradient = defineKernel('dense.weight_gradient', weightGradientSource);

/** A work of ours and what it is held against: the same result by a dense kernel. */
export interface Contest {
  readonly work: Work;
  prepare(operands: Operands): readonly Rival[];
}

export interface Rival {
  /** Rows x columns of a workgroup. */
  readonly tile: string;
  readonly run: () => void;
  readonly result: Tensor;
}

interface Dense {
  readonly kernel: Kernel;
  readonly buffers: Readonly<Record<string, Tensor>>;
  readonly result: Tensor;
  readonly rows: number;
  readonly columns: number;
  /** Rows that a tile must divide; taps have such rows each. */
  readonly divides?: number;
  readonly constants: Constants;
}

const TILES = [
  [4, 2],
  [4, 1],
  [2, 2],
  [2, 1],
] as const;

function rivals(device: Device, d: Dense): Rival[] {
  const { lanes } = choose(device);
  const vectors = d.columns / 4;
  const fitting = TILES.filter(([tm, tn]) => vectors % (lanes * tn) === 0 && (d.divides ?? 0) % (lanes * tm) === 0);
  return fitting.map(([tm, TN]) => {
    const TM = tm * lanes;
    const launch = {
      buffers: Object.fromEntries(Object.entries(d.buffers).map(([name, t]) => [name, t.storage])),
      constants: { ...d.constants, LANES: lanes, TM, TN },
      workgroups: [vectors / (lanes * TN), Math.ceil(d.rows / TM)] as const,
    };
    return { tile: `${TM}x${4 * TN * lanes}`, run: () => device.dispatch(d.kernel, launch), result: d.result };
  });
}

/** Matrix product, 1x1 and 3x3 convolution, and both backwards of each kind. */
export const contests = (): Contest[] => [
  ...[512, 1024].map(squareMatmul),
  ...[
    { n: 4, ci: 512, co: 128, h: 14 },
    { n: 4, ci: 64, co: 128, h: 56 },
  ].flatMap(pointwise),
  ...[
    { n: 4, ci: 128, co: 32, h: 28 },
    { n: 8, ci: 128, co: 32, h: 7 },
  ].flatMap(threeByThree),
];

interface Sizes {
  readonly n: number;
  readonly ci: number;
  readonly co: number;
  readonly h: number;
}

function squareMatmul(n: number): Contest {
  const prepare = (o: Operands): Rival[] => {
    const [a, b, c] = [o.input([n, n], 0), o.input([n, n], 1), o.output([n, n])];
    const constants = { M: n, N4: n / 4, K: n };
    return rivals(o.device, { kernel: matmul, buffers: { a, b, c }, result: c, rows: n, columns: n, constants });
  };
  return { work: product(n, n, n, false)[0], prepare };
}

/** Ours, pass by pass. */
function works({ n, ci, co, h }: Sizes, k: number): Work[] {
  const padding = (k - 1) / 2;
  const g = { n, ci, co, h, w: h, kh: k, kw: k, oh: h, ow: h };
  const geometry = { ...g, stride: [1, 1], padding: [padding, padding], dilation: [1, 1], groups: 1 } as const;
  return convolution({ name: 'conv2d', gradient: true }, geometry, 'none');
}

/** The weight [co, ci, k, k] turned over for the data gradient: [tap, the last first][co][ci]. */
function turned(o: Operands, co: number, ci: number, taps: number): Tensor {
  const weight = filler(co * ci * taps, 1);
  const data = new Float32Array(weight.length);
  for (let i = 0; i < weight.length; i++) {
    const [tap, c, out] = [i % taps, Math.floor(i / taps) % ci, Math.floor(i / taps / ci)];
    data[((taps - 1 - tap) * co + out) * ci + c] = weight[i];
  }
  return o.keep(tensor(o.device, data, [data.length]));
}

function pointwise(s: Sizes): Contest[] {
  const { n, ci, co, h } = s;
  const M = n * h * h;
  const [forward, backwardData, backwardWeight] = works(s, 1);
  const dense = (o: Operands, a: Tensor, b: Tensor, c: Tensor, K: number, columns: number): Rival[] => {
    const constants = { M, N4: columns / 4, K };
    return rivals(o.device, { kernel: matmul, buffers: { a, b, c }, result: c, rows: M, columns, constants });
  };
  return [
    {
      work: forward,
      prepare(o) {
        const [x, w] = [o.input([n, ci, h, h], 0), o.input([co, ci, 1, 1], 1, { layout: 'taps' })];
        return dense(o, x, w, o.output([n, co, h, h]), ci, co);
      },
    },
    {
      work: backwardData,
      prepare: (o) => dense(o, o.input([n, co, h, h], 2), turned(o, co, ci, 1), o.output([n, ci, h, h]), co, ci),
    },
    { work: backwardWeight, prepare: (o) => denseWeightGradient(o, s, 1) },
  ];
}

function threeByThree(s: Sizes): Contest[] {
  const { n, ci, co, h } = s;
  const [forward, backwardData, backwardWeight] = works(s, 3);
  const dense = (o: Operands, x: Tensor, w: Tensor, y: Tensor, from: number, to: number): Rival[] => {
    const constants = { M: n * h * h, H: h, CI: from, CO4: to / 4 };
    const sizes = { rows: n * h * h, columns: to, constants };
    return rivals(o.device, { kernel: conv3x3, buffers: { x, w, y }, result: y, ...sizes });
  };
  return [
    {
      work: forward,
      prepare(o) {
        const [x, w] = [o.input([n, ci, h, h], 0), o.input([co, ci, 3, 3], 1, { layout: 'taps' })];
        return dense(o, x, w, o.output([n, co, h, h]), ci, co);
      },
    },
    {
      work: backwardData,
      prepare: (o) => dense(o, o.input([n, co, h, h], 2), turned(o, co, ci, 9), o.output([n, ci, h, h]), co, ci),
    },
    { work: backwardWeight, prepare: (o) => denseWeightGradient(o, s, 3) },
  ];
}

function denseWeightGradient(o: Operands, { n, ci, co, h }: Sizes, k: number): Rival[] {
  const [x, dy] = [o.input([n, ci, h, h], 0), o.input([n, co, h, h], 2)];
  const dw = o.output([co, ci, k, k], { layout: 'taps' });
  const constants = { N: n, H: h, CI: ci, CO4: co / 4, KS: k, PAD: (k - 1) / 2 };
  const sizes = { rows: k * k * ci, divides: ci, columns: co, constants };
  return rivals(o.device, { kernel: weightGradient, buffers: { x, dy, dw }, result: dw, ...sizes });
}
