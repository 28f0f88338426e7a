import { type Device, defineKernel, type Kernel, type Storage } from '../../device';
import { type Activation, activationCode, activationOn } from '../activation';
import { ceilDiv } from '../launch/ceil_div';
import { columnLanes, columnsOf } from '../launch/columns';
import { bytesOf, type Matrix, vectorTypes } from '../launch/matrix';
import { perWidth } from '../norm';
import channelSource from '../norm/channel.wgsl';
import { pairs } from '../pair';
import pair from '../pair.wgsl';
import applySource from './apply.wgsl';
import applyPoolSource from './apply_pool.wgsl';
import { describe, FEW, type Pooled, ROWS, takesPairs } from './common';
import inverseRoot from './inverse_root.wgsl';
import mergeSource from './merge.wgsl';
import momentsSource from './moments.wgsl';
import packSource from './pack.wgsl';
import planesSource from './planes.wgsl';
import prepareSource from './prepare.wgsl';
import fewSource from './prepare_few.wgsl';
import runningSource from './prepare_running.wgsl';
import statisticsSource from './statistics.wgsl';
import terms from './terms.wgsl';

const statisticsKernel = defineKernel('batch_norm.statistics', pair, terms, momentsSource, statisticsSource);
const packSources = [inverseRoot, packSource] as const;
const prepareKernel = defineKernel('batch_norm.prepare', pair, ...packSources, mergeSource, prepareSource);
const fewSources = [terms, momentsSource, ...packSources, mergeSource, fewSource] as const;
const fewKernel = defineKernel('batch_norm.prepare_few', pair, ...fewSources);
const runningKernel = defineKernel('batch_norm.prepare_running', pair, ...packSources, runningSource);
const planesKernel = defineKernel('batch_norm.planes', pair, inverseRoot, planesSource);
const applyKernel = perWidth('batch_norm.apply', channelSource, activationOn('V'), applySource);
const applyPoolKernel = perWidth('batch_norm.apply_pool', channelSource, activationOn('V'), applyPoolSource);

export * from './backward';
export { type Pooled, takesPairs } from './common';
export * from './follow';

/** Bytes a channel of the statistics and of the pack that `prepare` makes. */
export const STATS_BYTES = 16;
export const PACK_BYTES = 24;
/** Bytes a channel of the planes that `preparePlanes` makes. */
export const PLANES_BYTES = 12;

/** Statistics in parts: (mean, sum of squared deviations), in pairs, of some channels over every ROWS rows. */
interface Parts {
  readonly storage: Storage;
  readonly count: number;
  /** Channels that a lane held. */
  readonly width: 4 | 1;
}

/** The statistics of x's channels in parts, for `prepare`. */
export function statistics(device: Device, x: Matrix): Parts {
  const p = columnsOf(device, { x }, { rowsEach: ROWS });
  const count = ceilDiv(x.rows, ROWS);
  const storage = device.alloc(count * x.channels * 16, 'batch_norm.parts');
  device.dispatch(statisticsKernel, {
    buffers: { ...p.buffers, part: storage },
    params: { ...p.params, veil: 0 },
    constants: { ...p.constants, ...vectorTypes(p.width, x), ...pairs(p.width, takesPairs(x)), ROWS },
    workgroups: p.workgroups,
    label: `batch_norm.statistics ${describe(x)}`,
    bytes: bytesOf(x) + storage.bytes,
  });
  return { storage, count, width: p.width };
}

/** A norm's own numbers. */
interface Scaling {
  readonly gamma: Storage;
  readonly beta: Storage;
  readonly eps: number;
}

/** The statistics of a batch, a channel: (mean, biased variance), pairs. */
export interface BatchStatistics {
  readonly stats: Storage;
  /** Where the normalised channels begin in them. */
  readonly first: number;
  readonly rows: number;
  /** Those channels whose statistics are yet to be made; its offset says which of `stats` they are. */
  readonly fresh: Matrix | null;
}

/** Where a batch's moments are left for the running statistics: from the `first`-th pair on, means, then unbiased variances. */
export interface Left {
  readonly storage: Storage;
  readonly first: number;
}

/** Bytes a channel of what `prepare` leaves. */
export const LEFT_BYTES = 16;

/**
 * pack[c] = (mean, inverse deviation, gamma, beta) by a batch's moments, of which those that are fresh get their place in
 * `stats`. They are left for the running ones, which stay as they are: see `follow`.
 */
export function prepare(
  device: Device,
  channels: number,
  n: Scaling,
  pack: Storage,
  batch: BatchStatistics,
  left: Left,
): void {
  const { stats, first, rows, fresh } = batch;
  const buffers = { stats, gamma: n.gamma, beta: n.beta, moments: left.storage, pack };
  const [from, to] = fresh ? [fresh.offset, fresh.offset + fresh.channels] : [0, 0];
  const params = { channels, first, eps: n.eps, rows, fresh_from: from, fresh_to: to, to: left.first, veil: 0 };
  const bytes = channels * (STATS_BYTES + 8 + LEFT_BYTES + PACK_BYTES);
  if (fresh && takesPairs(fresh) && rows <= (device.software ? 4 * FEW : FEW)) {
    // On a GPU lanes share a channel's rows.
    const [LANES, SHARES] = device.software ? [columnLanes(device), 1] : [32, 8];
    device.dispatch(fewKernel, {
      buffers: { ...buffers, x: fresh.storage },
      params: { ...params, rows_each: SHARES === 1 ? ROWS : ceilDiv(FEW, SHARES), x_stride: fresh.stride },
      constants: { ...vectorTypes(1, fresh), ...pairs(1, true), LANES, SHARES },
      workgroups: [ceilDiv(channels, LANES)],
      label: `batch_norm.prepare_few ${describe(fresh)} of ${channels}`,
      bytes: bytes + bytesOf(fresh),
    });
    return;
  }
  const parts = fresh && statistics(device, fresh);
  const lanes = columnLanes(device);
  device.dispatch(prepareKernel, {
    buffers: { ...buffers, part: parts?.storage ?? device.none },
    params: { ...params, rows_each: ROWS, parts: parts?.count ?? 0, width: parts?.width ?? 1 },
    constants: { ...pairs(1, true), LANES: lanes },
    workgroups: [ceilDiv(channels, lanes)],
    label: `batch_norm.prepare ${channels}`,
    bytes: bytes + (parts?.storage.bytes ?? 0),
  });
  if (parts) device.free(parts.storage);
}

/** Running statistics of a norm. */
interface Running {
  readonly mean: Storage;
  readonly variance: Storage;
}

/** The same by the running statistics. */
export function prepareRunning(device: Device, channels: number, n: Scaling, running: Running, pack: Storage): void {
  byRunning(device, runningKernel, channels, n, running, { pack });
}

/** What a convolution's epilogue takes: planes of mean, inverse deviation * gamma, and beta, by the running statistics. */
export function preparePlanes(device: Device, channels: number, n: Scaling, running: Running, planes: Storage): void {
  byRunning(device, planesKernel, channels, n, running, { planes });
}

function byRunning(
  device: Device,
  kernel: Kernel,
  channels: number,
  n: Scaling,
  running: Running,
  to: Readonly<Record<string, Storage>>,
): void {
  const lanes = columnLanes(device);
  device.dispatch(kernel, {
    buffers: { gamma: n.gamma, beta: n.beta, running_mean: running.mean, running_var: running.variance, ...to },
    params: { channels, eps: n.eps, veil: 0 },
    constants: { ...pairs(1, true), LANES: lanes },
    workgroups: [ceilDiv(channels, lanes)],
    label: `${kernel.name} ${channels}`,
  });
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
  const p = columnsOf(device, { y, x });
  device.dispatch((pool ? applyPoolKernel : applyKernel)[p.width], {
    buffers: { ...p.buffers, pack },
    params: { ...p.params, ...pool },
    constants: { ...p.constants, ...vectorTypes(p.width, x, y), ACT: activationCode(activation) },
    workgroups: p.workgroups,
    label: `batch_norm.apply ${describe(y)}`,
    bytes: bytesOf(x, y),
  });
}
