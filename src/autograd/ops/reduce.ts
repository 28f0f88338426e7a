import { InputError } from '../../base/errors';
import { reduce } from '../../kernels/reduce';
import { gradInto, record } from '../tape';
import { empty, type Tensor } from '../tensor';
import { strides, stridesIn } from './axes';
import { wantFloats } from './check';
import { reshape } from './reshape';

export interface ReduceOptions {
  /** The axes to sum over; all by default. Negative ones count from the end. */
  readonly axes?: readonly number[];
  /** Leave the axes in the shape, with size 1. Default false. */
  readonly keepdim?: boolean;
}

/**
 * The sum over all elements, or over some axes, f32. Without axes left the result is [1].
 * @throws InputError when x has no such axis.
 * @example
 * const x = tensor(device, [1, 2, 3, 4], [2, 2]);
 * await sum(x).item(); // 10
 * await sum(x, { axes: [0] }).data(); // [4, 6]
 */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduction('sum', x, options, () => 1);
}

/**
 * As `sum`, divided by how many elements went into each.
 * @example
 * await mean(tensor(device, [1, 2, 3, 4], [2, 2]), { axes: [1] }).data(); // [1.5, 3.5]
 */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduction('mean', x, options, (count) => 1 / count);
}

function reduction(op: string, x: Tensor, options: ReduceOptions, scaleOf: (count: number) => number): Tensor {
  wantFloats(op, x);
  const { device } = x;
  const rank = x.shape.length;
  if (rank > 4) throw new InputError(`${op}: expected at most 4 axes, found ${x}`);
  const over = x.shape.map(() => options.axes === undefined);
  for (const axis of options.axes ?? []) {
    const d = axis < 0 ? axis + rank : axis;
    if (!Number.isInteger(d) || d < 0 || d >= rank) throw new InputError(`${op}: ${x} has no axis ${axis}`);
    over[d] = true;
  }
  const withOnes = x.shape.map((size, d) => (over[d] ? 1 : size));
  const left = x.shape.filter((_, d) => !over[d]);
  const whole = empty(device, withOnes, { layout: x.layout === 'rows' ? 'rows' : 'plain', name: op });
  const scale = scaleOf(x.size / whole.size);
  // In the order of x's memory, so that what lies side by side is read side by side.
  const steps = strides(x);
  const order = x.shape.map((_, d) => d).sort((a, b) => steps[b] - steps[a]);
  const to = stridesIn(whole, x);
  reduce(device, {
    x,
    y: whole,
    kept: order.filter((d) => !over[d]).map((d) => ({ size: x.shape[d], strides: [steps[d], to[d]] })),
    reduced: order.filter((d) => over[d]).map((d) => ({ size: x.shape[d], strides: [steps[d]] })),
    scale,
    accumulate: false,
  });
  record(op, [x], [whole], (dy) => {
    const dx = dy && gradInto(x);
    if (!dx) return;
    const kept = order.map((d) => ({ size: x.shape[d], strides: [to[d], steps[d]] }));
    reduce(device, { x: dy, y: dx.grad, kept, scale, accumulate: dx.accumulate });
  });
  return options.keepdim ? whole : reshape(whole, left.length > 0 ? left : [1]);
}
