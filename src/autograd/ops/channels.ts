import { InputError } from '../../base/errors';
import { copyChannels } from '../../kernels/channels';
import { padChannels as padKernel } from '../../kernels/pad_channels';
import { gradInto, record } from '../tape';
import { empty, matrixOf, Tensor } from '../tensor';
import { wantFloats } from './check';

function wantRows(op: string, x: Tensor): void {
  if (x.layout !== 'rows')
    throw new InputError(`${op}: expected [N, C] or [N, C, H, W] in layout rows, found ${x} in layout ${x.layout}`);
}

/**
 * Channels [from, to) of x [N, C] or [N, C, H, W]: a view, nothing is copied (unless x is itself a view that cuts its
 * memory into other rows).
 * @throws InputError when x has no such channels.
 * @example
 * await sliceChannels(tensor(device, [1, 2, 3, 4, 5, 6], [2, 3]), 1, 3).data(); // [2, 3, 5, 6]
 */
export function sliceChannels(x: Tensor, from: number, to: number): Tensor {
  const op = 'slice_channels';
  wantRows(op, x);
  const [n, c, ...map] = x.shape;
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to > c || from >= to)
    throw new InputError(`${op}: ${x} has channels 0 to ${c - 1}, asked for ${from} to ${to - 1}`);
  const shape = [n, to - from, ...map];
  const part = new Tensor(x.value, shape, 'rows', x.offset + from, x.stride, x.name);
  if (x.stride === x.value.width) return part;
  const y = empty(x.device, shape, { dtype: x.dtype, name: op });
  copyChannels(x.device, matrixOf(part), matrixOf(y), false);
  record(op, [x], [y], (dy) => {
    const dx = dy && gradInto(x);
    if (dx) padKernel(x.device, matrixOf(dy), matrixOf(dx.grad), from, dx.accumulate);
  });
  return y;
}

/**
 * One tensor of the channels of all, [N, C1 + C2 + ..] or [N, C1 + C2 + .., H, W]: a copy.
 * @throws InputError when other axes than the channels differ.
 * @example
 * await concat([tensor(device, [1, 2], [2, 1]), tensor(device, [3, 4], [2, 1])]).data(); // [1, 3, 2, 4]
 */
export function concat(xs: readonly Tensor[]): Tensor {
  const op = 'concat';
  if (xs.length === 0) throw new InputError(`${op}: expected at least one tensor`);
  const [n, , ...map] = xs[0].shape;
  for (const x of xs) {
    wantRows(op, x);
    wantFloats(op, x);
    if (x.shape.length !== xs[0].shape.length || [n, ...map].join() !== [x.shape[0], ...x.shape.slice(2)].join())
      throw new InputError(`${op}: ${xs[0]} and ${x} differ in more than their channels`);
  }
  const { device } = xs[0];
  const ends = xs.map((_, i) => xs.slice(0, i + 1).reduce((sum, x) => sum + x.shape[1], 0));
  const dtype = xs.every((x) => x.dtype === 'f16') ? 'f16' : 'f32';
  const y = empty(device, [n, ends[xs.length - 1], ...map], { dtype, name: op });
  const part = (whole: Tensor, i: number): Tensor => sliceChannels(whole, ends[i] - xs[i].shape[1], ends[i]);
  for (const [i, x] of xs.entries()) copyChannels(device, matrixOf(x), matrixOf(part(y, i)), false);
  record(op, xs, [y], (dy) => {
    if (!dy) return;
    xs.forEach((x, i) => {
      const dx = gradInto(x);
      if (dx) copyChannels(device, matrixOf(part(dy, i)), matrixOf(dx.grad), dx.accumulate);
    });
  });
  return y;
}

/**
 * x [N, C] or [N, C, H, W] with `before` channels of zeros in front of its own and `after` behind them.
 * @throws InputError when a number is negative or not whole.
 * @example
 * await padChannels(tensor(device, [1, 2], [1, 2]), 1, 1).data(); // [0, 1, 2, 0]
 */
export function padChannels(x: Tensor, before: number, after: number): Tensor {
  const op = 'pad_channels';
  wantRows(op, x);
  wantFloats(op, x);
  if ([before, after].some((k) => !Number.isInteger(k) || k < 0))
    throw new InputError(`${op} of ${x}: cannot add ${before} channels in front and ${after} behind`);
  const { device } = x;
  const [n, c, ...map] = x.shape;
  const y = empty(device, [n, before + c + after, ...map], { dtype: x.dtype, name: op });
  padKernel(device, matrixOf(x), matrixOf(y), before, false);
  record(op, [x], [y], (dy) => {
    const dx = dy && gradInto(x);
    if (!dx) return;
    copyChannels(device, matrixOf(sliceChannels(dy, before, before + c)), matrixOf(dx.grad), dx.accumulate);
  });
  return y;
}
