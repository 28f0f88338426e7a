import type { Constants, Device, Storage } from '../../device';
import { ceilDiv } from './ceil_div';
import { type Matrix, vectorWidth } from './matrix';

/** Lanes of a workgroup whose lanes own a column each: a CPU driver computes 8 at a time, a GPU 32 or more. */
export const columnLanes = (device: Device): number => (device.software ? 8 : 32);

/** How a kernel passes over rows of channels whose lanes own a column of V each and walk some rows. */
export interface Columns {
  /** Elements of V. */
  readonly width: 4 | 1;
  readonly buffers: Record<string, Storage>;
  /** `rows` and `columns` (in V) of the first operand, `rows_each`, and NAME_stride and NAME_offset of every one, in V. */
  readonly params: Record<string, number>;
  /** WIDTH and LANES. */
  readonly constants: Constants;
  readonly workgroups: [number, number];
}

/**
 * Plans a pass over the first operand. The others have rows of as many channels, not always as many rows.
 * @param rowsEach rows that a lane walks: 16 hide a workgroup's cost
 * @param vectors false where something else keeps lanes from taking four channels
 */
export function columnsOf(
  device: Device,
  operands: Readonly<Record<string, Matrix>>,
  { rowsEach = 16, vectors = true } = {},
): Columns {
  const all = Object.values(operands);
  const [{ rows, channels }] = all;
  const width = vectors ? vectorWidth(...all) : 1;
  const lanes = columnLanes(device);
  const columns = channels / width;
  const params: Record<string, number> = { rows, columns, rows_each: rowsEach };
  const buffers: Record<string, Storage> = {};
  for (const [name, m] of Object.entries(operands)) {
    buffers[name] = m.storage;
    params[`${name}_stride`] = m.stride / width;
    params[`${name}_offset`] = m.offset / width;
  }
  return {
    width,
    buffers,
    params,
    constants: { WIDTH: width, LANES: lanes },
    workgroups: [ceilDiv(columns, lanes), ceilDiv(rows, rowsEach)],
  };
}
