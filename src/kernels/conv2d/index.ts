import type { Constants, Device, Storage } from '../../device';
import { activationCode, activationOn, takesExponential } from '../activation';
import { defineColumnGemm, defineGemm, type GemmLaunch, runGemm, tileOf } from '../gemm';
import { ceilDiv } from '../launch/ceil_div';
import { bytesOf, type Matrix, type Parted, vectorType, vectorTypes, vectorWidth } from '../launch/matrix';
import { across, type Epilogue, type Prologue, type Sums } from '../norm';
import channelSource from '../norm/channel.wgsl';
import normaliseSource from '../norm/normalise.wgsl';
import { addParts, type PartsRoom } from '../sum_parts';
import { transpose } from '../transpose';
import backwardDataSource from './backward_data.wgsl';
import throughNormSource from './backward_data_through_norm.wgsl';
import backwardWeightSource from './backward_weight.wgsl';
import { epilogueConstants, epilogueSources } from './epilogue';
import forwardSource from './forward.wgsl';
import { type Conv2dGeometry, describe, flopOf, geometryParams, isPointwise } from './geometry';
import * as grouped from './grouped';

export { ownColumns } from '../gemm';
export * from './geometry';

const prologueSources = [activationOn('A'), normaliseSource] as const;
const forwardGemm = defineColumnGemm('conv2d.forward', ...prologueSources, ...epilogueSources, forwardSource);
const backwardDataGemm = defineGemm('conv2d.backward_data', backwardDataSource);
const throughNormSources = [channelSource, activationOn('V'), backwardDataSource, throughNormSource] as const;
const throughNormGemm = {
  4: defineColumnGemm('conv2d.backward_data_through_norm.4', across[4], ...throughNormSources),
  1: defineColumnGemm('conv2d.backward_data_through_norm.1', across[1], ...throughNormSources),
};
const backwardWeightGemm = defineGemm('conv2d.backward_weight', ...prologueSources, backwardWeightSource);

/**
 * Pixels that one sum of a weight gradient runs over at most: longer float32 sums lose what the goldens ask for, shorter ones
 * make the workgroups that a GPU needs.
 */
const pixelsASum = (device: Device): number => (device.software ? 1024 : 512);
const POINTWISE_LINE = 64;

const prologueConstants = (p: Prologue | null): { NORM: boolean; ACT: number } => ({
  NORM: p !== null,
  ACT: activationCode(p?.activation ?? 'none'),
});

/**
 * Whether the exponentials of two positions are too much for the loop of a CPU driver's wide tile: it is 0.7 times as fast as
 * with one position then.
 */
const crowdsLoop = (g: Conv2dGeometry, prologue: Prologue | null): boolean =>
  prologue !== null && takesExponential(prologue.activation) && g.co > 32;

/**
 * y = g(conv2d(f(x), weight) + bias), f the prologue, g the epilogue. x: N*H*W rows of ci; weight [tap][ci / groups][co]; y: N*OH*OW rows
 * of co.
 */
export function forward(
  device: Device,
  g: Conv2dGeometry,
  x: Matrix,
  weight: Storage,
  bias: Storage | null,
  y: Matrix,
  prologue: Prologue | null,
  epilogue: Epilogue | null = null,
): void {
  if (g.groups > 1) {
    grouped.forward(device, g, x, weight, bias, y, prologue, epilogue);
    return;
  }
  const width = vectorWidth(y, { channels: g.co });
  runGemm(device, forwardGemm, {
    rows: y.rows,
    columns: g.co / width,
    width,
    segments: g.kh * g.kw,
    positions: g.ci,
    stored: x.dtype,
    adjacent: { what: 'positions', width: crowdsLoop(g, prologue) ? 1 : vectorWidth(x) },
    buffers: {
      ...{ x: x.storage, weight, bias: bias ?? device.none, pack: prologue?.pack ?? device.none, y: y.storage },
      planes: epilogue?.planes ?? device.none,
    },
    params: {
      ...geometryParams(g),
      ci: g.ci,
      x_stride: x.stride,
      x_offset: x.offset,
      y_stride: y.stride / width,
      y_offset: y.offset / width,
    },
    constants: {
      ...vectorTypes(width, x, y),
      ...prologueConstants(prologue),
      ...epilogueConstants(epilogue),
      BIAS: bias !== null,
      Y: vectorType(width),
    },
    label: `conv2d.forward ${describe(g)}`,
    flop: flopOf(g),
    bytes: bytesOf(x, y) + weight.bytes,
  });
}

/**
 * dx (+)= the gradient of the convolution's input. dy: N*OH*OW rows of co; dx: N*H*W rows of ci.
 * @param turned the weight as [tap][co][ci], where somebody has it; without groups.
 * @param left where a tile in parts leaves them, dx being as it was (see runGemm)
 */
export function backwardData(
  device: Device,
  g: Conv2dGeometry,
  dy: Matrix,
  weight: Storage,
  dx: Matrix,
  accumulate: boolean,
  turned: Storage | null = null,
  left: Storage | null = null,
): void {
  if (g.groups > 1) {
    grouped.backwardData(device, g, dy, weight, dx, accumulate);
    return;
  }
  const own = turned ?? turn(device, g, weight);
  runGemm(device, backwardDataGemm, dataGradient(g, dy, own, dx, accumulate), left);
  if (!turned) device.free(own);
}

/**
 * backwardData into memory of its own, where the gradient lies without gaps, in parts if its tile makes it in parts: but not of f16, to which a
 * driver may leave out rounding where nothing is stored.
 */
export function backwardDataApart(
  device: Device,
  g: Conv2dGeometry,
  dy: Matrix,
  weight: Storage,
  x: Matrix,
  turned: Storage | null,
): Parted {
  const dx = { ...x, storage: device.alloc(bytesOf(x), 'conv2d.between'), stride: x.channels, offset: 0 };
  const whole = g.groups > 1 || x.dtype === 'f16';
  const parts = whole ? 1 : tileOf(device, backwardDataGemm, dataGradient(g, dy, weight, dx, false)).parts;
  if (parts === 1) {
    backwardData(device, g, dy, weight, dx, false, turned);
    return dx;
  }
  const storage = device.alloc(4 * parts * x.rows * x.channels, 'conv2d.between_parts');
  backwardData(device, g, dy, weight, dx, false, turned, storage);
  device.free(dx.storage);
  return { ...dx, storage, parts };
}

/**
 * backwardData, and on through the batch normalisation and activation that the convolution's input came from, but for what the
 * batch's moments add (see batch_norm.backwardFromSums). x is what was normalised; its gradient dx lies as x does. Only on
 * devices that `ownColumns`, and without groups.
 */
export function backwardDataThroughNorm(
  device: Device,
  g: Conv2dGeometry,
  dy: Matrix,
  weight: Storage,
  x: Matrix,
  { pack, activation }: Prologue,
  dx: Storage,
  accumulate: boolean,
  turned: Storage | null = null,
): Sums {
  const own = turned ?? turn(device, g, weight);
  const launch = dataGradient(g, dy, own, { ...x, storage: dx }, accumulate);
  const { width } = launch;
  const gemm = throughNormGemm[width];
  const count = ceilDiv(x.rows, tileOf(device, gemm, launch).rows);
  const part = device.alloc(count * g.ci * 8, 'conv2d.sums');
  runGemm(device, gemm, {
    ...launch,
    buffers: { ...launch.buffers, x: x.storage, pack, part },
    constants: { ...launch.constants, WIDTH: width, ACT: activationCode(activation) },
    bytes: (launch.bytes as number) + bytesOf(x) + part.bytes,
  });
  if (!turned) device.free(own);
  return { storage: part, count, width, paired: false };
}

function turn(device: Device, g: Conv2dGeometry, weight: Storage): Storage {
  const turned = device.alloc(weight.bytes, 'conv2d.weight_transposed');
  transpose(device, weight, turned, { batch: g.kh * g.kw, rows: g.ci, columns: g.co });
  return turned;
}

function dataGradient(
  g: Conv2dGeometry,
  dy: Matrix,
  turned: Storage,
  dx: Matrix,
  accumulate: boolean,
): GemmLaunch & { readonly constants: Constants } {
  const width = vectorWidth(dx, { channels: g.ci });
  return {
    rows: dx.rows,
    columns: g.ci / width,
    width,
    segments: g.kh * g.kw,
    positions: g.co,
    stored: dy.dtype,
    adjacent: { what: 'positions', width: vectorWidth(dy) },
    buffers: { dy: dy.storage, weight: turned, dx: dx.storage },
    params: {
      ...geometryParams(g),
      co: g.co,
      dy_stride: dy.stride,
      dy_offset: dy.offset,
      dx_stride: dx.stride / width,
      dx_offset: dx.offset / width,
      accumulate: accumulate ? 1 : 0,
    },
    constants: { ...vectorTypes(width, dy, dx), STRIDED: g.stride.some((s) => s > 1) },
    label: `conv2d.backward_data ${describe(g)}`,
    flop: flopOf(g),
    bytes: bytesOf(dy, dx) + turned.bytes + (accumulate ? bytesOf(dx) : 0),
  };
}

/** dweight (+)= the gradient of the weight, as [tap][ci / groups][co]. @param room where it may wait in parts */
export function backwardWeight(
  device: Device,
  g: Conv2dGeometry,
  x: Matrix,
  dy: Matrix,
  dweight: Storage,
  accumulate: boolean,
  prologue: Prologue | null,
  room: PartsRoom | null = null,
): void {
  if (g.groups > 1) {
    grouped.backwardWeight(device, g, x, dy, dweight, accumulate, prologue, pixelsASum(device), room);
    return;
  }
  const width = vectorWidth(dy, { channels: g.co });
  const pointwise = isPointwise(g);
  const pixels = g.n * g.oh * g.ow;
  const ow = pointwise ? Math.min(POINTWISE_LINE, pixels) : g.ow;
  const lines = ceilDiv(pixels, ow);
  const linesEach = Math.max(1, Math.floor(pixelsASum(device) / ow));
  const splits = ceilDiv(lines, linesEach);
  const rows = g.kh * g.kw * g.ci;
  const size = rows * g.co;
  const launch = (part: Storage): GemmLaunch => ({
    rows,
    columns: g.co / width,
    splits,
    width,
    segments: linesEach,
    positions: ow,
    stored: x.dtype,
    adjacent: { what: 'rows', width: vectorWidth(x) },
    buffers: { x: x.storage, dy: dy.storage, pack: prologue?.pack ?? device.none, part },
    params: {
      ...geometryParams(g),
      ow,
      ci: g.ci,
      x_stride: x.stride,
      x_offset: x.offset,
      dy_stride: dy.stride / width,
      dy_offset: dy.offset / width,
      lines,
      lines_each: linesEach,
      pixels,
      accumulate: accumulate && splits === 1 ? 1 : 0,
    },
    constants: (tile) => ({
      ...vectorTypes(width, x, dy),
      ...prologueConstants(prologue),
      POINTWISE: pointwise,
      ONE_TAP: !pointwise && g.ci % tile.rows === 0,
    }),
    label: `conv2d.backward_weight ${describe(g)}`,
    flop: flopOf(g),
    bytes: bytesOf(x, dy) + part.bytes,
  });
  const whole = launch(dweight);
  const parts = splits > 1 ? splits : tileOf(device, backwardWeightGemm, whole).parts;
  if (parts === 1) {
    runGemm(device, backwardWeightGemm, whole);
    return;
  }
  addParts(device, dweight, { size, parts, accumulate }, room, (part) => {
    if (splits > 1) runGemm(device, backwardWeightGemm, launch(part));
    else runGemm(device, backwardWeightGemm, whole, part);
  });
}
