// Convolutions whose channels are parted into groups: plain kernels, without a matrix product. Depthwise (a channel a group), a
// lane takes four channels of input and output alike; else inputs one at a time.
import { type Device, defineKernel, type Storage } from '../../device';
import { activationCode, activationOn } from '../activation';
import { ceilDiv } from '../launch/ceil_div';
import { columnLanes } from '../launch/columns';
import { bytesOf, type Matrix, vectorType, vectorTypes, vectorWidth } from '../launch/matrix';
import { type Prologue, perWidth } from '../norm';
import channelSource from '../norm/channel.wgsl';
import { sumParts } from '../sum_parts';
import depthwiseForwardSource from './depthwise_forward.wgsl';
import { type Conv2dGeometry, describe, extent, flopOf, geometryParams } from './geometry';
import backwardDataSource from './grouped_backward_data.wgsl';
import backwardWeightSource from './grouped_backward_weight.wgsl';
import forwardSource from './grouped_forward.wgsl';
import prologueSource from './grouped_prologue.wgsl';

const prologueSources = [channelSource, activationOn('V'), prologueSource] as const;
const forwardKernel = perWidth('conv2d.grouped_forward', ...prologueSources, forwardSource);
const depthwiseForwardKernel = perWidth('conv2d.depthwise_forward', ...prologueSources, depthwiseForwardSource);
const backwardWeightKernel = perWidth('conv2d.grouped_backward_weight', ...prologueSources, backwardWeightSource);
const backwardDataKernel = defineKernel('conv2d.grouped_backward_data', backwardDataSource);

const LANES = 64;
const lanesAlong = (columns: number): number => Math.min(LANES, 2 ** Math.ceil(Math.log2(columns)));

const isDepthwise = (g: Conv2dGeometry): boolean => g.groups === g.ci && g.groups === g.co;

/** Pixels of x that `rows` rows of one column of y see. */
const windowOf = (g: Conv2dGeometry, rows: number): number =>
  ((rows - 1) * g.stride[0] + extent(g.kh, g.dilation[0])) * extent(g.kw, g.dilation[1]);

/** Pixels that a lane can hold: what is larger the driver does not keep in registers. */
const WINDOW = 45;

/**
 * How a depthwise convolution's lanes walk along y: rows side by side and pixels of each; null where no lane can hold the window.
 * A CPU driver is slow at loads, which more rows share; a GPU wants many lanes.
 */
function walkOf(device: Device, g: Conv2dGeometry): { readonly rows: number; readonly steps: number } | null {
  if (!isDepthwise(g) || windowOf(g, 1) > WINDOW) return null;
  if (!device.software) return { rows: 1, steps: 16 };
  return { rows: windowOf(g, 4) > WINDOW ? 1 : 4, steps: g.ow };
}

const prologueConstants = (p: Prologue | null) => ({ NORM: p !== null, ACT: activationCode(p?.activation ?? 'none') });

const windowConstants = ({ kh, kw, stride, dilation }: Conv2dGeometry) => ({
  ...{ KH: kh, KW: kw, SH: stride[0], SW: stride[1], DH: dilation[0], DW: dilation[1] },
});

/** Elements that a lane takes of the input's side and of the output's, and the types of both. */
function widthsOf(g: Conv2dGeometry, input: Matrix, output: Matrix) {
  const depthwise = isDepthwise(g);
  const outWidth = depthwise ? vectorWidth(input, output) : vectorWidth(output, { channels: g.co / g.groups });
  const inWidth = depthwise ? outWidth : 1;
  const constants = {
    ...vectorTypes(inWidth, input, output),
    ...{ Y: vectorType(outWidth), YS: vectorType(outWidth, output.dtype), WIDTH: inWidth },
  };
  const each = depthwise ? 1 : g.co / g.groups / outWidth;
  return { inWidth, outWidth, constants, params: { columns: g.co / outWidth, each, members: g.ci / g.groups } };
}

/** As conv2d.forward; weight [tap][ci / groups][co]. */
export function forward(
  device: Device,
  g: Conv2dGeometry,
  x: Matrix,
  weight: Storage,
  bias: Storage | null,
  y: Matrix,
  prologue: Prologue | null,
): void {
  const { inWidth, outWidth, constants, params } = widthsOf(g, x, y);
  const walk = walkOf(device, g);
  const LX = walk ? columnLanes(device) : lanesAlong(params.columns);
  const { rows, steps } = walk ?? { rows: 1, steps: g.ow };
  const walks = ceilDiv(g.ow, steps);
  device.dispatch((walk ? depthwiseForwardKernel : forwardKernel)[inWidth], {
    buffers: { x: x.storage, weight, bias: bias ?? device.none, pack: prologue?.pack ?? device.none, y: y.storage },
    params: {
      ...params,
      ...geometryParams(g),
      ...{ x_stride: x.stride / inWidth, x_offset: x.offset / inWidth },
      ...{ y_stride: y.stride / outWidth, y_offset: y.offset / outWidth },
      ...{ steps, walks },
    },
    constants: {
      ...constants,
      ...prologueConstants(prologue),
      ...(walk ? { ...windowConstants(g), ROWS: rows } : {}),
      ...{ BIAS: bias !== null, LX },
    },
    workgroups: [ceilDiv(params.columns, LX), ceilDiv(g.oh, rows), g.n * walks],
    label: `conv2d.forward ${describe(g)}`,
    flop: flopOf(g),
    bytes: bytesOf(x, y) + weight.bytes,
  });
}

/** As conv2d.backwardData. */
export function backwardData(
  device: Device,
  g: Conv2dGeometry,
  dy: Matrix,
  weight: Storage,
  dx: Matrix,
  accumulate: boolean,
): void {
  const width = isDepthwise(g) ? vectorWidth(dy, dx) : 1;
  const columns = g.ci / width;
  const LX = lanesAlong(columns);
  device.dispatch(backwardDataKernel, {
    buffers: { dy: dy.storage, weight, dx: dx.storage },
    params: {
      ...{ columns, each: g.co / g.groups, members: g.ci / g.groups },
      ...geometryParams(g),
      ...{ dy_stride: dy.stride / width, dy_offset: dy.offset / width },
      ...{ dx_stride: dx.stride / width, dx_offset: dx.offset / width },
      accumulate: accumulate ? 1 : 0,
    },
    constants: { ...vectorTypes(width, dy, dx), LX },
    workgroups: [ceilDiv(columns, LX), g.h, g.n],
    label: `conv2d.backward_data ${describe(g)}`,
    flop: flopOf(g),
    bytes: bytesOf(dy, dx) + weight.bytes,
  });
}

/** As conv2d.backwardWeight. @param pixels that one sum runs over at most, where a line has no more. */
export function backwardWeight(
  device: Device,
  g: Conv2dGeometry,
  x: Matrix,
  dy: Matrix,
  dweight: Storage,
  accumulate: boolean,
  prologue: Prologue | null,
  pixels: number,
): void {
  const { inWidth, outWidth, constants, params } = widthsOf(g, x, dy);
  const lines = g.n * g.oh;
  const linesEach = Math.max(1, Math.floor(pixels / g.ow));
  const splits = ceilDiv(lines, linesEach);
  const rows = g.kh * g.kw * params.members;
  const size = rows * g.co;
  const part = splits > 1 ? device.alloc(splits * size * 4, 'conv2d.weight_parts') : dweight;
  const LX = lanesAlong(params.columns);
  device.dispatch(backwardWeightKernel[inWidth], {
    buffers: { x: x.storage, dy: dy.storage, pack: prologue?.pack ?? device.none, part },
    params: {
      ...params,
      ...geometryParams(g),
      ...{ x_stride: x.stride / inWidth, x_offset: x.offset / inWidth },
      ...{ dy_stride: dy.stride / outWidth, dy_offset: dy.offset / outWidth },
      ...{ lines, lines_each: linesEach, accumulate: accumulate && splits === 1 ? 1 : 0 },
    },
    constants: { ...constants, ...prologueConstants(prologue), LX },
    workgroups: [ceilDiv(params.columns, LX), rows, splits],
    label: `conv2d.backward_weight ${describe(g)}`,
    flop: flopOf(g),
    bytes: bytesOf(x, dy) + part.bytes,
  });
  if (splits > 1) {
    sumParts(device, part, dweight, { size, parts: splits, accumulate });
    device.free(part);
  }
}
