// Products, and sparse matrices.
import * as F from '../../../src/autograd';
import {
  argument,
  device,
  eachOf,
  either,
  F16,
  float32Only,
  INFINITE,
  NAN,
  type Pair,
  PLAIN,
  slice,
  type Trial,
  t,
  turnedFloat,
  U32,
} from './trials';

const compressed = { rows: 2, columns: 3, pointers: [0, 1, 3], indices: [2, 0, 1], values: [1, 2, 3] };

const csr = (other: Partial<typeof compressed>): F.Csr => {
  const { rows, columns, pointers, indices, values } = { ...compressed, ...other };
  return F.csr(device, rows, columns, pointers, indices, values);
};

const graph = csr({});

export const MATRICES: Readonly<Record<string, readonly Trial[]>> = {
  matmul: [
    ...either(
      (x) => F.matmul(x, t('y', [2, 2])),
      (x) => F.matmul(t('y', [2, 2]), x),
    ).flatMap((run) => [
      argument(
        run,
        [t('x', [2, 2]), slice('x', [2, 2]), t('x', [2, 2], PLAIN)],
        [t('x', [2]), t('x', [2, 2, 1]), t('x', [2, 2, 1, 1])],
        (x) => `matmul: expected two matrices, found ${x}`,
      ),
      turnedFloat(run, [2, 2]),
    ]),
    argument(
      (rows: number) => F.matmul(t('a', [2, 3]), t('b', [rows, 4])),
      [3],
      [2, 4],
      (rows) => `matmul: a has 3 columns, b ${rows} rows; a is a[2x3], b b[${rows}x4]`,
    ),
    argument(
      (rows: number) => F.matmul(t('a', [rows, 2]), t('b', [3, 4]), { transposeA: true }),
      [3],
      [2, 4],
      (rows) => `matmul: a has ${rows} columns, b 3 rows; a is a[${rows}x2] transposed, b b[3x4]`,
    ),
    argument(
      (columns: number) => F.matmul(t('a', [2, 3]), t('b', [4, columns]), { transposeB: true }),
      [3],
      [2, 4],
      (columns) => `matmul: a has 3 columns, b ${columns} rows; a is a[2x3], b b[4x${columns}] transposed`,
    ),
  ],
  linear: [
    argument(
      (x: F.Tensor) => F.linear(x, t('w', [4, 3]), null),
      [t('x', [2, 3]), slice('x', [2, 3]), t('x', [2, 3], PLAIN)],
      [t('x', [3]), t('x', [1, 2, 3]), t('x', [2, 3, 1, 1])],
      (x) => `linear: x must be [N, I]; x is ${x}, weight w[4x3]`,
    ),
    turnedFloat((x) => F.linear(x, t('w', [4, 3]), null)),
    argument(
      (w: F.Tensor) => F.linear(t('x', [2, 3]), w, null),
      [t('w', [4, 3])],
      [t('w', [3]), t('w', [4, 3, 1]), t('w', [4, 3, 1, 1])],
      (w) => `linear: weight must be [O, I]; x is x[2x3], weight ${w}`,
    ),
    argument(
      (w: F.Tensor) => F.linear(t('x', [2, 3]), w, null),
      [],
      [t('w', [4, 3], F16), t('w', [4, 3], U32)],
      float32Only('linear'),
    ),
    argument(
      (features: number) => F.linear(t('x', [2, 3]), t('w', [4, features]), null),
      [3],
      [2, 4],
      (f) => `linear: weight expects ${f} features, x has 3`,
    ),
    argument(
      (b: F.Tensor) => F.linear(t('x', [2, 3]), t('w', [4, 3]), b),
      [t('b', [4])],
      [t('b', [3]), t('b', [5]), t('b', [1, 4]), t('b', [4, 1])],
      (b) => `linear: bias must be [4]; x is x[2x3], weight w[4x3], bias ${b}`,
    ),
    argument(
      (b: F.Tensor) => F.linear(t('x', [2, 3]), t('w', [4, 3]), b),
      [],
      [t('b', [4], F16), t('b', [4], U32)],
      float32Only('linear'),
    ),
  ],
  csr: [
    argument(
      ([rows, columns]: Pair) =>
        F.csr(
          device,
          rows,
          columns,
          Array.from({ length: rows + 1 }, (_, r) => r),
          new Uint32Array(rows),
          new Float32Array(rows),
        ),
      eachOf([1, 1], 1, 2),
      [],
      String,
    ),
    argument(
      ([rows, columns]: Pair) => csr({ rows, columns }),
      [[2, 3]],
      eachOf([2, 3], 0, -1, 2.5, NAN, INFINITE),
      ([rows, columns]) => `csr ${rows}x${columns}: rows and columns must be whole numbers from 1 on`,
    ),
    argument(
      (pointers: number[]) => csr({ pointers }),
      [
        [0, 1, 3],
        [0, 0, 3],
        [0, 3, 3],
      ],
      [
        [0, 3],
        [0, 1, 3, 3],
      ],
      (p) => `csr 2x3: expected 3 row pointers, found ${p.length}`,
    ),
    argument(
      (indices: number[]) => csr({ indices }),
      [],
      [
        [2, 0],
        [2, 0, 1, 1],
      ],
      (i) => `csr 2x3: ${i.length} column indices for 3 values`,
    ),
    argument(
      (pointers: number[]) => csr({ pointers }),
      [],
      [
        [1, 1, 3],
        [-1, 1, 3],
        [NAN, 1, 3],
      ],
      ([first]) => `csr 2x3: the first row pointer must be 0, found ${first}`,
    ),
    argument(
      (pointers: number[]) => csr({ pointers }),
      [],
      [
        [0, 1, 2],
        [0, 1, 4],
      ],
      (p) => `csr 2x3: the last row pointer must be 3, found ${p[2]}`,
    ),
    argument(
      (pointers: number[]) => csr({ pointers }),
      [],
      [
        [0, 4, 3],
        [0, 0.5, 3],
        [0, NAN, 3],
      ],
      (p) =>
        `csr 2x3: row pointers must be whole numbers that do not fall, found ${p[1] > 3 ? '4 and then 3 at row 1' : `0 and then ${p[1]} at row 0`}`,
    ),
    argument(
      (column: number) => csr({ indices: [0, column, 1] }),
      [0, 2],
      [-1, 3, 0.5, NAN],
      (c) => `csr 2x3: entry 1 lies in column ${c}`,
    ),
    argument(
      (column: number) => csr({ indices: [0, 1, column] }),
      [],
      [3],
      () => 'csr 2x3: entry 2 lies in column 3',
    ),
  ],
  csrFromDense: [
    argument(
      (length: number) => F.csrFromDense(device, new Float32Array(length), 2, 3),
      [6],
      [5, 7],
      (found) => `csr 2x3: expected 6 elements, found ${found}`,
    ),
  ],
  spmm: [
    argument(
      (x: F.Tensor) => F.spmm(graph, x),
      [t('x', [3, 2]), slice('x', [3, 2])],
      [t('x', [2, 2]), t('x', [4, 2]), t('x', [3]), t('x', [3, 2, 1]), t('x', [3, 2, 1, 1]), t('x', [3, 2], PLAIN)],
      (x) => `spmm: expected x to be [3, F] for an adjacency of 2x3, found ${x}`,
    ),
    turnedFloat((x) => F.spmm(graph, x), [3, 2]),
  ],
};
