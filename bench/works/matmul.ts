import { matrixOf, type Tensor } from '../../src/autograd';
import { matmul, type Strided, strided, transposed } from '../../src/kernels/matmul';
import type { Work } from './work';

const as = (t: Tensor): Strided => strided(matrixOf(t));

/** y = a op(b): a [m, k], op(b) [k, n], op a transposition where b lies so; and its two gradients. */
export function product(m: number, k: number, n: number, turned: boolean): Work[] {
  const work = (pass: string, prepare: Work['prepare']): Work => ({
    name: `matmul ${pass} ${m}x${k}x${n}`,
    family: `matmul ${pass}`,
    flop: 2 * m * k * n,
    bytes: 4 * (m * k + k * n + m * n),
    task: { op: 'matmul', pass, m, k, n, turned: turned ? 1 : 0 },
    prepare,
  });
  const ofB = turned ? [n, k] : [k, n];
  const op = (b: Strided): Strided => (turned ? transposed(b) : b);
  return [
    work('forward', (o) => {
      const [a, b, y] = [o.input([m, k], 0), o.input(ofB, 1), o.output([m, n])];
      return { run: () => matmul(o.device, as(a), op(as(b)), null, matrixOf(y), false), results: [y] };
    }),
    work('backward_a', (o) => {
      const [dy, b, da] = [o.input([m, n], 2), o.input(ofB, 1), o.output([m, k])];
      return { run: () => matmul(o.device, as(dy), transposed(op(as(b))), null, matrixOf(da), false), results: [da] };
    }),
    work('backward_b', (o) => {
      const [a, dy, db] = [o.input([m, k], 0), o.input([m, n], 2), o.output(ofB)];
      const [left, right] = turned ? [transposed(as(dy)), as(a)] : [transposed(as(a)), as(dy)];
      return { run: () => matmul(o.device, left, right, null, matrixOf(db), false), results: [db] };
    }),
  ];
}
