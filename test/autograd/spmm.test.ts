import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  backward,
  csr,
  csrFromDense,
  gradcheck,
  matmul,
  sliceChannels,
  spmm,
  step,
  sum,
  type Tensor,
  tensor,
} from '../../src/autograd';
import { device } from '../gpu';
import { uniform } from '../hashinit';
import { goldens, near, random, refuses } from './helpers';

const test = suite('spmm');
goldens(test, 'gcn');

/** A matrix of which about a third is not 0. */
const sparse = (rows: number, columns: number): Float32Array =>
  uniform('adjacency', rows * columns, 0).map((v, i) => ((i * 7) % 3 === 0 ? v : 0));

test('equals the dense product, and so do its gradients', async () => {
  for (const [rows, columns, features] of [
    [9, 9, 16],
    [5, 13, 7],
    [200, 1, 3],
    [1, 500, 4],
  ]) {
    const dense = sparse(rows, columns);
    const [x, x2] = [random('x', [columns, features]), random('x', [columns, features])];
    const adjacency = csrFromDense(device, dense, rows, columns);
    const up = random('up', [rows, features]);
    const [y, y2] = [spmm(adjacency, x), matmul(tensor(device, dense, [rows, columns]), x2)];
    near(await y.data(), await y2.data(), 1e-6, `${rows}x${columns}`);
    backward(y, up);
    backward(y2, up);
    near(await (x.grad as Tensor).data(), await (x2.grad as Tensor).data(), 1e-6, `gradient ${rows}x${columns}`);
  }
});

test('gradient check, slices, and an input used twice', async () => {
  const adjacency = csrFromDense(device, sparse(6, 6), 6, 6);
  const x = random('x', [6, 11]);
  await gradcheck((t) => spmm(adjacency, sliceChannels(t, 2, 10)), [x]);
  await gradcheck((t) => matmul(spmm(adjacency, t), t, { transposeB: true }), [x]);
});

test('empty rows and columns, and a matrix of zeros', async () => {
  const x = random('x', [3, 4]);
  const values = await x.data();
  const y = spmm(csr(device, 4, 3, [0, 0, 2, 2, 3], [0, 2, 2], [1, 2, -1]), x);
  const row = (r: number, f: (j: number) => number): number[] =>
    Array.from({ length: 4 }, (_, j) => (r >= 0 ? f(j) : 0));
  const expected = [
    row(-1, () => 0),
    row(1, (j) => values[j] + 2 * values[8 + j]),
    row(-1, () => 0),
    row(3, (j) => -values[8 + j]),
  ];
  near(await y.data(), expected.flat(), 1e-7);
  const none = spmm(csrFromDense(device, new Float32Array(6), 2, 3), x);
  assert.equal(Array.from(await none.data()), new Array(8).fill(0));
  backward(sum(none));
  assert.equal(Array.from(await (x.grad as Tensor).data()), new Array(12).fill(0));
});

test('an adjacency made inside a step outlives it', async () => {
  const adjacency = step(device, () => csrFromDense(device, [0, 1, 1, 0], 2, 2));
  const x = tensor(device, [1, 2, 3, 4], [2, 2]);
  assert.equal(Array.from(await spmm(adjacency, x).data()), [3, 4, 1, 2]);
});

test('matrices that are none', () => {
  refuses(() => csr(device, 2, 2, [0, 1], [0], [1]), /expected 3 row pointers, found 2/);
  refuses(() => csr(device, 2, 2, [0, 1, 2], [0], [1, 1]), /1 column indices for 2 values/);
  refuses(() => csr(device, 2, 2, [1, 1, 2], [0, 1], [1, 1]), /first row pointer must be 0/);
  refuses(() => csr(device, 2, 2, [0, 1, 1], [0, 1], [1, 1]), /last row pointer must be 2/);
  refuses(
    () => csr(device, 2, 2, [0, 3, 2], [0, 1], [1, 1]),
    /whole numbers that do not fall, found 3 and then 2 at row 1/,
  );
  refuses(() => csr(device, 2, 2, [0, 1, 2], [0, 2], [1, 1]), /entry 1 lies in column 2/);
  refuses(() => csrFromDense(device, [1, 2, 3], 2, 2), /expected 4 elements, found 3/);
  refuses(
    () => spmm(csrFromDense(device, [1, 2], 1, 2), random('x', [3, 4])),
    /expected x to be \[2, F\].*found x\[3x4\]/,
  );
});

test.run();
