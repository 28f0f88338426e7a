import { type Constants, type Device, defineKernel, type Storage } from '../../device';
import { type Activation, activationCode, activationOn } from '../activation';
import { ceilDiv } from '../launch/ceil_div';
import { columnLanes, columnsOf } from '../launch/columns';
import { bytesOf, type Matrix, type Parted, vectorTypes } from '../launch/matrix';
import type { Sums } from '../norm';
import { perWidth } from '../norm';
import channelSource from '../norm/channel.wgsl';
import { pairs } from '../pair';
import pair from '../pair.wgsl';
import applySource from './backward_apply.wgsl';
import fewSource from './backward_few.wgsl';
import finishSource from './backward_finish.wgsl';
import sumsSource from './backward_sums.wgsl';
import { describe, FEW, type Pooled, ROWS, takesPairs } from './common';
import foldSource from './fold.wgsl';
import part from './part.wgsl';
import settleSource from './settle.wgsl';
import sumsOfSource from './sums.wgsl';
import terms from './terms.wgsl';
import throughSource from './through.wgsl';
import upstream from './upstream.wgsl';

const sources = [pair, terms, channelSource, activationOn('V'), upstream] as const;
const sumsKernel = perWidth('batch_norm.backward_sums', ...sources, sumsOfSource, sumsSource);
const applyKernel = perWidth('batch_norm.backward_apply', ...sources, throughSource, applySource);
const fewKernel = perWidth('batch_norm.backward_few', ...sources, sumsOfSource, throughSource, fewSource);
const foldKernel = defineKernel('batch_norm.fold', pair, part, foldSource);
const finishKernel = defineKernel('batch_norm.backward_finish', pair, part, finishSource);
const settleKernel = perWidth('batch_norm.settle', settleSource);

/** Bytes a channel of what batch norms owe a gradient. */
export const OWED_BYTES = 16;
/** Parts of sums that one lane adds up at most. */
const PARTS = 256;

interface Target {
  readonly storage: Storage;
  readonly accumulate: boolean;
}

export interface NormTargets {
  readonly dgamma: Target | null;
  readonly dbeta: Target | null;
  readonly dx: { readonly matrix: Matrix; readonly accumulate: boolean } | null;
}

/**
 * Gradients of act(batch_norm(x)) from dy, its gradient, or that of its 2x2 average `pool`. `training`: the moments were
 * the batch's and depend on x.
 */
export function backward(
  device: Device,
  x: Matrix,
  dy: Parted,
  pack: Storage,
  activation: Activation,
  training: boolean,
  { dx, ...parameters }: NormTargets,
  pool: Pooled | null = null,
): void {
  if (dx && x.rows <= FEW && takesPairs(x)) {
    backwardFew(device, x, dy, pack, activation, training, { ...parameters, dx }, pool);
    return;
  }
  const to = dx?.matrix;
  const operands = { x, dy, ...(to ? { dx: to } : {}) };
  const { width, ...sums } = columnsOf(device, operands, { rowsEach: ROWS });
  const count = ceilDiv(x.rows, ROWS);
  const storage = device.alloc(count * x.channels * 16, 'batch_norm.parts');
  const constants = {
    ...sums.constants,
    ...vectorTypes(width, ...Object.values(operands)),
    ...pairs(width, takesPairs(x)),
    ...upstreamConstants(dy, pool),
    ACT: activationCode(activation),
  };
  const rest = { ...upstreamParams(width, dy, pool), veil: 0 };
  device.dispatch(sumsKernel[width], {
    buffers: { x: x.storage, dy: dy.storage, pack, part: storage },
    params: { ...sums.params, ...rest },
    constants: { ...constants, ROWS },
    workgroups: sums.workgroups,
    label: `batch_norm.backward_sums ${describe(x)}`,
    bytes: bytesOf(x, dy) + storage.bytes,
  });
  const k = device.alloc(x.channels * OWED_BYTES, 'batch_norm.k');
  finish(device, x, { storage, count, width, paired: true }, pack, training, parameters, { storage: k });
  if (dx && to) {
    const pass = columnsOf(device, operands);
    device.dispatch(applyKernel[width], {
      buffers: { ...pass.buffers, pack, k },
      params: { ...pass.params, ...rest, accumulate: dx.accumulate ? 1 : 0 },
      constants,
      workgroups: pass.workgroups,
      label: `batch_norm.backward_apply ${describe(x)}`,
      bytes: bytesOf(x, dy, to) + (dx.accumulate ? bytesOf(to) : 0),
    });
  }
  device.free(k);
}

/** How upstream.wgsl reads dy. */
const upstreamConstants = (dy: Parted, pool: Pooled | null): Constants => ({
  PARTS: dy.parts ?? 1,
  POOLED: pool !== null,
});
const upstreamParams = (width: 4 | 1, dy: Parted, pool: Pooled | null): Record<string, number> => ({
  h: pool?.h ?? 0,
  w: pool?.w ?? 0,
  dy_part: (dy.rows * dy.channels) / width,
});

/** All of it in one launch. */
function backwardFew(
  device: Device,
  x: Matrix,
  dy: Parted,
  pack: Storage,
  activation: Activation,
  training: boolean,
  { dx, dgamma, dbeta }: NormTargets & { readonly dx: NonNullable<NormTargets['dx']> },
  pool: Pooled | null,
): void {
  const to = dx.matrix;
  const pass = columnsOf(device, { x, dy, dx: to });
  // On a GPU lanes share a column's rows.
  const [LANES, SHARES] = device.software ? [columnLanes(device), 1] : [8, 16];
  const unwanted = (): Storage => device.alloc(x.channels * 4, 'batch_norm.unwanted');
  const [toGamma, toBeta] = [dgamma?.storage ?? unwanted(), dbeta?.storage ?? unwanted()];
  device.dispatch(fewKernel[pass.width], {
    buffers: { ...pass.buffers, pack, dgamma: toGamma, dbeta: toBeta },
    params: {
      ...pass.params,
      ...upstreamParams(pass.width, dy, pool),
      rows_each: ceilDiv(x.rows, SHARES),
      training: training ? 1 : 0,
      accumulate: dx.accumulate ? 1 : 0,
      accumulate_gamma: dgamma?.accumulate ? 1 : 0,
      accumulate_beta: dbeta?.accumulate ? 1 : 0,
      veil: 0,
    },
    constants: {
      ...vectorTypes(pass.width, x, dy, to),
      ...pairs(pass.width, true),
      ...upstreamConstants(dy, pool),
      ...{ WIDTH: pass.width, LANES, SHARES, ACT: activationCode(activation) },
    },
    workgroups: [ceilDiv(x.channels / pass.width, LANES)],
    label: `batch_norm.backward_few ${describe(x)}`,
    bytes: bytesOf(x, dy, to) + (dx.accumulate ? bytesOf(to) : 0),
  });
  if (!dgamma) device.free(toGamma);
  if (!dbeta) device.free(toBeta);
}

/** Where `finish` adds what x's gradient is owed: at channel `first` of `storage`. */
export interface OwedTarget extends Target {
  readonly first: number;
}

/**
 * The rest of a batch norm's backward, where convolutions' gradients went through it (conv2d.backwardDataThroughNorm): the
 * gradients of its parameters, and, in training, what x's gradient is still owed for the moments, which `settle` pays.
 */
export function backwardFromSums(
  device: Device,
  x: Matrix,
  sums: Sums,
  pack: Storage,
  parameters: Omit<NormTargets, 'dx'>,
  owed: OwedTarget | null,
): void {
  const to = owed ?? { storage: device.alloc(x.channels * OWED_BYTES, 'batch_norm.unwanted') };
  finish(device, x, sums, pack, owed !== null, parameters, to);
  if (!owed) device.free(to.storage);
}

/** Adds up the sums, which it frees, for the parameters' gradients and for `to`: see backward_finish. */
function finish(
  device: Device,
  x: Matrix,
  sums: Sums,
  pack: Storage,
  training: boolean,
  { dgamma, dbeta }: Omit<NormTargets, 'dx'>,
  to: { readonly storage: Storage } | OwedTarget,
): void {
  const { channels } = x;
  const lanes = columnLanes(device);
  const workgroups = ceilDiv(channels, lanes);
  if (sums.count > PARTS) {
    const count = ceilDiv(sums.count, 64);
    const storage = device.alloc(count * channels * 16, 'batch_norm.folded');
    device.dispatch(foldKernel, {
      buffers: { part: sums.storage, to: storage },
      params: { channels, width: sums.width, parts: sums.count, veil: 0 },
      constants: { ...pairs(1, true), PAIRED: sums.paired, LANES: lanes },
      workgroups: [workgroups, count],
      label: `batch_norm.fold ${sums.count}x${channels}`,
    });
    device.free(sums.storage);
    finish(device, x, { storage, count, width: 1, paired: true }, pack, training, { dgamma, dbeta }, to);
    return;
  }
  const unwanted = (): Storage => device.alloc(channels * 4, 'batch_norm.unwanted');
  const [toGamma, toBeta] = [dgamma?.storage ?? unwanted(), dbeta?.storage ?? unwanted()];
  const owed = 'first' in to ? to : null;
  device.dispatch(finishKernel, {
    buffers: { part: sums.storage, pack, dgamma: toGamma, dbeta: toBeta, k: to.storage },
    params: {
      channels,
      width: sums.width,
      parts: sums.count,
      rows: x.rows,
      first: owed?.first ?? 0,
      training: training ? 1 : 0,
      accumulate_gamma: dgamma?.accumulate ? 1 : 0,
      accumulate_beta: dbeta?.accumulate ? 1 : 0,
      accumulate_owed: owed?.accumulate ? 1 : 0,
      veil: 0,
    },
    constants: { ...pairs(1, true), PAIRED: sums.paired, OWED: owed !== null, LANES: lanes },
    workgroups: [workgroups],
    label: `batch_norm.backward_finish ${describe(x)}`,
  });
  device.free(sums.storage);
  if (!dgamma) device.free(toGamma);
  if (!dbeta) device.free(toBeta);
}

/** dx += what x's channels are owed, the mean being the batch's. dx lies as x does, whose first channel is number x.offset. */
export function settle(device: Device, x: Matrix, dx: Storage, stats: Storage, owed: Storage): void {
  const p = columnsOf(device, { x });
  device.dispatch(settleKernel[p.width], {
    buffers: { ...p.buffers, stats, owed, dx },
    params: p.params,
    constants: { ...p.constants, ...vectorTypes(p.width, x) },
    workgroups: p.workgroups,
    label: `batch_norm.settle ${describe(x)}`,
    bytes: 3 * bytesOf(x),
  });
}
