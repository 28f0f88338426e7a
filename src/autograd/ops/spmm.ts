import { InputError } from '../../base/errors';
import type { Device } from '../../device';
import * as kernels from '../../kernels/spmm';
import { gradInto, record } from '../tape';
import { empty, matrixOf, type Tensor, tensor } from '../tensor';
import { float } from './cast';

/** A sparse matrix on the device, with its transpose for backward. It outlives the step that it was made in. */
export interface Csr {
  readonly rows: number;
  readonly columns: number;
  readonly forward: CsrTensors;
  readonly transposed: CsrTensors;
}

interface CsrTensors {
  readonly rowPointers: Tensor;
  readonly columnIndices: Tensor;
  readonly values: Tensor;
}

interface CsrArrays {
  readonly rowPointers: Uint32Array;
  readonly columnIndices: Uint32Array;
  readonly values: Float32Array;
}

/**
 * A sparse matrix [rows, columns] from compressed rows: the entries of row r are number rowPointers[r] to
 * rowPointers[r + 1] - 1 of columnIndices and values.
 * @throws InputError when the sizes are no whole numbers, the pointers do not rise from 0 to the number of values, or an index is out of range.
 * @example
 * const identity = csr(device, 2, 2, [0, 1, 2], [0, 1], [1, 1]);
 * await spmm(identity, tensor(device, [1, 2, 3, 4], [2, 2])).data(); // [1, 2, 3, 4]
 */
export function csr(
  device: Device,
  rows: number,
  columns: number,
  rowPointers: ArrayLike<number>,
  columnIndices: ArrayLike<number>,
  values: ArrayLike<number>,
): Csr {
  const fail = (what: string): never => {
    throw new InputError(`csr ${rows}x${columns}: ${what}`);
  };
  const entries = values.length;
  if (![rows, columns].every((n) => Number.isInteger(n) && n >= 1))
    fail('rows and columns must be whole numbers from 1 on');
  if (rowPointers.length !== rows + 1) fail(`expected ${rows + 1} row pointers, found ${rowPointers.length}`);
  if (columnIndices.length !== entries) fail(`${columnIndices.length} column indices for ${entries} values`);
  if (rowPointers[0] !== 0) fail(`the first row pointer must be 0, found ${rowPointers[0]}`);
  if (rowPointers[rows] !== entries) fail(`the last row pointer must be ${entries}, found ${rowPointers[rows]}`);
  for (let r = 0; r < rows; r++)
    if (!(Number.isInteger(rowPointers[r + 1]) && rowPointers[r] <= rowPointers[r + 1]))
      fail(
        `row pointers must be whole numbers that do not fall, found ${rowPointers[r]} and then ${rowPointers[r + 1]} at row ${r}`,
      );
  for (let k = 0; k < entries; k++) {
    const c = columnIndices[k];
    if (!(Number.isInteger(c) && c >= 0 && c < columns)) fail(`entry ${k} lies in column ${c}`);
  }
  const arrays: CsrArrays = {
    rowPointers: Uint32Array.from(rowPointers),
    columnIndices: Uint32Array.from(columnIndices),
    values: Float32Array.from(values),
  };
  return device.persistent(() => ({
    rows,
    columns,
    forward: upload(device, arrays),
    transposed: upload(device, transpose(arrays, rows, columns)),
  }));
}

/**
 * The sparse matrix [rows, columns] of what is not 0 in `dense`, given row by row.
 * @throws InputError when the number of elements is not rows * columns.
 * @example
 * const swap = csrFromDense(device, [0, 1, 1, 0], 2, 2);
 * await spmm(swap, tensor(device, [1, 2, 3, 4], [2, 2])).data(); // [3, 4, 1, 2]
 */
export function csrFromDense(device: Device, dense: ArrayLike<number>, rows: number, columns: number): Csr {
  if (dense.length !== rows * columns)
    throw new InputError(`csr ${rows}x${columns}: expected ${rows * columns} elements, found ${dense.length}`);
  const [pointers, indices, values]: number[][] = [[0], [], []];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const v = dense[r * columns + c];
      if (v === 0) continue;
      indices.push(c);
      values.push(v);
    }
    pointers.push(values.length);
  }
  return csr(device, rows, columns, pointers, indices, values);
}

function transpose({ rowPointers, columnIndices, values }: CsrArrays, rows: number, columns: number): CsrArrays {
  const turned = {
    rowPointers: new Uint32Array(columns + 1),
    columnIndices: new Uint32Array(values.length),
    values: new Float32Array(values.length),
  };
  for (const c of columnIndices) turned.rowPointers[c + 1]++;
  for (let c = 0; c < columns; c++) turned.rowPointers[c + 1] += turned.rowPointers[c];
  const next = turned.rowPointers.slice();
  for (let r = 0; r < rows; r++)
    for (let k = rowPointers[r]; k < rowPointers[r + 1]; k++) {
      const at = next[columnIndices[k]]++;
      turned.columnIndices[at] = r;
      turned.values[at] = values[k];
    }
  return turned;
}

function upload(device: Device, { rowPointers, columnIndices, values }: CsrArrays): CsrTensors {
  // A matrix of zeros has no entries, but a tensor has an element.
  const { length } = values;
  const [indices, entries] = length > 0 ? [columnIndices, values] : [new Uint32Array(1), new Float32Array(1)];
  return {
    rowPointers: tensor(device, rowPointers, [rowPointers.length], { name: 'csr.row_pointers' }),
    columnIndices: tensor(device, indices, [indices.length], { name: 'csr.column_indices' }),
    values: tensor(device, entries, [entries.length], { name: 'csr.values' }),
  };
}

const storagesOf = (a: CsrTensors): kernels.CompressedRows => ({
  rowPointers: a.rowPointers.storage,
  columnIndices: a.columnIndices.storage,
  values: a.values.storage,
});

/**
 * Sparse times dense: adjacency [rows, columns] times x [columns, F]; returns [rows, F]. The adjacency gets no gradient.
 * @throws InputError when shapes do not fit.
 * @example
 * const adjacency = csrFromDense(device, [1, 2, 0, 3], 2, 2);
 * await spmm(adjacency, tensor(device, [1, 1], [2, 1])).data(); // [3, 3]
 */
export function spmm(adjacency: Csr, x: Tensor): Tensor {
  const { rows, columns } = adjacency;
  if (x.shape.length !== 2 || x.layout !== 'rows' || x.shape[0] !== columns)
    throw new InputError(`spmm: expected x to be [${columns}, F] for an adjacency of ${rows}x${columns}, found ${x}`);
  x = float(x);
  const { device } = x;
  const y = empty(device, [rows, x.shape[1]], { name: 'spmm' });
  kernels.spmm(device, storagesOf(adjacency.forward), matrixOf(x), matrixOf(y), false);
  record('spmm', [x], [y], (dy) => {
    const dx = dy && gradInto(x);
    if (dx) kernels.spmm(device, storagesOf(adjacency.transposed), matrixOf(dy), matrixOf(dx.grad), dx.accumulate);
  });
  return y;
}
