import { InputError } from '../../base/errors';
import type { Axis } from '../../kernels/launch/axes';
import { reduce } from '../../kernels/reduce';
import { gradInto, record } from '../tape';
import { empty, numel, type Tensor } from '../tensor';
import { strides } from './axes';
import { wantFloats } from './check';

/**
 * The elements in another shape, in PyTorch's row-major order. A view where the memory lies so already, else a copy. Rank
 * 2 and 4 give layout `rows`, others `plain`.
 * @throws InputError when the number of elements differs.
 * @example
 * const x = reshape(tensor(device, [1, 2, 3, 4, 5, 6], [2, 3]), [3, 2]);
 * x.shape; // [3, 2]
 */
export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  if (shape.some((n) => !Number.isInteger(n) || n < 1) || numel(shape) !== x.size)
    throw new InputError(`reshape: ${x} has ${x.size} elements, they cannot fill ${shape.join('x')}`);
  if (shape.join() === x.shape.join()) return x;
  const rows = shape.length === 2 || shape.length === 4;
  const sameRows =
    rows && x.layout === 'rows' && shape[1] === x.shape[1] && pixels(shape) === 1 && pixels(x.shape) === 1;
  if (sameRows) return x.view(shape, 'rows');
  return fromPlain(toPlain(x), shape, rows);
}

/**
 * [N, C, H, W] to [N, C * H * W], or any shape with its axes from `startDim` on made one, in PyTorch's order.
 * @throws InputError when x has no such axis.
 * @example
 * flatten(zeros(device, [2, 3, 4, 4])).shape; // [2, 48]
 */
export function flatten(x: Tensor, startDim = 1): Tensor {
  if (!Number.isInteger(startDim) || startDim < 0 || startDim >= x.shape.length)
    throw new InputError(`flatten: ${x} has no axis ${startDim}`);
  return reshape(x, [...x.shape.slice(0, startDim), numel(x.shape.slice(startDim))]);
}

/**
 * [R, C] to [C, R]. @throws InputError when x is no matrix.
 * @example
 * await transpose(tensor(device, [1, 2, 3, 4], [2, 2])).data(); // [1, 3, 2, 4]
 */
export function transpose(x: Tensor): Tensor {
  if (x.shape.length !== 2) throw new InputError(`transpose: expected a matrix, found ${x}`);
  const [rows, columns] = x.shape;
  const y = empty(x.device, [columns, rows], { dtype: x.dtype, name: 'transpose' });
  return copied('transpose', x, y, [1, rows]);
}

const pixels = (shape: readonly number[]): number => numel(shape.slice(2));

/** The elements as one plain axis. */
function toPlain(x: Tensor): Tensor {
  const size = [x.size];
  if (x.layout === 'plain') return x.view(size, 'plain', x.size);
  const rowMajor =
    x.layout === 'rows' ? pixels(x.shape) === 1 || x.shape[1] === 1 : x.shape[0] === 1 && x.shape[1] === 1;
  if (rowMajor && x.contiguous) return x.view(size, 'plain', x.size);
  return copied('reshape', x, empty(x.device, size, { dtype: x.dtype, name: 'reshape' }), rowMajorSteps(x.shape));
}

/** A plain axis under any shape. */
function fromPlain(x: Tensor, shape: readonly number[], rows: boolean): Tensor {
  if (!rows) return x.view(shape, 'plain', x.size);
  // A view has to agree with its value's rows, whose columns have gradients and statistics of their own.
  if ((pixels(shape) === 1 || shape[1] === 1) && x.value.width === shape[1]) return x.view(shape, 'rows', shape[1]);
  const y = empty(x.device, shape, { dtype: x.dtype, name: 'reshape' });
  return copied('reshape', x, y, strides(y), shape);
}

/** Copies x, read as of `shape`, into y by the steps that each of its axes takes there. */
function copied(op: string, x: Tensor, y: Tensor, to: readonly number[], shape = x.shape): Tensor {
  wantFloats(op, x);
  const from = shape === x.shape ? strides(x) : rowMajorSteps(shape);
  const axes = (order: readonly [readonly number[], readonly number[]]): Axis[] =>
    shape.map((size, d) => ({ size, strides: [order[0][d], order[1][d]] }));
  reduce(x.device, { x, y, kept: axes([from, to]), accumulate: false });
  record(op, [x], [y], (dy) => {
    const dx = dy && gradInto(x);
    if (dx) reduce(x.device, { x: dy, y: dx.grad, kept: axes([to, from]), accumulate: dx.accumulate });
  });
  return y;
}

function rowMajorSteps(shape: readonly number[]): number[] {
  return shape.map((_, d) => numel(shape.slice(d + 1)));
}
