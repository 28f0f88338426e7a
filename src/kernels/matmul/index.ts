import type { Device, Storage } from '../../device';
import { copyChannels } from '../channels';
import { defineGemm, type GemmLaunch, runGemm } from '../gemm';
import { ceilDiv } from '../launch/ceil_div';
import { type Matrix, vectorWidth } from '../launch/matrix';
import { sumParts } from '../sum_parts';
import { transpose } from '../transpose';
import productSource from './product.wgsl';

const gemm = defineGemm('matmul', productSource);

/** Products that one sum runs over at most: longer float32 sums come close to what the goldens ask for. */
const PRODUCTS_A_SUM = 256;

/** A matrix with strides of its own: element (r, c) lies at `offset + r * row + c * column`. */
export interface Strided {
  readonly storage: Storage;
  readonly rows: number;
  readonly columns: number;
  readonly offset: number;
  readonly row: number;
  readonly column: number;
}

export const strided = (m: Matrix): Strided => ({ ...m, columns: m.channels, row: m.stride, column: 1 });

export const transposed = (m: Strided): Strided => ({
  ...m,
  rows: m.columns,
  columns: m.rows,
  row: m.column,
  column: m.row,
});

/** A matrix without gaps, seen transposed: its columns cannot be loaded side by side. */
const isTransposed = (m: Strided): boolean => m.row === 1 && m.columns > 1 && m.column === m.rows && m.offset === 0;

/** y (+)= a b, plus a bias to every row where there is one. a [M, K], b [K, N], y [M, N], bias [N]. */
export function matmul(
  device: Device,
  a: Strided,
  b: Strided,
  bias: Storage | null,
  y: Matrix,
  accumulate: boolean,
): void {
  if (isTransposed(b) && vectorWidth({ channels: b.rows }, { channels: b.columns }, y) === 4) {
    const turned = device.alloc(b.rows * b.columns * 4, 'matmul.turned');
    transpose(device, b.storage, turned, { batch: 1, rows: b.columns, columns: b.rows });
    matmul(device, a, { ...b, storage: turned, row: b.columns, column: 1 }, bias, y, accumulate);
    device.free(turned);
    return;
  }
  const splits = ceilDiv(a.columns, PRODUCTS_A_SUM);
  if (splits === 1) {
    product(device, a, b, bias, y, 1, accumulate);
    return;
  }
  const size = y.rows * y.channels;
  const part = device.alloc(splits * size * 4, 'matmul.parts');
  const parts = { ...y, storage: part, stride: y.channels, offset: 0 };
  product(device, a, b, bias, parts, splits, false);
  if (y.stride === y.channels && y.offset === 0) {
    sumParts(device, part, y.storage, { size, parts: splits, accumulate });
  } else {
    const total = device.alloc(size * 4, 'matmul.total');
    sumParts(device, part, total, { size, parts: splits, accumulate: false });
    copyChannels(device, { ...parts, storage: total }, y, accumulate);
    device.free(total);
  }
  device.free(part);
}

/** Columns of a row-major matrix lie side by side, rows of a transposed one. */
function adjacentIn(a: Strided): GemmLaunch['adjacent'] {
  const rows = a.row === 1;
  const [channels, stride] = rows ? [a.rows, a.column] : [a.columns, a.row];
  const width = rows || a.column === 1 ? vectorWidth({ channels, stride, offset: a.offset }) : 1;
  return { what: rows ? 'rows' : 'positions', width };
}

function product(
  device: Device,
  a: Strided,
  b: Strided,
  bias: Storage | null,
  y: Matrix,
  splits: number,
  accumulate: boolean,
): void {
  const rowsOfB = { channels: b.columns, stride: b.row, offset: b.offset };
  const width = b.column === 1 ? vectorWidth(y, rowsOfB) : 1;
  runGemm(device, gemm, {
    rows: y.rows,
    columns: y.channels / width,
    splits,
    width,
    segments: 1,
    positions: Math.min(PRODUCTS_A_SUM, a.columns),
    stored: y.dtype,
    adjacent: adjacentIn(a),
    buffers: { a: a.storage, b: b.storage, bias: bias ?? device.none, y: y.storage },
    params: {
      inner: a.columns,
      segment: PRODUCTS_A_SUM,
      a_offset: a.offset,
      a_row: a.row,
      a_column: a.column,
      b_offset: b.offset / width,
      b_row: b.row / width,
      b_column: b.column,
      y_offset: y.offset / width,
      y_row: y.stride / width,
      y_part: (y.rows * y.channels) / width,
      accumulate: accumulate ? 1 : 0,
    },
    constants: { BIAS: bias !== null },
    label: `matmul ${y.rows}x${a.columns}x${y.channels}`,
    flop: 2 * y.rows * a.columns * y.channels,
  });
}
