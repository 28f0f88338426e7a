import { type Device, defineKernel, type Storage } from '../../device';
import { type Activation, activationCode, activationOn, isActivation } from '../activation';
import { type Axis, axesWidth, inVectors, mergeAxes, stepsOf } from '../launch/axes';
import axesSource from '../launch/axes.wgsl';
import { ceilDiv } from '../launch/ceil_div';
import { type DType, type Elements, type Matrix, vectorType, vectorTypes } from '../launch/matrix';
import { walk } from '../launch/walk';
import walkSource from '../launch/walk.wgsl';
import binarySource from './binary.wgsl';
import binaryOp from './binary_op.wgsl';
import broadcastSource from './broadcast.wgsl';
import unarySource from './unary.wgsl';

const unaryKernel = defineKernel('pointwise.unary', walkSource, activationOn('V'), unarySource);
const binaryKernel = defineKernel('pointwise.binary', walkSource, binaryOp, binarySource);
const broadcastKernel = defineKernel('pointwise.broadcast', axesSource, binaryOp, broadcastSource);

/** The rows of the table in unary.wgsl, in its order. The last five have a number as their other operand. */
const UNARY = [
  ...(['exp', 'log', 'sqrt', 'square', 'neg', 'abs'] as const),
  ...(['addNumber', 'mulNumber', 'divNumber', 'numberSub', 'numberDiv'] as const),
] as const;
export type Unary = (typeof UNARY)[number] | Exclude<Activation, 'none'>;

/** The constants that choose an op: behind the table's last row lie the activations. */
const chosen = (op: Unary) =>
  isActivation(op) ? { OP: UNARY.length, ACT: activationCode(op) } : { OP: UNARY.indexOf(op), ACT: 0 };

/** The rows of the table in binary_op.wgsl, in its order. */
export const BINARY = ['add', 'sub', 'mul', 'div'] as const;
export type Binary = (typeof BINARY)[number];

const describe = (m: Matrix): string => `${m.rows}x${m.channels}`;

/** y = f(x); `k` is the op's number (slope, alpha, operand). */
export function unary(device: Device, op: Unary, k: number, x: Matrix, y: Matrix): void {
  const w = walk({ x, y });
  device.dispatch(unaryKernel, {
    buffers: { ...w.buffers, dy: device.none },
    params: { ...w.params, dy_stride: 0, dy_offset: 0, k, accumulate: 0 },
    constants: { ...w.constants, ...chosen(op), BACKWARD: false },
    workgroups: w.workgroups,
    label: `${op} ${describe(x)}`,
  });
}

/** dx (+)= dy * f'(x). */
export function unaryBackward(
  device: Device,
  op: Unary,
  k: number,
  { x, dy, dx, accumulate }: { x: Matrix; dy: Matrix; dx: Matrix; accumulate: boolean },
): void {
  const w = walk({ x, dy, y: dx }, { exact: true });
  device.dispatch(unaryKernel, {
    buffers: w.buffers,
    params: { ...w.params, k, accumulate: accumulate ? 1 : 0 },
    constants: { ...w.constants, ...chosen(op), BACKWARD: true },
    workgroups: w.workgroups,
    label: `${op}.backward ${describe(x)}`,
  });
}

/** y = f(a, b), all of one size. */
export function binary(device: Device, op: Binary, a: Matrix, b: Matrix, y: Matrix): void {
  const w = walk({ a, b, y });
  device.dispatch(binaryKernel, {
    buffers: { ...w.buffers, dy: device.none },
    params: { ...w.params, dy_stride: 0, dy_offset: 0, accumulate: 0 },
    constants: { ...w.constants, OP: BINARY.indexOf(op), WANT: 0 },
    workgroups: w.workgroups,
    label: `${op} ${describe(y)}`,
  });
}

/** to (+)= dy * df/da (`by` = 1) or dy * df/db (`by` = 2), all of one size. */
export function binaryBackward(
  device: Device,
  op: Binary,
  by: 1 | 2,
  { a, b, dy, to, accumulate }: { a: Matrix; b: Matrix; dy: Matrix; to: Matrix; accumulate: boolean },
): void {
  const w = walk({ a, b, dy, y: to }, { exact: true });
  device.dispatch(binaryKernel, {
    buffers: w.buffers,
    params: { ...w.params, accumulate: accumulate ? 1 : 0 },
    constants: { ...w.constants, OP: BINARY.indexOf(op), WANT: by },
    workgroups: w.workgroups,
    label: `${op}.backward ${describe(to)}`,
  });
}

/**
 * y = f(a, b) over the axes of y in its order in memory, strides of (a, b) an axis; or, with `backward`, what each element
 * of dy gives to a (`by` = 1) or b (`by` = 2). y and dy are contiguous; a, b and dy are stored alike.
 */
export function broadcast(
  device: Device,
  op: Binary,
  axes: readonly Axis[],
  a: Elements,
  b: Elements,
  y: { readonly storage: Storage; readonly dtype: DType },
  backward?: { readonly dy: Elements; readonly by: 1 | 2 },
): void {
  const width = axesWidth(axes, [a.offset, b.offset]);
  const { rank, axes: n } = mergeAxes(inVectors(axes, width), 2);
  const size = stepsOf(n);
  const each = 4;
  device.dispatch(broadcastKernel, {
    buffers: { a: a.storage, b: b.storage, dy: backward?.dy.storage ?? device.none, y: y.storage },
    params: {
      ...{
        size,
        rank,
        n1: n[1].size,
        n2: n[2].size,
        n3: n[3].size,
        a_offset: a.offset / width,
        b_offset: b.offset / width,
      },
      ...{ a0: n[0].strides[0], a1: n[1].strides[0], a2: n[2].strides[0], a3: n[3].strides[0] },
      ...{ b0: n[0].strides[1], b1: n[1].strides[1], b2: n[2].strides[1], b3: n[3].strides[1] },
    },
    constants: {
      ...vectorTypes(width, a, b, ...(backward ? [backward.dy] : [])),
      D: vectorType(width, y.dtype),
      OP: BINARY.indexOf(op),
      WANT: backward?.by ?? 0,
      EACH: each,
    },
    workgroups: [ceilDiv(size, 64 * each)],
    label: `${op}.broadcast ${size * width}`,
  });
}
