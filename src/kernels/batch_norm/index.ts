import { type Device, defineKernel, type Kernel, type Storage } from '../../device';
import { type Activation, activationCode } from '../conv2d/geometry';
import { bytesOf, ceilDiv, type Matrix, vectorTypes, vectorWidth } from '../matrix';
import { isFew, pairs } from '../pair';
import pair from '../pair.wgsl';
import { columnLanes } from '../variant';
import activationSource from './activation.wgsl';
import applySource from './apply.wgsl';
import applyPoolSource from './apply_pool.wgsl';
import backwardApplySource from './backward_apply.wgsl';
import backwardFinishSource from './backward_finish.wgsl';
import backwardSumsSource from './backward_sums.wgsl';
import channelSource from './channel.wgsl';
import prepareSource from './prepare.wgsl';
import statisticsSource from './statistics.wgsl';
import terms from './terms.wgsl';
import unpack1 from './unpack_1.wgsl';
import unpack4 from './unpack_4.wgsl';
import upstream from './upstream.wgsl';

type PerWidth = Readonly<Record<4 | 1, Kernel>>;
const perWidth = (name: string, parts: Record<4 | 1, string>, ...rest: string[]): PerWidth => ({
  4: defineKernel(`${name}.4`, parts[4], ...rest),
  1: defineKernel(`${name}.1`, parts[1], ...rest),
});
const unpack = { 4: unpack4, 1: unpack1 };

const statisticsKernel = defineKernel('batch_norm.statistics', pair, terms, statisticsSource);
const prepareKernel = defineKernel('batch_norm.prepare', pair, prepareSource);
const applyKernel = perWidth('batch_norm.apply', unpack, channelSource, activationSource, applySource);
const applyPoolKernel = perWidth('batch_norm.apply_pool', unpack, channelSource, activationSource, applyPoolSource);
const backwardSources = [pair, terms, channelSource, activationSource, upstream] as const;
const backwardSumsKernel = perWidth('batch_norm.backward_sums', unpack, ...backwardSources, backwardSumsSource);
const backwardFinishKernel = perWidth('batch_norm.backward_finish', unpack, pair, channelSource, backwardFinishSource);
const backwardApplyKernel = perWidth('batch_norm.backward_apply', unpack, ...backwardSources, backwardApplySource);

/** Rows that one workgroup sums, 64 at a time. */
const ROWS = 512;
/** What few rows leave of a gradient is next to nothing (see backward_apply), however many the channels. */
const takesPairs = (x: Matrix): boolean => isFew(x) || x.rows < 64;
const describe = (m: Matrix): string => `${m.rows}x${m.channels}`;

/** Bytes a channel of the statistics and of the pack that `prepare` makes. */
export const STATS_BYTES = 16;
export const PACK_BYTES = 24;

/** Statistics in parts: (mean, sum of squared deviations), in pairs, of some channels over every `rowsEach` rows. */
export interface Parts {
  readonly storage: Storage;
  readonly count: number;
  readonly rowsEach: number;
  /** Channels that a lane held. */
  readonly width: 4 | 1;
}

/** The statistics of x's channels in parts, for `prepare`. */
export function statistics(device: Device, x: Matrix): Parts {
  const width = vectorWidth(x);
  const columns = x.channels / width;
  const lanes = columnLanes(device);
  const count = ceilDiv(x.rows, ROWS);
  const part = device.alloc(count * x.channels * 16, 'batch_norm.parts');
  device.dispatch(statisticsKernel, {
    buffers: { x: x.storage, part },
    params: { rows: x.rows, columns, stride: x.stride / width, offset: x.offset / width, veil: 0 },
    constants: { ...vectorTypes(width, x), ...pairs(width, takesPairs(x)), LANES: lanes, ROWS },
    workgroups: [ceilDiv(columns, lanes), count],
    label: `batch_norm.statistics ${describe(x)}`,
    bytes: bytesOf(x) + part.bytes,
  });
  return { storage: part, count, rowsEach: ROWS, width };
}

export interface Normalisation {
  readonly gamma: Storage;
  readonly beta: Storage;
  readonly runningMean: Storage;
  readonly runningVar: Storage;
  readonly eps: number;
  readonly momentum: number;
}

/** The statistics of a batch, a channel: (mean, biased variance), pairs. Those from..to are yet to be made, from `parts`. */
export interface Batch {
  readonly stats: Storage;
  /** Where the normalised channels begin in them. */
  readonly first: number;
  readonly rows: number;
  readonly fresh: { readonly from: number; readonly to: number; readonly parts: Parts } | null;
}

/**
 * pack[c] = (mean, inverse deviation, gamma, beta). With `batch` (training) the moments are the batch's, of which those that
 * are fresh get their place in `stats`, and the running ones are updated, once; without it they are the running ones.
 */
export function prepare(device: Device, channels: number, n: Normalisation, pack: Storage, batch: Batch | null): void {
  const fresh = batch?.fresh;
  const lanes = columnLanes(device);
  device.dispatch(prepareKernel, {
    buffers: {
      stats: batch?.stats ?? device.none,
      // Not `none`, which may be bound as stats: those are written.
      part: fresh?.parts.storage ?? n.gamma,
      gamma: n.gamma,
      beta: n.beta,
      running_mean: n.runningMean,
      running_var: n.runningVar,
      pack,
    },
    params: {
      channels,
      first: batch?.first ?? 0,
      eps: n.eps,
      momentum: n.momentum,
      rows: batch?.rows ?? 0,
      rows_each: fresh?.parts.rowsEach ?? 0,
      parts: fresh?.parts.count ?? 0,
      width: fresh?.parts.width ?? 1,
      fresh_from: fresh?.from ?? 0,
      fresh_to: fresh?.to ?? 0,
      veil: 0,
    },
    constants: { ...pairs(1, true), TRAINING: batch !== null, LANES: lanes },
    workgroups: [ceilDiv(channels, lanes)],
    label: `batch_norm.prepare ${channels}`,
  });
}

/** Rows a lane of a pass over memory walks: enough to hide a workgroup's cost, and few enough workgroups. */
const rowsEach = (m: Matrix): number => Math.max(16, ceilDiv(m.rows, 65535));

/** A 2x2 average pool after the activation: sizes before it. */
export interface Pooled {
  readonly h: number;
  readonly w: number;
}

/** y = act(batch_norm(x)), averaged over 2x2 pixels where `pool` says so. */
export function apply(
  device: Device,
  x: Matrix,
  pack: Storage,
  y: Matrix,
  activation: Activation,
  pool: Pooled | null = null,
): void {
  const width = vectorWidth(x, y);
  const columns = x.channels / width;
  const lanes = columnLanes(device);
  device.dispatch((pool ? applyPoolKernel : applyKernel)[width], {
    buffers: { x: x.storage, pack, y: y.storage },
    params: {
      rows: y.rows,
      columns,
      x_stride: x.stride / width,
      x_offset: x.offset / width,
      y_stride: y.stride / width,
      y_offset: y.offset / width,
      rows_each: rowsEach(y),
      ...pool,
    },
    constants: { ...vectorTypes(width, x, y), LANES: lanes, ACT: activationCode(activation) },
    workgroups: [ceilDiv(columns, lanes), ceilDiv(y.rows, rowsEach(y))],
    label: `batch_norm.apply ${describe(y)}`,
    bytes: bytesOf(x, y),
  });
}

export interface BackwardTargets {
  readonly dgamma: { readonly storage: Storage; readonly accumulate: boolean } | null;
  readonly dbeta: { readonly storage: Storage; readonly accumulate: boolean } | null;
  readonly dx: { readonly matrix: Matrix; readonly accumulate: boolean } | null;
}

/**
 * Gradients of act(batch_norm(x)) from dy, its gradient, or that of its 2x2 average `pool`. `training`: the moments were
 * the batch's and depend on x.
 */
export function backward(
  device: Device,
  x: Matrix,
  dy: Matrix,
  pack: Storage,
  activation: Activation,
  training: boolean,
  { dgamma, dbeta, dx }: BackwardTargets,
  pool: Pooled | null = null,
): void {
  const width = vectorWidth(x, dy, ...(dx ? [dx.matrix] : []));
  const columns = x.channels / width;
  const lanes = columnLanes(device);
  const parts = ceilDiv(x.rows, ROWS);
  const part = device.alloc(parts * x.channels * 16, 'batch_norm.parts');
  const constants = {
    ...vectorTypes(width, x, dy, ...(dx ? [dx.matrix] : [])),
    ...pairs(width, takesPairs(x)),
    LANES: lanes,
    ACT: activationCode(activation),
    POOLED: pool !== null,
  };
  const views = {
    rows: x.rows,
    columns,
    x_stride: x.stride / width,
    x_offset: x.offset / width,
    dy_stride: dy.stride / width,
    dy_offset: dy.offset / width,
    h: pool?.h ?? 0,
    w: pool?.w ?? 0,
    veil: 0,
  };
  device.dispatch(backwardSumsKernel[width], {
    buffers: { x: x.storage, dy: dy.storage, pack, part },
    params: views,
    constants: { ...constants, ROWS },
    workgroups: [ceilDiv(columns, lanes), parts],
    label: `batch_norm.backward_sums ${describe(x)}`,
    bytes: bytesOf(x, dy) + part.bytes,
  });
  const unwanted = (): Storage => device.alloc(x.channels * 4, 'batch_norm.unwanted');
  const [toGamma, toBeta] = [dgamma?.storage ?? unwanted(), dbeta?.storage ?? unwanted()];
  device.dispatch(backwardFinishKernel[width], {
    buffers: { part, pack, dgamma: toGamma, dbeta: toBeta },
    params: {
      columns,
      parts,
      rows: x.rows,
      training: training ? 1 : 0,
      accumulate_gamma: dgamma?.accumulate ? 1 : 0,
      accumulate_beta: dbeta?.accumulate ? 1 : 0,
      veil: 0,
    },
    constants: { ...pairs(width, true), LANES: lanes },
    workgroups: [ceilDiv(columns, lanes)],
    label: `batch_norm.backward_finish ${describe(x)}`,
  });
  if (dx) {
    const to = dx.matrix;
    device.dispatch(backwardApplyKernel[width], {
      buffers: { x: x.storage, dy: dy.storage, pack, k: part, dx: to.storage },
      params: {
        ...views,
        dx_stride: to.stride / width,
        dx_offset: to.offset / width,
        rows_each: rowsEach(x),
        accumulate: dx.accumulate ? 1 : 0,
      },
      constants,
      workgroups: [ceilDiv(columns, lanes), ceilDiv(x.rows, rowsEach(x))],
      label: `batch_norm.backward_apply ${describe(x)}`,
      bytes: bytesOf(x, dy, to),
    });
  }
  device.free(part);
  if (!dgamma) device.free(toGamma);
  if (!dbeta) device.free(toBeta);
}
