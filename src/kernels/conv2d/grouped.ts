// Convolutions whose channels are parted into groups: kernels without a matrix product. Depthwise (a channel a group), a lane takes
// four channels of input and output alike and walks along rows with the window that they see; else, and where a window is too large
// for that, a lane takes a pixel and its inputs one at a time.
import { type Device, defineKernel, type Storage } from '../../device';
import { activationCode, activationOn } from '../activation';
import { ceilDiv } from '../launch/ceil_div';
import { columnLanes } from '../launch/columns';
import { bytesOf, type Matrix, vectorType, vectorTypes, vectorWidth } from '../launch/matrix';
import { type Epilogue, type Prologue, perWidth } from '../norm';
import channelSource from '../norm/channel.wgsl';
import { addParts, type PartsRoom } from '../sum_parts';
import depthwiseBackwardDataSource from './depthwise_backward_data.wgsl';
import depthwiseBackwardWeightSource from './depthwise_backward_weight.wgsl';
import depthwiseForwardSource from './depthwise_forward.wgsl';
import { epilogueConstants, epilogueSources } from './epilogue';
import { type Conv2dGeometry, describe, extent, flopOf, geometryParams } from './geometry';
import backwardDataSource from './grouped_backward_data.wgsl';
import backwardWeightSource from './grouped_backward_weight.wgsl';
import forwardSource from './grouped_forward.wgsl';
import prologueSource from './grouped_prologue.wgsl';

const prologueSources = [channelSource, activationOn('V'), prologueSource] as const;
const forwardSources = [...prologueSources, ...epilogueSources] as const;
const forwardKernel = perWidth('conv2d.grouped_forward', ...forwardSources, forwardSource);
const depthwiseForwardKernel = perWidth('conv2d.depthwise_forward', ...forwardSources, depthwiseForwardSource);
const depthwiseBackwardWeightKernel = perWidth(
  'conv2d.depthwise_backward_weight',
  ...prologueSources,
  depthwiseBackwardWeightSource,
);
const backwardWeightKernel = perWidth('conv2d.grouped_backward_weight', ...prologueSources, backwardWeightSource);
const depthwiseBackwardDataKernel = defineKernel('conv2d.depthwise_backward_data', depthwiseBackwardDataSource);
const backwardDataKernel = defineKernel('conv2d.grouped_backward_data', backwardDataSource);

const LANES = 64;
const lanesAlong = (columns: number): number => Math.min(LANES, 2 ** Math.ceil(Math.log2(columns)));

const isDepthwise = (g: Conv2dGeometry): boolean => g.groups === g.ci && g.groups === g.co;

/** Pixels that a lane holds at most: 5x5 for four rows fits, and code grows with them. */
const WINDOW = 45;

/** A depthwise kernel's way over a map: the rows that a lane takes side by side, and the pixels of each that it walks along. */
interface Walk {
  readonly rows: number;
  readonly steps: number;
}

/**
 * Null where no lane can hold the window, whose pixels are told for a number of rows. On a CPU driver loads are dear, so that rows
 * share them, as many as the kernel says, unless a stride leaves little to share; a GPU wants many lanes.
 */
function walkOf(device: Device, g: Conv2dGeometry, rows: number, window: (rows: number) => number): Walk | null {
  if (!isDepthwise(g) || window(1) > WINDOW) return null;
  if (!device.software) return { rows: 1, steps: 16 };
  return { rows: g.stride[0] > 1 || window(rows) > WINDOW ? 1 : rows, steps: Infinity };
}

/** Pixels of x that `rows` pixels of y see, one above the other. */
const seen =
  ({ kh, kw, stride, dilation }: Conv2dGeometry) =>
  (rows: number): number =>
    ((rows - 1) * stride[0] + extent(kh, dilation[0])) * extent(kw, dilation[1]);

/** The step, of pixels of y, that is the first to see a pixel of x, or 0: before the first pixel, the window is only filled. */
function beginOf({ kw, stride, padding, dilation }: Conv2dGeometry): number {
  const kept = extent(kw, dilation[1]) - 1 - padding[1];
  return kept > 0 ? -Math.floor(kept / stride[1]) : 0;
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
  epilogue: Epilogue | null,
): void {
  const { inWidth, outWidth, constants, params } = widthsOf(g, x, y);
  const walk = walkOf(device, g, 4, seen(g));
  const LX = walk ? columnLanes(device) : lanesAlong(params.columns);
  const rows = walk?.rows ?? 1;
  const steps = Math.min(walk?.steps ?? Infinity, g.ow);
  const walks = ceilDiv(g.ow, steps);
  device.dispatch((walk ? depthwiseForwardKernel : forwardKernel)[inWidth], {
    buffers: {
      ...{ x: x.storage, weight, bias: bias ?? device.none, pack: prologue?.pack ?? device.none, y: y.storage },
      planes: epilogue?.planes ?? device.none,
    },
    params: {
      ...params,
      ...geometryParams(g),
      ...{ x_stride: x.stride / inWidth, x_offset: x.offset / inWidth },
      ...{ y_stride: y.stride / outWidth, y_offset: y.offset / outWidth },
      ...{ steps, walks, begin: beginOf(g) },
    },
    constants: {
      ...constants,
      ...prologueConstants(prologue),
      ...(walk ? { ...windowConstants(g), ROWS: rows } : {}),
      ...epilogueConstants(epilogue),
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
  const walk = backwardDataWalk(device, g);
  const LX = walk ? columnLanes(device) : lanesAlong(columns);
  const [down, right] = walk ? [0, 1].map((i) => ceilDiv([g.h, g.w][i] + g.padding[i], g.stride[i])) : [g.h, 1];
  const steps = Math.min(walk?.steps ?? Infinity, right);
  const walks = ceilDiv(right, steps);
  device.dispatch(walk ? depthwiseBackwardDataKernel : backwardDataKernel, {
    buffers: { dy: dy.storage, weight, dx: dx.storage },
    params: {
      ...{ columns, each: g.co / g.groups, members: g.ci / g.groups },
      ...geometryParams(g),
      ...{ dy_stride: dy.stride / width, dy_offset: dy.offset / width },
      ...{ dx_stride: dx.stride / width, dx_offset: dx.offset / width },
      ...{ steps, walks, accumulate: accumulate ? 1 : 0 },
    },
    constants: { ...vectorTypes(width, dy, dx), ...(walk ? { ...windowConstants(g), ROWS: walk.rows } : {}), LX },
    workgroups: [ceilDiv(columns, LX), ceilDiv(down, walk?.rows ?? 1), g.n * walks],
    label: `conv2d.backward_data ${describe(g)}`,
    flop: flopOf(g),
    bytes: bytesOf(dy, dx) + weight.bytes,
  });
}

/** As `walkOf`, of rows of dy; null besides for a stride over taps that are apart. */
function backwardDataWalk(device: Device, g: Conv2dGeometry): Walk | null {
  if ([0, 1].some((i) => g.stride[i] > 1 && g.dilation[i] > 1)) return null;
  const [above, behind] = [g.kh, g.kw].map((k, i) => Math.floor(((k - 1) * g.dilation[i]) / g.stride[i]));
  return walkOf(device, g, 2, (rows) => (rows + above) * (behind + 1));
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
  room: PartsRoom | null,
): void {
  const { inWidth, outWidth, constants, params } = widthsOf(g, x, dy);
  const walk = walkOf(device, g, 2, seen(g));
  const lines = walk ? g.n * ceilDiv(g.oh, walk.rows) : g.n * g.oh;
  // A walk takes all taps, which elsewhere have lanes of their own: a GPU gets as many again from shorter sums.
  const most = walk && !device.software ? pixels / 16 : pixels;
  const linesEach = Math.max(1, Math.floor(most / g.ow / (walk?.rows ?? 1)));
  const splits = ceilDiv(lines, linesEach);
  const rows = g.kh * g.kw * params.members;
  const size = rows * g.co;
  const LX = walk ? columnLanes(device) : lanesAlong(params.columns);
  const write = (part: Storage): void =>
    device.dispatch((walk ? depthwiseBackwardWeightKernel : backwardWeightKernel)[inWidth], {
      buffers: { x: x.storage, dy: dy.storage, pack: prologue?.pack ?? device.none, part },
      params: {
        ...params,
        ...geometryParams(g),
        ...{ x_stride: x.stride / inWidth, x_offset: x.offset / inWidth },
        ...{ dy_stride: dy.stride / outWidth, dy_offset: dy.offset / outWidth },
        ...{ lines, lines_each: linesEach, begin: beginOf(g), accumulate: accumulate && splits === 1 ? 1 : 0 },
      },
      constants: {
        ...constants,
        ...prologueConstants(prologue),
        ...(walk ? { ...windowConstants(g), ROWS: walk.rows } : {}),
        LX,
      },
      workgroups: walk ? [ceilDiv(params.columns, LX), splits] : [ceilDiv(params.columns, LX), rows, splits],
      label: `conv2d.backward_weight ${describe(g)}`,
      flop: flopOf(g),
      bytes: bytesOf(x, dy) + part.bytes,
    });
  if (splits === 1) write(dweight);
  else addParts(device, dweight, { size, parts: splits, accumulate }, room, write);
}
