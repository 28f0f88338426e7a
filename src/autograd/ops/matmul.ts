import { InputError } from '../../base/errors';
import { columnSums } from '../../kernels/column_sums';
import * as kernels from '../../kernels/matmul';
import { gradInto, record } from '../tape';
import { empty, matrixOf, type Tensor } from '../tensor';
import { float } from './cast';
import { wantFloat32 } from './check';

export interface MatmulOptions {
  /** Multiply with the transpose of `a`. */
  readonly transposeA?: boolean;
  /** Multiply with the transpose of `b`. */
  readonly transposeB?: boolean;
}

/** A tensor of rank 2 as the kernel wants it: a slice of rows, or a plain one. */
function asMatrix(t: Tensor): kernels.Strided {
  const [rows, columns] = t.shape;
  const m = matrixOf(t);
  return kernels.strided(t.layout === 'rows' ? m : { ...m, rows, channels: columns, stride: columns });
}

const turn = (m: kernels.Strided, on: boolean): kernels.Strided => (on ? kernels.transposed(m) : m);

/** target (+)= a b, where the target wants a gradient. */
function gradient(target: Tensor | null, a: kernels.Strided, b: kernels.Strided): void {
  const to = gradInto(target);
  if (!to) return;
  const { storage, rows, columns, offset, row } = asMatrix(to.grad);
  const y = { storage, rows, channels: columns, stride: row, offset, dtype: to.grad.dtype };
  kernels.matmul(to.grad.device, a, b, null, y, to.accumulate);
}

/**
 * Matrix product op(a) op(b), op a transposition where asked for. op(a) [M, K], op(b) [K, N]; returns [M, N]. Both may be
 * channel slices. Computed and stored in f32, whatever the operands are.
 * @throws InputError when shapes do not fit.
 * @example
 * const a = tensor(device, [1, 2, 3, 4], [2, 2]);
 * await matmul(a, a).data(); // [7, 10, 15, 22]
 * await matmul(a, a, { transposeB: true }).data(); // [5, 11, 11, 25]
 */
export function matmul(a: Tensor, b: Tensor, { transposeA = false, transposeB = false }: MatmulOptions = {}): Tensor {
  const fail = (what: string): never => {
    const names = `a is ${a}${transposeA ? ' transposed' : ''}, b ${b}${transposeB ? ' transposed' : ''}`;
    throw new InputError(`matmul: ${what}; ${names}`);
  };
  [a, b] = [float(a), float(b)];
  for (const t of [a, b]) if (t.shape.length !== 2) fail(`expected two matrices, found ${t}`);
  const [left, right] = [turn(asMatrix(a), transposeA), turn(asMatrix(b), transposeB)];
  if (left.columns !== right.rows) fail(`a has ${left.columns} columns, b ${right.rows} rows`);
  const { device } = a;
  const y = empty(device, [left.rows, right.columns], { name: 'matmul' });
  kernels.matmul(device, left, right, null, matrixOf(y), false);
  record('matmul', [a, b], [y], (dy) => {
    if (!dy) return;
    const up = asMatrix(dy);
    // da = dy op(b)^T and db = op(a)^T dy, both transposed where the operand was.
    const [A, B] = [asMatrix(a), asMatrix(b)];
    if (transposeA) gradient(a, turn(B, transposeB), turn(up, true));
    else gradient(a, up, turn(B, !transposeB));
    if (transposeB) gradient(b, turn(up, true), turn(A, transposeA));
    else gradient(b, turn(A, !transposeA), up);
  });
  return y;
}

/**
 * y = x weight^T + bias, as PyTorch's linear. x [N, I], weight [O, I], bias [O] or null; returns [N, O].
 * @throws InputError when shapes do not fit.
 * @example
 * const [weight, bias] = [tensor(device, [1, 2], [1, 2]), tensor(device, [0.5], [1])];
 * await linear(tensor(device, [3, 4], [1, 2]), weight, bias).data(); // [11.5]
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  const fail = (what: string): never => {
    throw new InputError(`linear: ${what}; x is ${x}, weight ${weight}${bias ? `, bias ${bias}` : ''}`);
  };
  x = float(x);
  wantFloat32('linear', weight, bias);
  if (x.shape.length !== 2) fail('x must be [N, I]');
  if (weight.shape.length !== 2) fail('weight must be [O, I]');
  const [n, features] = x.shape;
  const [outputs, expected] = weight.shape;
  if (features !== expected) fail(`weight expects ${expected} features, x has ${features}`);
  if (bias && bias.shape.join() !== `${outputs}`) fail(`bias must be [${outputs}]`);
  const { device } = x;
  const y = empty(device, [n, outputs], { name: 'linear' });
  kernels.matmul(device, asMatrix(x), turn(asMatrix(weight), true), bias?.storage ?? null, matrixOf(y), false);
  record('linear', [x, weight, bias], [y], (dy) => {
    if (!dy) return;
    const up = asMatrix(dy);
    gradient(x, up, asMatrix(weight));
    gradient(weight, turn(up, true), asMatrix(x));
    const db = gradInto(bias);
    if (db) columnSums(device, matrixOf(dy), db.grad.storage, db.accumulate);
  });
  return y;
}
