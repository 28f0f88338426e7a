import { type Device, defineKernel, type Storage } from '../device';
import { ceilDiv } from './launch/ceil_div';
import { columnLanes } from './launch/columns';
import { vectorType, vectorWidth } from './launch/matrix';
import planSource from './launch/plan.wgsl';
import source from './transpose.wgsl';
import allSource from './transpose_all.wgsl';
import turn from './turn.wgsl';

const columnOf4 = 'fn column(b: array<V, 4>, i: u32) -> V { return V(b[0][i], b[1][i], b[2][i], b[3][i]); }';
const columnOf1 = 'fn column(b: array<V, 1>, i: u32) -> V { return b[0]; }';
const kernels = {
  4: defineKernel('transpose.4', columnOf4, turn, source),
  1: defineKernel('transpose.1', columnOf1, turn, source),
};
const allKernel = defineKernel('transpose_all', columnOf4, turn, planSource, allSource);

/** Numbers in a cache line of 64 bytes. */
const LINE = 16;

/** y[b, c, r] = x[b, r, c] for `batch` contiguous matrices. */
export function transpose(
  device: Device,
  x: Storage,
  y: Storage,
  { batch, rows, columns }: { batch: number; rows: number; columns: number },
): void {
  const width = vectorWidth({ channels: rows }, { channels: columns });
  const lanes = columnLanes(device);
  device.dispatch(kernels[width], {
    buffers: { x, y },
    params: { rows: rows / width, columns: columns / width },
    constants: { V: vectorType(width), WIDTH: width, LANES: lanes, EACH: LINE / width },
    workgroups: [ceilDiv(rows / width, lanes), ceilDiv(columns, LINE), batch],
    label: `transpose:${batch}x${rows}x${columns}`,
  });
}

/** Contiguous matrices of f32 within one memory, rows and columns by fours, and where they go in another, both in bytes. */
export interface Turned {
  readonly from: number;
  readonly to: number;
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
}

export interface TransposePlan {
  readonly words: Uint32Array;
  readonly matrices: number;
  readonly workgroups: number;
  readonly bytes: number;
}

export function planTransposes(device: Device, turned: readonly Turned[]): TransposePlan {
  const lanes = columnLanes(device);
  let [workgroups, bytes] = [0, 0];
  const words = turned.flatMap(({ from, to, batch, rows, columns }) => {
    const first = workgroups;
    workgroups += batch * ceilDiv(rows / 4, lanes) * ceilDiv(columns, LINE);
    bytes += 8 * batch * rows * columns;
    return [first, from / 16, to / 16, rows / 4, columns / 4];
  });
  return { words: Uint32Array.from(words), matrices: turned.length, workgroups, bytes };
}

/** Transposes all matrices of a plan, in one launch. @param plan memory that holds its words */
export function transposeAll(
  device: Device,
  { matrices, workgroups, bytes }: TransposePlan,
  plan: Storage,
  x: Storage,
  y: Storage,
): void {
  device.dispatch(allKernel, {
    buffers: { x, plan, y },
    params: { matrices },
    constants: { V: vectorType(4), WIDTH: 4, LANES: columnLanes(device), EACH: LINE / 4 },
    workgroups: [workgroups],
    label: `transpose_all:${matrices}`,
    bytes,
  });
}
