import { InputError } from '../../base/errors';
import { isActivation } from '../../kernels/activation';
import type { Axis } from '../../kernels/launch/axes';
import type { Elements } from '../../kernels/launch/matrix';
import * as kernels from '../../kernels/pointwise';
import { reduce } from '../../kernels/reduce';
import { activated } from '../activated';
import { gradInto, record } from '../tape';
import { empty, matrixOf, type Tensor } from '../tensor';
import { broadcastShapes, memoryAxes, stridesIn } from './axes';
import { float } from './cast';
import { wantFloats } from './check';

/** y = f(x), element by element, of x's shape and layout. Values and derivatives: kernels/activation, kernels/pointwise/unary.wgsl. */
function unary(op: kernels.Unary, x: Tensor, k = 0): Tensor {
  wantFloats(op, x);
  const { device } = x;
  if (isActivation(op)) activated(x, op, null);
  const y = empty(device, x.shape, { layout: x.layout, dtype: x.dtype, name: op });
  kernels.unary(device, op, k, matrixOf(x), matrixOf(y));
  record(op, [x], [y], (dy) => {
    const dx = dy && gradInto(x);
    if (!dx) return;
    const { grad, accumulate } = dx;
    kernels.unaryBackward(device, op, k, { x: matrixOf(x), dy: matrixOf(dy), dx: matrixOf(grad), accumulate });
  });
  return y;
}

/**
 * max(x, 0); its derivative at 0 is 0.
 * @example
 * await relu(tensor(device, [-1, 0, 2], [3])).data(); // [0, 0, 2]
 */
export const relu = (x: Tensor): Tensor => unary('relu', x);

/**
 * x where positive, else slope * x; its derivative at 0 is the slope.
 * @example
 * await leakyRelu(tensor(device, [-1, 2], [2])).data(); // [-0.2, 2]
 */
export const leakyRelu = (x: Tensor, slope = 0.2): Tensor => unary('leakyRelu', x, slope);

/**
 * x where positive, else alpha * (exp(x) - 1) (Clevert et al. 2015); its derivative at 0 is alpha.
 * @example
 * await elu(tensor(device, [-1, 2], [2])).data(); // [-0.6321, 2]
 */
export const elu = (x: Tensor, alpha = 1): Tensor => unary('elu', x, alpha);

/**
 * e to the power of x.
 * @example
 * await exp(tensor(device, [0, 1], [2])).data(); // [1, 2.7183]
 */
export const exp = (x: Tensor): Tensor => unary('exp', x);

/**
 * Natural logarithm.
 * @example
 * await log(tensor(device, [1, 10], [2])).data(); // [0, 2.3026]
 */
export const log = (x: Tensor): Tensor => unary('log', x);

/**
 * The square root.
 * @example
 * await sqrt(tensor(device, [4, 9], [2])).data(); // [2, 3]
 */
export const sqrt = (x: Tensor): Tensor => unary('sqrt', x);

/**
 * x^2
 * @example
 * await square(tensor(device, [-2, 3], [2])).data(); // [4, 9]
 */
export const square = (x: Tensor): Tensor => unary('square', x);

/**
 * -x
 * @example
 * await neg(tensor(device, [-2, 3], [2])).data(); // [2, -3]
 */
export const neg = (x: Tensor): Tensor => unary('neg', x);

/**
 * |x|; its derivative at 0 is 0.
 * @example
 * await abs(tensor(device, [-2, 3], [2])).data(); // [2, 3]
 */
export const abs = (x: Tensor): Tensor => unary('abs', x);

/**
 * 1 / (1 + exp(-x))
 * @example
 * await sigmoid(tensor(device, [0, 2], [2])).data(); // [0.5, 0.8808]
 */
export const sigmoid = (x: Tensor): Tensor => unary('sigmoid', x);

/**
 * x within 0 and 6 (Howard et al. 2017); its derivative at 0 and at 6 is 0.
 * @example
 * await relu6(tensor(device, [-1, 3, 9], [3])).data(); // [0, 3, 6]
 */
export const relu6 = (x: Tensor): Tensor => unary('relu6', x);

/**
 * x Phi(x), Phi the normal distribution's share below x, by erf and not tanh (Hendrycks and Gimpel 2016).
 * @example
 * await gelu(tensor(device, [-1, 1], [2])).data(); // [-0.1587, 0.8413]
 */
export const gelu = (x: Tensor): Tensor => unary('gelu', x);

/**
 * x sigmoid(x) (Ramachandran et al. 2017), PyTorch's SiLU.
 * @example
 * await swish(tensor(device, [-1, 1], [2])).data(); // [-0.2689, 0.7311]
 */
export const swish = (x: Tensor): Tensor => unary('swish', x);

/**
 * The hyperbolic tangent.
 * @example
 * await tanh(tensor(device, [0, 1], [2])).data(); // [0, 0.7616]
 */
export const tanh = (x: Tensor): Tensor => unary('tanh', x);

/** Operand of the arithmetic: a tensor or a number. */
export type Operand = Tensor | number;

/**
 * a + b with NumPy's broadcasting: shapes are aligned at their last axes, axes of size 1 are repeated; f16 and
 * f32 give f32. At least one operand is a tensor. @throws InputError when the shapes do not fit.
 * @example
 * const rows = tensor(device, [1, 2, 3, 4], [2, 2]);
 * await add(rows, tensor(device, [10, 20], [2])).data(); // [11, 22, 13, 24]
 * await add(rows, 1).data(); // [2, 3, 4, 5]
 */
export function add(a: Operand, b: Operand): Tensor {
  if (typeof a === 'number') return unary('addNumber', tensorOf('add', b), a);
  return typeof b === 'number' ? unary('addNumber', a, b) : binary('add', a, b);
}

/**
 * a - b, broadcasting as `add`.
 * @example
 * await sub(tensor(device, [5, 7], [2]), 2).data(); // [3, 5]
 */
export function sub(a: Operand, b: Operand): Tensor {
  if (typeof a === 'number') return unary('numberSub', tensorOf('sub', b), a);
  return typeof b === 'number' ? unary('addNumber', a, -b) : binary('sub', a, b);
}

/**
 * a * b, element by element, broadcasting as `add`.
 * @example
 * await mul(tensor(device, [2, 3], [2]), tensor(device, [4, 5], [2])).data(); // [8, 15]
 */
export function mul(a: Operand, b: Operand): Tensor {
  if (typeof a === 'number') return unary('mulNumber', tensorOf('mul', b), a);
  return typeof b === 'number' ? unary('mulNumber', a, b) : binary('mul', a, b);
}

/**
 * a / b, element by element, broadcasting as `add`.
 * @example
 * await div(1, tensor(device, [2, 4], [2])).data(); // [0.5, 0.25]
 */
export function div(a: Operand, b: Operand): Tensor {
  if (typeof a === 'number') return unary('numberDiv', tensorOf('div', b), a);
  return typeof b === 'number' ? unary('divNumber', a, b) : binary('div', a, b);
}

function tensorOf(op: string, x: Operand): Tensor {
  if (typeof x === 'number') throw new InputError(`${op}: expected at least one tensor, found two numbers`);
  return x;
}

function binary(op: kernels.Binary, a: Tensor, b: Tensor): Tensor {
  wantFloats(op, a, b);
  if (a.dtype !== b.dtype) return binary(op, float(a), float(b));
  if (a.shape.join() !== b.shape.join() || a.layout !== b.layout) return broadcast(op, a, b);
  const { device } = a;
  const y = empty(device, a.shape, { layout: a.layout, dtype: a.dtype, name: op });
  kernels.binary(device, op, matrixOf(a), matrixOf(b), matrixOf(y));
  record(op, [a, b], [y], (dy) => {
    if (!dy) return;
    // One after the other: where a is b, the second adds to the first.
    for (const by of [1, 2] as const) {
      const to = gradInto(by === 1 ? a : b);
      if (!to) continue;
      const { grad, accumulate } = to;
      const operands = { a: matrixOf(a), b: matrixOf(b), dy: matrixOf(dy), to: matrixOf(grad), accumulate };
      kernels.binaryBackward(device, op, by, operands);
    }
  });
  return y;
}

function broadcast(op: kernels.Binary, a: Tensor, b: Tensor): Tensor {
  const { device } = a;
  const shape = broadcastShapes(op, a, b);
  const like = [a, b].find((t) => t.shape.join() === shape.join());
  const y = empty(device, shape, { layout: like?.layout, dtype: a.dtype, name: op });
  const axes = memoryAxes(y, [a, b]);
  kernels.broadcast(device, op, axes, a, b, y);
  record(op, [a, b], [y], (dy) => {
    if (!dy) return;
    for (const by of [1, 2] as const) {
      const input = by === 1 ? a : b;
      const to = gradInto(input);
      if (!to) continue;
      const each = { storage: device.alloc(y.size * 4, `${op}.each`), offset: 0, dtype: 'f32' } as const;
      kernels.broadcast(device, op, axes, a, b, each, { dy, by });
      sumInto(each, y, input, to.grad, to.accumulate);
      device.free(each.storage);
    }
  });
  return y;
}

/** grad (+)= the sum of `each` (in y's order in memory) over the axes along which `input` was repeated. */
function sumInto(each: Elements, y: Tensor, input: Tensor, grad: Tensor, accumulate: boolean): void {
  const own = stridesIn(y, y);
  const repeated = y.shape.map((_, d) => (input.shape[d - (y.shape.length - input.shape.length)] ?? 1) === 1);
  const to = stridesIn(grad, y);
  const axes = y.shape.map((size, d) => ({ size, strides: [own[d], to[d]], repeated: repeated[d] }));
  axes.sort((p, q) => q.strides[0] - p.strides[0]);
  const kept: Axis[] = axes.filter((x) => !x.repeated);
  const reduced: Axis[] = axes.filter((x) => x.repeated).map((x) => ({ size: x.size, strides: [x.strides[0]] }));
  reduce(y.device, { x: each, y: grad, kept, reduced, accumulate });
}
