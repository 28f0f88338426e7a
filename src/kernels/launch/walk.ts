import type { Constants, Storage } from '../../device';
import { ceilDiv } from './ceil_div';
import { type Matrix, vectorTypes, vectorWidth } from './matrix';

/** How a kernel that includes walk.wgsl passes over matrices of equal size, element by element. */
export interface Walk {
  /** Elements of V. */
  readonly width: 4 | 1;
  readonly buffers: Record<string, Storage>;
  readonly params: Record<string, number>;
  readonly constants: Constants;
  readonly workgroups: [number, number];
  /** Threads, each of which has one share; the ones with nothing to do included. */
  readonly threads: number;
}

const LANES = 64;

/**
 * Plans a pass over the operands. Their strides and offsets become parameters `NAME_stride` and `NAME_offset`. Matrices
 * without gaps are cut into rows of 64 vectors. The last vector may reach into the padding behind the data (memory ends
 * on a multiple of 256 bytes) unless `exact`: what adds up its elements, and what writes a gradient, whose padding others
 * may take for data (packed parameters), must not.
 * @param each rows that a thread walks.
 */
export function walk(operands: Readonly<Record<string, Matrix>>, { each = 8, exact = false } = {}): Walk {
  const all = Object.values(operands);
  const [first] = all;
  const size = first.rows * first.channels;
  const whole = all.every((m) => m.offset === 0 && (m.stride === m.channels || m.rows === 1));
  const width = whole ? (exact && size % 4 !== 0 ? 1 : 4) : vectorWidth(...all);
  const vectors = Math.ceil(size / width);
  const columns = whole ? LANES : first.channels / width;
  const rows = ceilDiv(vectors, columns);
  const lanes = Math.min(LANES, Math.max(8, 2 ** Math.ceil(Math.log2(columns))));
  const params: Record<string, number> = { rows, columns, tail: vectors - (rows - 1) * columns, rows_each: each };
  const buffers: Record<string, Storage> = {};
  for (const [name, m] of Object.entries(operands)) {
    buffers[name] = m.storage;
    params[`${name}_stride`] = whole ? LANES : m.stride / width;
    params[`${name}_offset`] = whole ? 0 : m.offset / width;
  }
  const workgroups: [number, number] = [ceilDiv(columns, lanes), ceilDiv(rows, each)];
  return {
    width,
    buffers,
    params,
    constants: { ...vectorTypes(width, ...all), LANES: lanes },
    workgroups,
    threads: workgroups[0] * workgroups[1] * lanes,
  };
}
