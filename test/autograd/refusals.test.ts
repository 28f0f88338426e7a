// What ops, tensors and optimizers refuse: every condition of every check on its own, from just inside each bound to just outside. On the mock
// device: what is taken is launched, and computes nothing.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as F from '../../src/autograd';
import { mockDevice } from '../mock_gpu';

const test = suite('refusals');
const { device } = await mockDevice({ features: ['shader-f16'] });
const { device: bare } = await mockDevice();

/** @throws AssertionError where something is not taken, or not refused as it should be */
type Trial = () => Promise<void>;

/** Tries one argument of something with what it takes, and with what it refuses and what it says about that. */
function argument<T>(
  run: (value: T) => unknown,
  taken: readonly T[],
  refused: readonly T[],
  says: (value: T) => string,
  kind = 'InputError',
): Trial {
  const found = async (value: T): Promise<string> => {
    try {
      await run(value);
      return 'taken';
    } catch (error) {
      return String(error);
    }
  };
  return async () => {
    for (const value of taken) assert.is(await found(value), 'taken', `${run} of ${shown(value)}`);
    for (const value of refused) {
      const expected = `${kind}: ${says(value)}`;
      const said = await found(value);
      assert.ok(said.startsWith(expected), `${run} of ${shown(value)}: expected ${expected}, found ${said}`);
    }
  };
}

const shown = (value: unknown): string => (Array.isArray(value) ? `[${value.map(shown).join(', ')}]` : String(value));

/** The usual numbers with another in the place of one of them, place by place. */
function places<const T extends readonly number[]>(usual: T, ...others: readonly ((usual: number) => number)[]) {
  const at = (place: number, other: (usual: number) => number) =>
    usual.map((v, i) => (i === place ? other(v) : v)) as { readonly [K in keyof T]: number };
  return usual.flatMap((_, place) => others.map((other) => at(place, other)));
}
const eachOf = <const T extends readonly number[]>(usual: T, ...others: readonly number[]) =>
  places(usual, ...others.map((other) => () => other));
const oneMore = <const T extends readonly number[]>(usual: T) => places(usual, (v) => v + 1);

const t = (name: string, shape: readonly number[], options: F.TensorOptions = {}): F.Tensor =>
  F.empty(device, shape, { name, ...options });
const slice = (name: string, [n, c, ...map]: readonly number[]): F.Tensor =>
  F.sliceChannels(t(name, [n, c + 4, ...map]), 4, 4 + c);
const U32 = { dtype: 'u32' } as const;
const F16 = { dtype: 'f16' } as const;
const TAPS = { layout: 'taps' } as const;
const PLAIN = { layout: 'plain' } as const;
const { NaN: NAN, POSITIVE_INFINITY: INFINITE } = Number;

/** An op of one of its operands, and of the other. */
const either = (...runs: readonly ((operand: F.Tensor) => unknown)[]) => runs;

/** What is said of types. */
const floatsOnly = (op: string) => (x: F.Tensor) =>
  `${op}: expected numbers of type f32 or f16, found ${x} of type u32`;
const float32Only = (op: string) => (x: F.Tensor) =>
  `${op}: expected numbers of type f32, found ${x} of type ${x.dtype}`;

/** What an op of one tensor of any shape takes. */
const anyFloats = (op: string, run: (x: F.Tensor) => unknown): Trial =>
  argument(
    run,
    [t('x', [3]), t('x', [2, 3]), t('x', [1, 2, 2, 2], PLAIN), t('w', [2, 2, 1, 1], TAPS), t('x', [2, 4], F16)],
    [t('x', [3], U32), t('x', [2, 3], U32)],
    floatsOnly(op),
  );

const { relu, leakyRelu, elu, exp, log, sqrt, square, neg, abs, sigmoid, relu6, gelu, swish, tanh } = F;
const UNARY = { relu, leakyRelu, elu, exp, log, sqrt, square, neg, abs, sigmoid, relu6, gelu, swish, tanh };

const arithmetic = (op: string, by: (a: F.Operand, b: F.Operand) => F.Tensor): Trial[] => {
  const a = t('a', [2, 3]);
  return [
    argument((b: F.Operand) => by(a, b), [2, t('b', [3]), t('b', [2, 1]), t('b', [1], F16)], [], String),
    argument((b: F.Tensor) => by(a, b), [], [t('b', [2, 3], U32), t('b', [3], U32)], floatsOnly(op)),
    argument((b: F.Tensor) => by(b, a), [t('b', [2, 3], PLAIN)], [t('b', [2, 3], U32)], floatsOnly(op)),
    argument(
      (b: F.Tensor) => by(a, b),
      [],
      [t('b', [2]), t('b', [2, 2])],
      (b) => `${op}: a[2x3] and ${b} do not fit: axis 1`,
    ),
    argument(
      (b: F.Tensor) => by(b, a),
      [],
      [t('b', [3, 3]), t('b', [4, 3, 1])],
      (b) => `${op}: ${b} and a[2x3] do not fit`,
    ),
    argument(
      (b: F.Tensor) => by(a, b),
      [t('b', [4, 5, 2, 3])],
      [t('b', [1, 1, 1, 2, 3])],
      (b) => `${op}: broadcasting takes shapes of at most 4 axes, found a[2x3] and ${b}`,
    ),
    argument(
      (b: F.Tensor) => by(b, a),
      [t('b', [4, 5, 2, 3])],
      [t('b', [1, 1, 1, 2, 3])],
      (b) => `${op}: broadcasting takes shapes of at most 4 axes, found ${b} and a[2x3]`,
    ),
    argument(
      (b: number) => by(1, b),
      [],
      [2],
      () => `${op}: expected at least one tensor, found two numbers`,
    ),
  ];
};

const x = t('x', [1, 4, 5, 6]);
const map = (op: string, run: (x: F.Tensor) => unknown): Trial[] => [
  argument(run, [x, slice('x', [1, 4, 5, 6]), t('x', [1, 4, 5, 6], F16)], [t('x', [1, 4, 5, 6], U32)], floatsOnly(op)),
  argument(
    run,
    [],
    [t('x', [5, 6]), t('x', [4, 5, 6]), t('x', [1, 4, 5, 6], PLAIN), t('x', [1, 4, 5, 6], TAPS)],
    (x) => `${op}: x must be [N, C, H, W] in layout rows, found ${x} in layout ${x.layout}`,
  ),
];

type Pair = readonly [number, number];
type Sides = readonly [number, number, number, number];
const NO_COUNTS = eachOf([1, 1], 0, -1, 0.5, 1.5, NAN, INFINITE);

const w = t('w', [2, 4, 3, 3], TAPS);
/** The checks that all convolutions share. */
const convolution = (
  op: string,
  run: (x: F.Tensor, w: F.Tensor, b: F.Tensor | null, options: F.Conv2dOptions) => unknown,
): Trial[] => {
  const given = '; x is x[1x4x5x6], weight w[2x4x3x3]';
  const b = t('b', [2]);
  const set = (options: F.Conv2dOptions) => run(x, w, null, options);
  return [
    argument(
      (x: F.Tensor) => run(x, w, b, {}),
      [x, slice('x', [1, 4, 5, 6])],
      [t('x', [1, 4, 5, 6], U32)],
      floatsOnly('conv2d'),
    ),
    argument(
      (x: F.Tensor) => run(x, w, b, {}),
      [],
      [t('x', [1, 4, 5, 6], PLAIN), t('x', [1, 4, 5, 6], TAPS), t('x', [4, 5, 6]), t('x', [4, 5])],
      (x) => `conv2d: x must be [N, C, H, W] in layout rows; x is ${x}, weight w[2x4x3x3], bias b[2]`,
    ),
    argument(
      (w: F.Tensor) => run(x, w, b, {}),
      [w],
      [t('w', [2, 4, 3, 3], { ...TAPS, ...F16 }), t('w', [2, 4, 3, 3], { ...TAPS, ...U32 })],
      float32Only('conv2d'),
    ),
    argument(
      (w: F.Tensor) => run(x, w, null, {}),
      [w],
      [t('w', [2, 4, 3, 3]), t('w', [2, 4, 3, 3], PLAIN), t('w', [2, 4]), t('w', [2, 4, 3])],
      (w) => `conv2d: weight must be [O, C, KH, KW] in layout taps; x is x[1x4x5x6], weight ${w}`,
    ),
    argument(
      (c: number) => run(x, t('w', [2, c, 3, 3], TAPS), null, {}),
      [4],
      [3, 5],
      (c) => `conv2d: weight expects ${c} channels, x has 4`,
    ),
    argument(
      (c: number) => run(x, t('w', [2, c, 3, 3], TAPS), null, { groups: 2 }),
      [2],
      [1, 3, 4],
      (c) => `conv2d: weight expects ${2 * c} channels in 2 groups, x has 4`,
    ),
    argument(
      (groups: number) => run(x, t('w', [6, 4, 3, 3], TAPS), null, { groups }),
      [1],
      [3],
      (g) => `conv2d: ${g} groups must divide the channels, 4 in and 6 out`,
    ),
    argument(
      (groups: number) => run(x, t('w', [6, 1, 3, 3], TAPS), null, { groups }),
      [],
      [4],
      (g) => `conv2d: ${g} groups must divide the channels, 4 in and 6 out`,
    ),
    argument(
      (groups: number) => set({ groups }),
      [1],
      [0, -1, 0.5, 1.5, NAN, INFINITE],
      (g) => `conv2d: groups must be at least 1, found ${g}${given}`,
    ),
    argument((b: F.Tensor) => run(x, w, b, {}), [b], [t('b', [2], F16), t('b', [2], U32)], float32Only('conv2d')),
    argument(
      (b: F.Tensor) => run(x, w, b, {}),
      [],
      [t('b', [1]), t('b', [3]), t('b', [2, 1]), t('b', [1, 2])],
      (b) => `conv2d: bias must be [2]${given}, bias ${b}`,
    ),
    argument(
      (stride: Pair) => set({ stride }),
      [[1, 1], ...oneMore([1, 1])],
      NO_COUNTS,
      (s) => `conv2d: stride must be at least 1, found ${s}${given}`,
    ),
    argument(
      (dilation: Pair) => set({ dilation }),
      [[1, 1], ...oneMore([1, 1])],
      NO_COUNTS,
      (d) => `conv2d: dilation must be at least 1, found ${d}${given}`,
    ),
    argument(
      (padding: F.Conv2dOptions['padding']) => set({ padding }),
      [0, 2, [1, 0], [0, 1], ...eachOf([0, 0, 0, 0], 1)],
      eachOf([0, 0, 0, 0], -1, 0.5, NAN, INFINITE),
      (p) => `conv2d: padding must not be negative, found ${p}${given}`,
    ),
    // 5x6 pixels.
    argument(
      ([kh, kw]: Pair) => run(x, t('w', [2, 4, kh, kw], TAPS), null, {}),
      [[5, 6]],
      oneMore([5, 6]),
      ([kh, kw]) => `conv2d: the kernel ${kh}x${kw} is larger than the padded image`,
    ),
    argument(
      ([kh, kw]: Pair) => run(x, t('w', [2, 4, kh, kw], TAPS), null, { padding: [1, 0, 0, 2] }),
      [[6, 8]],
      oneMore([6, 8]),
      ([kh, kw]) => `conv2d: the kernel ${kh}x${kw} is larger than the padded image`,
    ),
    argument(
      (dilation: Pair) => set({ dilation }),
      [[2, 2]],
      oneMore([2, 2]),
      (d) => `conv2d: the kernel ${d.map((d) => 2 * d + 1).join('x')} is larger than the padded image`,
    ),
    argument(
      (out: F.Tensor) => set({ out }),
      [t('out', [1, 2, 3, 4]), slice('out', [1, 2, 3, 4])],
      [...oneMore([1, 2, 3, 4]), [2, 12]].map((shape) => t('out', shape)),
      (out) => `conv2d: out is ${out}, the result is 1x2x3x4`,
    ),
    argument(
      (out: F.Tensor) => set({ out }),
      [],
      [t('out', [1, 2, 3, 4], F16), t('out', [1, 2, 3, 4], U32)],
      (out) => `conv2d: out is stored as ${out.dtype}, x as f32`,
    ),
    argument(
      (out: F.Tensor) => set({ out }),
      [],
      [t('out', [1, 2, 3, 4], PLAIN), t('out', [1, 2, 3, 4], TAPS)],
      (out) => `conv2d: out must be in layout rows, found ${out.layout}`,
    ),
    argument(
      (activation: 'relu') => set({ epilogue: { activation } }),
      [],
      ['relu'],
      () => 'conv2d: an epilogue has no gradient: use it under noGrad',
      'Error',
    ),
    argument(
      (c: number) => F.noGrad(() => set({ epilogue: { activation: 'relu', norm: norm(c) } })),
      [2],
      [1, 4],
      (c) => `batch_norm: ${op}[1x2x3x4] has 2 channels: expected [2], found weight[${c}]`,
    ),
  ];
};

const norm = (channels: number, other: Partial<F.BatchNormTensors> = {}): F.BatchNormTensors => ({
  weight: t('weight', [channels]),
  bias: t('bias', [channels]),
  runningMean: t('mean', [channels]),
  runningVar: t('var', [channels]),
  ...other,
});
const NORM = ['weight', 'bias', 'runningMean', 'runningVar'] as const;
const EVALUATION = { training: false } as const;
const TRAINING = { training: true } as const;
/** The checks that all norms share. */
const normalisation = (run: (x: F.Tensor, bn: F.BatchNormTensors, options: F.BatchNormOptions) => unknown): Trial[] =>
  [EVALUATION, TRAINING].flatMap((mode) =>
    NORM.flatMap((name) => [
      argument(
        (v: F.Tensor) => run(x, norm(4, { [name]: v }), mode),
        [t('v', [4])],
        [t('v', [4], F16), t('v', [4], U32)],
        float32Only('batch_norm'),
      ),
      argument(
        (v: F.Tensor) => run(x, norm(4, { [name]: v }), mode),
        [],
        [t('v', [3]), t('v', [5]), t('v', [1]), t('v', [1, 4]), slice('v', [1, 4])],
        (v) => `batch_norm: x[1x4x5x6] has 4 channels: expected [4], found ${v}`,
      ),
    ]).concat(
      argument(
        (batchesTracked: F.Tensor) => run(x, norm(4, { batchesTracked }), mode),
        [t('n', [1])],
        [t('n', [1], F16), t('n', [1], U32)],
        float32Only('batch_norm'),
      ),
      argument(
        (batchesTracked: F.Tensor) => run(x, norm(4, { batchesTracked }), mode),
        [],
        [t('n', [2]), slice('n', [1, 1])],
        (n) => `batch_norm: batches are counted in [1], found ${n}`,
      ),
      argument(
        (momentum: number) => run(x, norm(4), { ...mode, momentum }),
        [0, 0.1, 1],
        [-1e-9, 1.001, NAN],
        (momentum) => `batch_norm: momentum must be from 0 to 1, found ${momentum}`,
      ),
      argument(
        (eps: number) => run(x, norm(4), { ...mode, eps }),
        [0, 1e-5],
        [-1e-9, NAN],
        (eps) => `batch_norm: eps must be 0 or more, found ${eps}`,
      ),
    ),
  );

/** The checks that pools with windows share. */
const windows = (op: string, run: (x: F.Tensor, options: F.PoolOptions) => unknown): Trial[] => {
  const set = (options: Partial<F.PoolOptions>) => run(x, { kernel: 2, ...options });
  const of = `${op} of x[1x4x5x6]:`;
  return [
    ...map(op, (x) => run(x, { kernel: 2 })),
    argument(
      (kernel: Pair) => set({ kernel }),
      [[1, 1], ...oneMore([1, 1])],
      NO_COUNTS,
      (k) => `${of} the kernel must be at least 1, found ${k}`,
    ),
    argument(
      (stride: Pair) => set({ stride }),
      [[1, 1], ...oneMore([1, 1])],
      NO_COUNTS,
      (s) => `${of} the stride must be at least 1, found ${s}`,
    ),
    argument(
      (padding: F.PoolOptions['padding']) => set({ padding }),
      [0, 1, [1, 0], [0, 1], ...eachOf([0, 0, 0, 0], 1)],
      eachOf([0, 0, 0, 0], -1, 0.5, 2, NAN),
      (p) => `${of} the padding must be 0 to half the kernel 2x2, found ${p}`,
    ),
    // Top and bottom go by the kernel's height, left and right by its width.
    argument(
      (padding: Sides) => set({ kernel: [3, 4], padding }),
      [[1, 1, 2, 2]],
      oneMore([1, 1, 2, 2]),
      (p) => `${of} the padding must be 0 to half the kernel 3x4, found ${p}`,
    ),
    argument(
      (kernel: Pair) => set({ kernel }),
      [[5, 6]],
      oneMore([5, 6]),
      (k) => `${of} the kernel ${k.join('x')} is larger than the padded image`,
    ),
    argument(
      (kernel: Pair) => set({ kernel, padding: [1, 0, 0, 2] }),
      [[6, 8]],
      oneMore([6, 8]),
      (k) => `${of} the kernel ${k.join('x')} is larger than the padded image`,
    ),
    argument(
      (out: F.Tensor) => set({ out }),
      [t('out', [1, 4, 2, 3]), slice('out', [1, 4, 2, 3])],
      [...oneMore([1, 4, 2, 3]), [4, 6]].map((shape) => t('out', shape)),
      (out) => `${of} out is ${out}, the result is 1x4x2x3`,
    ),
    argument(
      (out: F.Tensor) => set({ out }),
      [],
      [t('out', [1, 4, 2, 3], F16), t('out', [1, 4, 2, 3], U32)],
      (out) => `${op}: out is stored as ${out.dtype}, x as f32`,
    ),
    argument(
      (out: F.Tensor) => set({ out }),
      [],
      [t('out', [1, 4, 2, 3], PLAIN), t('out', [1, 4, 2, 3], TAPS)],
      (out) => `${op}: out ${out} must be in layout rows, found ${out.layout}`,
    ),
    argument(
      (out: F.Tensor) => set({ kernel: 1, out }),
      [t('out', [1, 4, 5, 6])],
      [x],
      (out) => `${op}: out ${out} is a part of the memory that x ${x} lies in`,
    ),
  ];
};

const matrix = (run: (x: F.Tensor) => unknown, says: (x: F.Tensor) => string): Trial[] => [
  argument(
    run,
    [t('x', [2, 3]), slice('x', [2, 3]), t('x', [2, 3], F16)],
    [t('x', [3]), t('x', [1, 2, 3]), t('x', [2, 3, 1, 1]), t('x', [2, 3], PLAIN)],
    says,
  ),
];
/** Their operands become f32 first. */
const turnedFloat = (run: (x: F.Tensor) => unknown, shape = [2, 3]): Trial =>
  argument(run, [t('x', shape, F16)], [t('x', shape, U32)], floatsOnly('f32'));

const concordance = (run: (pred: F.Tensor, gold: F.Tensor) => unknown): Trial[] => {
  const gold = t('gold', [2, 3]);
  return [
    ...matrix(
      (x) => run(x, gold),
      (x) => `ccc: pred must be [N, K]; pred is ${x}, gold gold[2x3]`,
    ),
    argument(
      (g: F.Tensor) => run(gold, g),
      [gold, slice('g', [2, 3])],
      [t('g', [3, 2]), t('g', [2, 2]), t('g', [6]), t('g', [2, 3], PLAIN)],
      (g) => `ccc: gold must have the shape of pred; pred is gold[2x3], gold ${g}`,
    ),
    argument(
      (n: number) => run(t('p', [n, 3]), t('g', [n, 3])),
      [2],
      [1],
      () => 'ccc: a batch of one sample has no variance, use two or more; pred is p[1x3], gold g[1x3]',
    ),
    turnedFloat((x) => run(x, gold)),
    turnedFloat((x) => run(gold, x)),
  ];
};

const axes = (op: string, run: (x: F.Tensor, options: F.ReduceOptions) => unknown): Trial[] => [
  anyFloats(op, (x) => run(x, {})),
  argument(
    (x: F.Tensor) => run(x, {}),
    [t('x', [1, 2, 3, 4])],
    [t('x', [1, 1, 2, 3, 4])],
    (x) => `${op}: expected at most 4 axes, found ${x}`,
  ),
  argument(
    (axis: number) => run(t('x', [2, 3]), { axes: [axis] }),
    [-2, -1, 0, 1],
    [-3, 2, 0.5, -0.5, NAN, INFINITE],
    (axis) => `${op}: x[2x3] has no axis ${axis}`,
  ),
  argument(
    (axis: number) => run(t('x', [2, 3]), { axes: [0, axis] }),
    [0, 1],
    [2],
    () => `${op}: x[2x3] has no axis 2`,
  ),
];

const image = {
  n: 2,
  h: 4,
  w: 3,
  images: new Uint8Array(72),
  affine: new Int32Array(12),
  flip: new Uint32Array(2),
};
const table = t('table', [256, 3]);
const arrays = (
  name: 'images' | 'affine' | 'flip' | 'color' | 'erased',
  size: number,
  Kind: typeof Int32Array | typeof Uint8Array | typeof Uint32Array,
) =>
  argument(
    (length: number) => F.affineImage(device, { ...image, [name]: new Kind(length) }, table),
    [size],
    [size - 1, size + 1, 0],
    (found) => `affine_image of 2 pictures of 3x4: expected ${size} numbers in ${name}, found ${found}`,
  );

const compressed = { rows: 2, columns: 3, pointers: [0, 1, 3], indices: [2, 0, 1], values: [1, 2, 3] };
const csr = (other: Partial<typeof compressed>): F.Csr => {
  const { rows, columns, pointers, indices, values } = { ...compressed, ...other };
  return F.csr(device, rows, columns, pointers, indices, values);
};
const graph = csr({});

const labels = F.labels(device, [0, 1], 3);
const logits = t('x', [2, 3]);

const REFUSALS: Readonly<Record<string, readonly Trial[]>> = {
  ...Object.fromEntries(Object.entries(UNARY).map(([op, run]) => [op, [anyFloats(op, run)]])),
  add: arithmetic('add', F.add),
  sub: arithmetic('sub', F.sub),
  mul: arithmetic('mul', F.mul),
  div: arithmetic('div', F.div),
  float: [anyFloats('f32', F.float)],
  half: [anyFloats('f16', F.half)],
  conv2d: convolution('conv2d', F.conv2d),
  batchNormConv2d: [
    ...convolution('batch_norm_conv2d', (x, w, b, o) =>
      F.batchNormConv2d(x, norm(x.shape[1]), EVALUATION, 'relu', w, b, o),
    ),
    ...normalisation((x, bn, options) => F.batchNormConv2d(x, bn, options, 'relu', w, null, {})),
    argument(
      (n: number) => F.batchNormConv2d(t('x', [n, 4, 1, 1]), norm(4), TRAINING, 'relu', w, null, { padding: 1 }),
      [2],
      [1],
      () => 'batch_norm: expected more than 1 value per channel when training, found x[1x4x1x1]',
    ),
  ],
  batchNorm: [
    ...normalisation((x, bn, options) => F.batchNorm(x, bn, options)),
    argument(
      (x: F.Tensor) => F.batchNorm(x, norm(4), TRAINING),
      [x, t('x', [2, 4]), slice('x', [2, 4])],
      [t('x', [4]), t('x', [1, 4, 2]), t('x', [2, 4], PLAIN), t('x', [1, 4, 2, 2], TAPS)],
      (x) => `batch_norm: ${x} must be in layout rows, found ${x.layout}`,
    ),
    argument(
      (x: F.Tensor) => F.batchNorm(x, norm(4), EVALUATION),
      [t('x', [1, 4], F16)],
      [t('x', [2, 4], U32)],
      floatsOnly('batch_norm'),
    ),
    argument(
      (x: F.Tensor) => F.batchNorm(x, norm(4), TRAINING),
      [t('x', [2, 4]), t('x', [1, 4, 2, 1]), t('x', [1, 4, 1, 2])],
      [t('x', [1, 4]), t('x', [1, 4, 1, 1])],
      (x) => `batch_norm: expected more than 1 value per channel when training, found ${x}`,
    ),
    argument((x: F.Tensor) => F.batchNorm(x, norm(4), EVALUATION), [t('x', [1, 4]), t('x', [1, 4, 1, 1])], [], String),
  ],
  batchNormAvgPool2d: [
    ...normalisation((x, bn, options) => F.batchNormAvgPool2d(x, bn, options, 'relu')),
    argument(
      (x: F.Tensor) => F.batchNormAvgPool2d(x, norm(4), EVALUATION, 'relu'),
      [t('x', [1, 4, 2, 2]), t('x', [1, 4, 2, 2], F16)],
      [t('x', [1, 4, 1, 2]), t('x', [1, 4, 2, 1]), t('x', [2, 4]), t('x', [4, 2, 2])],
      (x) => `batch_norm_avg_pool2d: expected [N, C, H, W] of at least 2x2 pixels, found ${x}`,
    ),
    argument(
      (x: F.Tensor) => F.batchNormAvgPool2d(x, norm(4), EVALUATION, 'relu'),
      [],
      [t('x', [1, 4, 2, 2], PLAIN)],
      (x) => `batch_norm: ${x} must be in layout rows, found plain`,
    ),
    argument(
      (x: F.Tensor) => F.batchNormAvgPool2d(x, norm(4), EVALUATION, 'relu'),
      [],
      [t('x', [1, 4, 2, 2], U32)],
      floatsOnly('batch_norm'),
    ),
  ],
  sliceChannels: [
    argument(
      (x: F.Tensor) => F.sliceChannels(x, 0, 2),
      [t('x', [2, 4]), t('x', [1, 4, 2, 2]), t('x', [2, 4], U32)],
      [t('x', [4]), t('x', [2, 4], PLAIN), t('x', [4, 4, 1, 1], TAPS)],
      (x) => `slice_channels: expected [N, C] or [N, C, H, W] in layout rows, found ${x} in layout ${x.layout}`,
    ),
    argument(
      ([from, to]: Pair) => F.sliceChannels(t('x', [2, 4]), from, to),
      [
        [0, 4],
        [0, 1],
        [3, 4],
      ],
      [
        [-1, 2],
        [0, 5],
        [2, 2],
        [3, 2],
        [0.5, 2],
        [0, 1.5],
        [NAN, 2],
        [0, NAN],
      ],
      ([from, to]) => `slice_channels: x[2x4] has channels 0 to 3, asked for ${from} to ${to - 1}`,
    ),
  ],
  concat: [
    argument(
      (xs: readonly F.Tensor[]) => F.concat(xs),
      [[t('x', [2, 4])]],
      [[]],
      () => 'concat: expected at least one tensor',
    ),
    argument(
      (y: F.Tensor) => F.concat([t('x', [2, 4]), y]),
      [t('y', [2, 1]), t('y', [2, 4], F16)],
      [t('y', [3, 4]), t('y', [2, 4, 1, 1])],
      (y) => `concat: x[2x4] and ${y} differ in more than their channels`,
    ),
    argument(
      (y: F.Tensor) => F.concat([x, y]),
      [t('y', [1, 1, 5, 6])],
      [t('y', [2, 4, 5, 6]), t('y', [1, 4, 4, 6]), t('y', [1, 4, 5, 5]), t('y', [1, 4])],
      (y) => `concat: x[1x4x5x6] and ${y} differ in more than their channels`,
    ),
    ...either(
      (y) => F.concat([t('x', [2, 4]), y]),
      (y) => F.concat([y, t('x', [2, 4])]),
    ).flatMap((run) => [
      argument(
        run,
        [],
        [t('y', [8]), t('y', [2, 4], PLAIN)],
        (y) => `concat: expected [N, C] or [N, C, H, W] in layout rows, found ${y} in layout plain`,
      ),
      argument(run, [], [t('y', [2, 4], U32)], floatsOnly('concat')),
    ]),
  ],
  padChannels: [
    argument(
      (x: F.Tensor) => F.padChannels(x, 1, 1),
      [t('x', [2, 4]), t('x', [1, 4, 2, 2], F16)],
      [t('x', [4]), t('x', [2, 4], PLAIN), t('x', [4, 4, 1, 1], TAPS)],
      (x) => `pad_channels: expected [N, C] or [N, C, H, W] in layout rows, found ${x} in layout ${x.layout}`,
    ),
    argument((x: F.Tensor) => F.padChannels(x, 1, 1), [], [t('x', [2, 4], U32)], floatsOnly('pad_channels')),
    argument(
      ([before, after]: Pair) => F.padChannels(t('x', [2, 4]), before, after),
      eachOf([0, 0], 0, 1),
      eachOf([0, 0], -1, 0.5, NAN),
      ([before, after]) => `pad_channels of x[2x4]: cannot add ${before} channels in front and ${after} behind`,
    ),
  ],
  labels: [
    argument(
      (label: number) => F.labels(device, [0, label], 3),
      [0, 2],
      [-1, 3, 0.5, NAN, INFINITE],
      (l) => `label 1: expected 0 to 2, found ${l}`,
    ),
    argument(
      (label: number) => F.labels(device, [label, 0], 3),
      [],
      [3],
      () => 'label 0: expected 0 to 2, found 3',
    ),
  ],
  logSoftmax: [...matrix(F.logSoftmax, (x) => `log_softmax: expected [N, C], found ${x}`), turnedFloat(F.logSoftmax)],
  crossEntropy: [
    ...matrix(
      (x) => F.crossEntropy(x, labels),
      (x) => `cross_entropy: logits must be [N, C]; logits are ${x}, labels labels[2]`,
    ),
    turnedFloat((x) => F.crossEntropy(x, labels)),
    argument(
      (l: F.Tensor) => F.crossEntropy(logits, l),
      [labels],
      [t('l', [2]), t('l', [2], F16), t('l', [1], U32), t('l', [3], U32), t('l', [2, 1], U32), t('l', [1, 2], U32)],
      (l) => `cross_entropy: expected 2 labels of u32; logits are x[2x3], labels ${l}`,
    ),
    argument(
      (weight: F.Tensor) => F.crossEntropy(logits, labels, weight),
      [t('w', [3])],
      [t('w', [2]), t('w', [4]), t('w', [1, 3]), t('w', [3, 1])],
      (weight) => `cross_entropy: weight must be [3], found ${weight}; logits are x[2x3]`,
    ),
    argument(
      (weight: F.Tensor) => F.crossEntropy(logits, labels, weight),
      [],
      [t('w', [3], F16), t('w', [3], U32)],
      float32Only('cross_entropy'),
    ),
    argument(
      (smoothing: number) => F.crossEntropy(logits, labels, null, smoothing),
      [0, 0.1, 1],
      [-1e-9, 1.001, NAN, INFINITE],
      (s) => `cross_entropy: label smoothing must be from 0 to 1, found ${s}`,
    ),
  ],
  ccc: concordance(F.ccc),
  cccLoss: concordance(F.cccLoss),
  mse: [
    argument(
      (y: F.Tensor) => F.mse(t('x', [2, 3]), y),
      [t('y', [2, 3]), slice('y', [2, 3])],
      [t('y', [3, 2]), t('y', [2, 3, 1, 1]), t('y', [6]), t('y', [2, 3], PLAIN)],
      (y) => `mse: expected two tensors of one shape and layout, found x[2x3] (rows) and ${y} (${y.layout})`,
    ),
    turnedFloat((x) => F.mse(x, t('y', [2, 3]))),
    turnedFloat((x) => F.mse(t('y', [2, 3]), x)),
  ],
  dropout: [
    anyFloats('dropout', (x) => F.dropout(x, 0.5, { seed: 1, stream: 0, training: true })),
    ...[true, false].map((training) =>
      argument(
        (p: number) => F.dropout(t('x', [2]), p, { seed: 1, stream: 0, training }),
        [0, 0.5, 1],
        [-1e-9, 1.001, NAN, INFINITE],
        (p) => `dropout of x[2]: expected a probability, found ${p}`,
      ),
    ),
    argument(
      ([seed, stream]: Pair) => F.dropout(t('x', [2]), 0.5, { seed, stream, training: true }),
      eachOf([0, 0], -1, 2 ** 32),
      eachOf([0, 0], 0.5, NAN, INFINITE),
      ([seed, stream]) => `dropout of x[2]: seed and stream must be whole numbers, found ${seed} and ${stream}`,
    ),
  ],
  matmul: [
    ...either(
      (x) => F.matmul(x, t('y', [2, 2])),
      (x) => F.matmul(t('y', [2, 2]), x),
    ).flatMap((run) => [
      argument(
        run,
        [t('x', [2, 2]), slice('x', [2, 2]), t('x', [2, 2], PLAIN)],
        [t('x', [2]), t('x', [2, 2, 1]), t('x', [2, 2, 1, 1])],
        (x) => `matmul: expected two matrices, found ${x}`,
      ),
      turnedFloat(run, [2, 2]),
    ]),
    argument(
      (rows: number) => F.matmul(t('a', [2, 3]), t('b', [rows, 4])),
      [3],
      [2, 4],
      (rows) => `matmul: a has 3 columns, b ${rows} rows; a is a[2x3], b b[${rows}x4]`,
    ),
    argument(
      (rows: number) => F.matmul(t('a', [rows, 2]), t('b', [3, 4]), { transposeA: true }),
      [3],
      [2, 4],
      (rows) => `matmul: a has ${rows} columns, b 3 rows; a is a[${rows}x2] transposed, b b[3x4]`,
    ),
    argument(
      (columns: number) => F.matmul(t('a', [2, 3]), t('b', [4, columns]), { transposeB: true }),
      [3],
      [2, 4],
      (columns) => `matmul: a has 3 columns, b ${columns} rows; a is a[2x3], b b[4x${columns}] transposed`,
    ),
  ],
  linear: [
    argument(
      (x: F.Tensor) => F.linear(x, t('w', [4, 3]), null),
      [t('x', [2, 3]), slice('x', [2, 3]), t('x', [2, 3], PLAIN)],
      [t('x', [3]), t('x', [1, 2, 3]), t('x', [2, 3, 1, 1])],
      (x) => `linear: x must be [N, I]; x is ${x}, weight w[4x3]`,
    ),
    turnedFloat((x) => F.linear(x, t('w', [4, 3]), null)),
    argument(
      (w: F.Tensor) => F.linear(t('x', [2, 3]), w, null),
      [t('w', [4, 3])],
      [t('w', [3]), t('w', [4, 3, 1]), t('w', [4, 3, 1, 1])],
      (w) => `linear: weight must be [O, I]; x is x[2x3], weight ${w}`,
    ),
    argument(
      (w: F.Tensor) => F.linear(t('x', [2, 3]), w, null),
      [],
      [t('w', [4, 3], F16), t('w', [4, 3], U32)],
      float32Only('linear'),
    ),
    argument(
      (features: number) => F.linear(t('x', [2, 3]), t('w', [4, features]), null),
      [3],
      [2, 4],
      (f) => `linear: weight expects ${f} features, x has 3`,
    ),
    argument(
      (b: F.Tensor) => F.linear(t('x', [2, 3]), t('w', [4, 3]), b),
      [t('b', [4])],
      [t('b', [3]), t('b', [5]), t('b', [1, 4]), t('b', [4, 1])],
      (b) => `linear: bias must be [4]; x is x[2x3], weight w[4x3], bias ${b}`,
    ),
    argument(
      (b: F.Tensor) => F.linear(t('x', [2, 3]), t('w', [4, 3]), b),
      [],
      [t('b', [4], F16), t('b', [4], U32)],
      float32Only('linear'),
    ),
  ],
  maxPool2d: windows('max_pool2d', F.maxPool2d),
  maxPool2dWithIndices: windows('max_pool2d', F.maxPool2dWithIndices),
  avgPool2d: windows('avg_pool2d', F.avgPool2d),
  adaptiveAvgPool2d: [
    ...map('adaptive_avg_pool2d', (x) => F.adaptiveAvgPool2d(x, 1)),
    argument(
      (size: Pair) => F.adaptiveAvgPool2d(x, size),
      eachOf([1, 1], 1, 9),
      NO_COUNTS,
      (s) => `adaptive_avg_pool2d of x[1x4x5x6]: the size must be at least 1, found ${s.join('x')}`,
    ),
  ],
  sum: axes('sum', F.sum),
  mean: axes('mean', F.mean),
  reshape: [
    argument(
      (shape: readonly number[]) => F.reshape(t('x', [2, 6]), shape),
      [[12], [3, 4], [1, 2, 6], [2, 3, 2, 1]],
      [[11], [13], [2, 5], [-2, -6], [-1, 12], [0], [1.5, 8], [12, 0.5, 2], [NAN], []],
      (shape) => `reshape: x[2x6] has 12 elements, they cannot fill ${shape.join('x')}`,
    ),
    argument(
      (x: F.Tensor) => F.reshape(x, [2, 2, 3]),
      [t('x', [1, 3, 2, 2]), t('x', [12], U32)],
      [t('x', [1, 3, 2, 2], U32)],
      floatsOnly('reshape'),
    ),
  ],
  flatten: [
    argument(
      (axis: number) => F.flatten(t('x', [2, 3, 4, 4]), axis),
      [0, 1, 2, 3],
      [-1, 4, 0.5, NAN],
      (axis) => `flatten: x[2x3x4x4] has no axis ${axis}`,
    ),
  ],
  transpose: [
    argument(
      (x: F.Tensor) => F.transpose(x),
      [t('x', [2, 3]), slice('x', [2, 3]), t('x', [2, 3], PLAIN)],
      [t('x', [3]), t('x', [1, 2, 3]), t('x', [2, 3, 1, 1])],
      (x) => `transpose: expected a matrix, found ${x}`,
    ),
    argument((x: F.Tensor) => F.transpose(x), [t('x', [2, 3], F16)], [t('x', [2, 3], U32)], floatsOnly('transpose')),
  ],
  resizeBilinear: [
    ...map('resize_bilinear', (x) => F.resizeBilinear(x, [2, 2])),
    argument(
      (size: Pair) => F.resizeBilinear(x, size),
      eachOf([1, 1], 1, 9),
      NO_COUNTS,
      ([h, w]) => `resize_bilinear of x[1x4x5x6]: the size must be at least 1, found ${h}x${w}`,
    ),
    // (1 + 1)(2^29 - 2 + 1) is below 2^30, and (1 + 1)(2^29 - 1 + 1) is not. A dry run takes no memory.
    argument(
      (size: Pair) => device.dryRun(() => F.resizeBilinear(t('x', [1, 1, 1, 1]), size)),
      eachOf([1, 1], 2 ** 29 - 2),
      eachOf([1, 1], 2 ** 29 - 1),
      ([h, w]) => `resize_bilinear of x[1x1x1x1]: a side times what it becomes must be below 2^30, found ${h}x${w}`,
    ),
  ],
  shortcut: [
    anyFloats('shortcut', (x) => F.shortcut(x, t('a', [1]), t('c', [1]))),
    ...either(
      (a) => F.shortcut(t('x', [2]), a, t('c', [1])),
      (c) => F.shortcut(t('x', [2]), t('a', [1]), c),
    ).map((run) => argument(run, [t('v', [1])], [t('v', [1], F16), t('v', [1], U32)], float32Only('shortcut'))),
    argument(
      (a: F.Tensor) => F.shortcut(t('x', [2]), a, t('c', [1])),
      [],
      [t('a', [2]), slice('a', [1, 1])],
      (a) => `shortcut: expected a and c of shape [1], found ${a} and c[1]`,
    ),
    argument(
      (c: F.Tensor) => F.shortcut(t('x', [2]), t('a', [1]), c),
      [],
      [t('c', [2]), slice('c', [1, 1])],
      (c) => `shortcut: expected a and c of shape [1], found a[1] and ${c}`,
    ),
  ],
  csr: [
    argument(
      ([rows, columns]: Pair) =>
        F.csr(
          device,
          rows,
          columns,
          Array.from({ length: rows + 1 }, (_, r) => r),
          new Uint32Array(rows),
          new Float32Array(rows),
        ),
      eachOf([1, 1], 1, 2),
      [],
      String,
    ),
    argument(
      ([rows, columns]: Pair) => csr({ rows, columns }),
      [[2, 3]],
      eachOf([2, 3], 0, -1, 2.5, NAN, INFINITE),
      ([rows, columns]) => `csr ${rows}x${columns}: rows and columns must be whole numbers from 1 on`,
    ),
    argument(
      (pointers: number[]) => csr({ pointers }),
      [
        [0, 1, 3],
        [0, 0, 3],
        [0, 3, 3],
      ],
      [
        [0, 3],
        [0, 1, 3, 3],
      ],
      (p) => `csr 2x3: expected 3 row pointers, found ${p.length}`,
    ),
    argument(
      (indices: number[]) => csr({ indices }),
      [],
      [
        [2, 0],
        [2, 0, 1, 1],
      ],
      (i) => `csr 2x3: ${i.length} column indices for 3 values`,
    ),
    argument(
      (pointers: number[]) => csr({ pointers }),
      [],
      [
        [1, 1, 3],
        [-1, 1, 3],
        [NAN, 1, 3],
      ],
      ([first]) => `csr 2x3: the first row pointer must be 0, found ${first}`,
    ),
    argument(
      (pointers: number[]) => csr({ pointers }),
      [],
      [
        [0, 1, 2],
        [0, 1, 4],
      ],
      (p) => `csr 2x3: the last row pointer must be 3, found ${p[2]}`,
    ),
    argument(
      (pointers: number[]) => csr({ pointers }),
      [],
      [
        [0, 4, 3],
        [0, 0.5, 3],
        [0, NAN, 3],
      ],
      (p) =>
        `csr 2x3: row pointers must be whole numbers that do not fall, found ${p[1] > 3 ? '4 and then 3 at row 1' : `0 and then ${p[1]} at row 0`}`,
    ),
    argument(
      (column: number) => csr({ indices: [0, column, 1] }),
      [0, 2],
      [-1, 3, 0.5, NAN],
      (c) => `csr 2x3: entry 1 lies in column ${c}`,
    ),
    argument(
      (column: number) => csr({ indices: [0, 1, column] }),
      [],
      [3],
      () => 'csr 2x3: entry 2 lies in column 3',
    ),
  ],
  csrFromDense: [
    argument(
      (length: number) => F.csrFromDense(device, new Float32Array(length), 2, 3),
      [6],
      [5, 7],
      (found) => `csr 2x3: expected 6 elements, found ${found}`,
    ),
  ],
  spmm: [
    argument(
      (x: F.Tensor) => F.spmm(graph, x),
      [t('x', [3, 2]), slice('x', [3, 2])],
      [t('x', [2, 2]), t('x', [4, 2]), t('x', [3]), t('x', [3, 2, 1]), t('x', [3, 2, 1, 1]), t('x', [3, 2], PLAIN)],
      (x) => `spmm: expected x to be [3, F] for an adjacency of 2x3, found ${x}`,
    ),
    turnedFloat((x) => F.spmm(graph, x), [3, 2]),
  ],
  affineImage: [
    arrays('images', 72, Uint8Array),
    arrays('affine', 12, Int32Array),
    arrays('flip', 2, Uint32Array),
    arrays('color', 6, Int32Array),
    arrays('erased', 8, Int32Array),
    argument(
      (table: F.Tensor) => F.affineImage(device, image, table),
      [t('table', [256, 3]), t('table', [256, 3], PLAIN)],
      [t('t', [255, 3]), t('t', [256, 4]), t('t', [768]), t('t', [3, 256]), slice('t', [256, 3])],
      (table) => `affine_image: table must be [256, 3] and no slice, found ${table}`,
    ),
    argument(
      (table: F.Tensor) => F.affineImage(device, image, table),
      [],
      [t('t', [256, 3], F16), t('t', [256, 3], U32)],
      float32Only('affine_image'),
    ),
    argument(
      (share: number) => F.affineImage(device, { ...image, share }, table),
      [0, 0.5, 1],
      [-1e-9, 1.001, NAN],
      (share) => `affine_image: share must be from 0 to 1, found ${share}`,
    ),
  ],
};

/** One of them as the only setting that is out of the way. */
const rates = (of: string, make: (rate: number) => unknown): Trial =>
  argument(make, [0, 0.1, 2], [-1e-9, NAN], (v) => `${of} must be 0 or more, found ${v}`);

const parameter = (name: string, shape: readonly number[], options: F.TensorOptions = {}) =>
  t(name, shape, { requiresGrad: true, ...options });
/** The checks that all optimizers share. */
const optimizer = (
  kind: string,
  make: (params: F.Tensor[], options: Partial<F.OptimizerOptions>) => unknown,
): Trial[] => [
  argument(
    (params: F.Tensor[]) => make(params, {}),
    [[parameter('p', [3])], [parameter('p', [3]), parameter('q', [2, 4, 1, 1], TAPS)]],
    [[]],
    () => `${kind}: there are no parameters`,
  ),
  argument(
    (p: F.Tensor) => make([parameter('q', [3]), p], {}),
    [t('p', [3])],
    [F.mul(parameter('p', [3]), 2), F.sliceChannels(parameter('p', [2, 4]), 0, 2)],
    (p) => `${kind}: ${p} is no parameter, but computed or a slice`,
  ),
  argument(
    (p: F.Tensor) => make([parameter('q', [3]), p], {}),
    [],
    [parameter('p', [3], F16), parameter('p', [3], U32)],
    float32Only(kind),
  ),
  argument(
    (p: F.Tensor) => make([p, parameter('q', [3]), p], {}),
    [],
    [parameter('p', [3])],
    (p) => `${kind}: ${p} was given twice`,
  ),
  rates(`${kind}: lr`, (lr) => make([parameter('p', [3])], { lr })),
  rates(`${kind}: weightDecay`, (weightDecay) => make([parameter('p', [3])], { weightDecay })),
];

const adam = (kind: string, Kind: typeof F.Adam): Trial[] => {
  const make = (options: Partial<F.AdamOptions>) => new Kind([parameter('p', [3])], { lr: 1, ...options });
  return [
    ...optimizer(kind, (params, options) => new Kind(params, { lr: 1, ...options })),
    rates(`${kind}: eps`, (eps) => make({ eps })),
    ...[0, 1].map((at) =>
      argument(
        (beta: number) => make({ betas: at === 0 ? [beta, 0.9] : [0.9, beta] }),
        [0, 0.999999],
        [-1e-9, 1, NAN],
        (beta) => `${kind}: betas[${at}] must be from 0 to below 1, found ${beta}`,
      ),
    ),
    rates(
      `${kind}: lr`,
      (lr) => new Kind([{ params: [parameter('p', [3])] }, { params: [parameter('q', [3])], lr }], { lr: 1 }),
    ),
  ];
};
const ofState = parameter('p', [3]);
const withState = new F.Adam([ofState], { lr: 1 });
const state = (step: number, average: number, square: number) => ({
  step: new Float32Array(step),
  exp_avg: new Float32Array(average),
  exp_avg_sq: new Float32Array(square),
});

const SETTINGS: Readonly<Record<string, readonly Trial[]>> = {
  SGD: [
    ...optimizer('SGD', (params, options) => new F.SGD(params, { lr: 1, ...options })),
    rates('SGD: momentum', (momentum) => new F.SGD([parameter('p', [3])], { lr: 1, momentum })),
    argument(
      (momentum: number) => new F.SGD([parameter('p', [3])], { lr: 1, momentum, nesterov: true }),
      [0.1],
      [0],
      () => 'SGD: nesterov needs a momentum above 0',
    ),
  ],
  Adam: adam('Adam', F.Adam),
  AdamW: adam('AdamW', F.AdamW),
  setState: [
    argument(
      (state: Record<string, Float32Array> | null) => withState.setState(ofState, state),
      [null, state(1, 3, 3)],
      [
        {},
        { step: new Float32Array(1) },
        { ...state(1, 3, 3), more: new Float32Array(3) },
        { step: new Float32Array(1), exp_avg: new Float32Array(3), momentum: new Float32Array(3) },
      ],
      (state) => `Adam: expected step, exp_avg, exp_avg_sq of p[3], found ${Object.keys(state ?? {}).join(', ')}`,
      'Error',
    ),
    argument(
      (sizes: readonly [number, number, number]) => withState.setState(ofState, state(...sizes)),
      [],
      oneMore([1, 3, 3]),
      ([s, average, square]) =>
        `Adam: expected ${s > 1 ? '1 numbers in step' : average > 3 ? '3 numbers in exp_avg' : '3 numbers in exp_avg_sq'} of p[3], found ${s > 1 ? s : Math.max(average, square)}`,
      'Error',
    ),
    argument(
      (p: F.Tensor) => withState.setState(p, null),
      [ofState],
      [parameter('q', [3])],
      (p) => `Adam: ${p} is none of this optimizer's parameters`,
      'Error',
    ),
  ],
  clipGradNorm: [
    argument(
      (max: number) => F.clipGradNorm([parameter('p', [3])], max),
      [1e-9, 1, INFINITE],
      [0, -1, NAN],
      (max) => `clipGradNorm: maxNorm must be above 0, found ${max}`,
    ),
    argument(
      (params: F.Tensor[]) => F.clipGradNorm(params, 1),
      [],
      [[]],
      () => 'clipGradNorm: there are no parameters',
    ),
    argument(
      (p: F.Tensor) => F.clipGradNorm([parameter('q', [3]), p], 1),
      [parameter('p', [3])],
      [parameter('p', [3], F16)],
      float32Only('clipGradNorm'),
    ),
  ],
  Ema: [
    argument(
      (decay: number) => new F.Ema(withState, decay),
      [0, 0.999],
      [-1e-9, 1, NAN],
      (decay) => `Ema: decay must be from 0 to below 1, found ${decay}`,
    ),
    argument(
      (t: number) => new F.Ema(withState, 0.9).update(t),
      [0, 1e9],
      [-1, NAN],
      (t) => `Ema: steps are counted from 0, found ${t}`,
    ),
  ],
  GradScaler: [
    argument(
      (scale: number) => new F.GradScaler(device, { scale }),
      [1e-9, 65536],
      [0, -1, NAN, INFINITE],
      (scale) => `GradScaler: scale must be above 0, found ${scale}`,
    ),
    argument(
      (growthInterval: number) => new F.GradScaler(device, { growthInterval }),
      [1, 2000],
      [0, -1, 0.5, 1.5, NAN, INFINITE],
      (interval) => `GradScaler: growthInterval must be a whole number above 0, found ${interval}`,
    ),
  ],
  'Guard.look': [
    argument(
      (loss: F.Tensor) => new F.Guard(device).look(loss),
      [t('loss', [1]), t('loss', []), t('loss', [1, 1])],
      [t('loss', [2]), slice('loss', [1, 1])],
      (loss) => `Guard.look: a loss must be [1], found ${loss}`,
    ),
    argument(
      (loss: F.Tensor) => new F.Guard(device).look(loss),
      [],
      [t('loss', [1], F16), t('loss', [1], U32)],
      float32Only('Guard.look'),
    ),
  ],
};

const TENSORS: Readonly<Record<string, readonly Trial[]>> = {
  empty: [
    argument(
      (shape: readonly number[]) => F.empty(device, shape),
      [[1], [], [1, 2, 3], ...eachOf([1, 1], 1, 2)],
      eachOf([1, 2, 3], 0, -1, 0.5, NAN, INFINITE),
      (shape) => `a tensor cannot have shape ${shape.join('x')}`,
      'Error',
    ),
    argument(
      (shape: number[]) => F.empty(device, shape, { layout: 'rows' }),
      [
        [1, 2],
        [1, 2, 3, 4],
      ],
      [[], [1], [1, 2, 3], [1, 2, 3, 4, 5]],
      (shape) => `layout rows wants [N, C] or [N, C, H, W], found ${shape.join('x')}`,
      'Error',
    ),
    argument(
      (shape: number[]) => F.empty(device, shape, TAPS),
      [[1, 2, 3, 4]],
      [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4, 5]],
      (shape) => `layout taps wants [O, I, KH, KW], found ${shape.join('x')}`,
      'Error',
    ),
    argument(
      (dtype: 'f32' | 'f16' | 'u32') => F.empty(bare, [1], { dtype }),
      ['f32', 'u32'],
      ['f16'],
      () => 'this adapter has no f16 (shader-f16): use f32',
    ),
  ],
  tensor: [
    argument(
      (length: number) => F.tensor(device, new Float32Array(length), [2, 3]),
      [6],
      [5, 7, 0],
      (found) => `tensor 2x3: expected 6 elements, found ${found}`,
    ),
    argument(
      (length: number) => F.tensor(device, new Uint32Array(length), [2, 3]),
      [6],
      [5, 7],
      (found) => `tensor 2x3: expected 6 elements, found ${found}`,
    ),
  ],
  write: [
    argument(
      (length: number) => t('x', [2, 3]).write(new Float32Array(length)),
      [6],
      [5, 7],
      (found) => `write to x[2x3]: expected 6 elements, found ${found}`,
      'Error',
    ),
    argument(
      (x: F.Tensor) => x.write(new Float32Array(6)),
      [t('x', [2, 3]), t('x', [2, 3], F16)],
      [t('x', [2, 3], U32)],
      () => 'write to x[2x3]: it is of type u32, found a Float32Array',
      'Error',
    ),
    argument(
      (x: F.Tensor) => x.write(new Uint32Array(6)),
      [t('x', [2, 3], U32)],
      [t('x', [2, 3]), t('x', [2, 3], F16)],
      (x) => `write to x[2x3]: it is of type ${x.dtype}, found a Uint32Array`,
      'Error',
    ),
    argument(
      (x: F.Tensor) => x.write(new Float32Array(x.size)),
      [],
      [slice('x', [2, 4]), slice('x', [1, 4]), F.sliceChannels(t('x', [1, 4]), 0, 2)],
      (x) => `write to ${x}: it is a slice; write the whole`,
      'Error',
    ),
  ],
  item: [
    argument(
      (x: F.Tensor) => x.item(),
      [t('x', [1]), t('x', []), t('x', [1, 1, 1, 1])],
      [t('x', [2]), t('x', [1, 2])],
      (x) => `item() of ${x}: expected one element, found 2`,
      'Error',
    ),
  ],
  requiresGrad: [
    argument(
      (x: F.Tensor) => {
        x.requiresGrad = false;
      },
      [parameter('p', [2]), F.mul(parameter('p', [2]), 2).detach()],
      [F.mul(parameter('p', [2]), 2)],
      () => 'mulNumber[2]: only a leaf can be told to require a gradient; detach() it first',
      'Error',
    ),
  ],
  backward: [
    argument(
      (root: F.Tensor) => F.backward(root),
      [F.sum(parameter('p', [2])), parameter('p', [1])],
      [t('x', [1]), F.noGrad(() => F.sum(parameter('p', [2])))],
      (root) => `backward from ${root}: nothing that it was made from requires a gradient`,
      'Error',
    ),
    argument(
      (n: number) => F.backward(parameter('p', [n])),
      [1],
      [2],
      (n) => `backward from p[${n}]: a tensor of ${n} elements needs an upstream gradient`,
      'Error',
    ),
    argument(
      (up: F.Tensor) => F.backward(parameter('p', [2, 3]), up),
      [t('up', [2, 3]), slice('up', [2, 3]), t('up', [2, 3], F16)],
      [t('up', [3, 2]), t('up', [2]), t('up', [1])],
      (up) => `backward from p[2x3]: upstream has shape ${up.shape.join('x')}`,
      'Error',
    ),
    argument(
      (up: F.Tensor) => F.backward(parameter('p', [2, 3]), up),
      [],
      [t('up', [2, 3], PLAIN)],
      () => 'backward from p[2x3]: upstream must have layout rows, found plain',
      'Error',
    ),
    argument(
      (up: F.Tensor) => F.backward(parameter('p', [2, 3]), up),
      [],
      [t('up', [2, 3], U32)],
      floatsOnly('backward'),
    ),
  ],
  gradcheck: [
    argument(
      (inputs: F.Tensor[]) => F.gradcheck(() => t('y', [1]), inputs),
      [],
      [[], [t('x', [1])]],
      () => 'gradcheck: no input requires a gradient',
      'Error',
    ),
  ],
  inspect: [
    argument(
      (bins: number) => F.inspect(t('x', [2]), { bins }),
      [1, 20],
      [0, -1, 0.5, 1.5, NAN, INFINITE],
      (bins) => `inspect: expected 1 bin or more, found ${bins}`,
    ),
    argument(
      (x: F.Tensor | null) => F.inspect(x),
      [t('x', [2])],
      [null],
      () => 'inspect: expected a tensor, found null',
    ),
  ],
};

for (const [name, trials] of Object.entries({ ...REFUSALS, ...SETTINGS, ...TENSORS }))
  test(name, async () => {
    for (const trial of trials) await trial();
  });

test('an optimizer that is refused takes no parameter over', () => {
  const p = parameter('p', [3]);
  const first = new F.SGD([p], { lr: 1 });
  for (const options of [{ lr: -1 }, { lr: 1, momentum: -1 }, { lr: 1, nesterov: true }])
    assert.throws(() => new F.SGD([p], options));
  for (const options of [
    { lr: 1, eps: -1 },
    { lr: 1, betas: [0, 1] as const },
  ])
    assert.throws(() => new F.Adam([p], options));
  assert.throws(() => new F.SGD([p, p], { lr: 1 }));
  first.step();
});

test('every op of src/autograd/ops is here', () => {
  const index = readFileSync('src/autograd/index.ts', 'utf8');
  const exported = [...index.matchAll(/export \{([^}]*)\} from '\.\/ops\//g)].flatMap(([, names]) => names.split(','));
  const ops = exported.map((name) => name.trim()).filter((name) => name && !name.startsWith('type '));
  assert.equal(Object.keys(REFUSALS).sort(), ops.filter((name) => name !== 'samePadding').sort());
});

test.run();
