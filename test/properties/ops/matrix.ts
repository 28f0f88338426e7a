// Products of matrices: every element is one dot product.
import fc from 'fast-check';
import * as F from '../../../src/autograd';
import { device } from '../../gpu';
import { type Margin, margin, operand } from '../draws';
import { type Base, type Input, uniforms } from '../problem';
import { type Property, property } from '../property';
import { add, constant, dot, multiply, type Scalar } from '../reference/scalar';

/** Sizes around those of tiles: less than a lane's rows, no multiple of 4, more than a workgroup's. */
const side = fc.constantFrom(1, 2, 3, 4, 7, 8, 17, 36);
/** So long that sums are split. */
const LONG = 300;

interface Product {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly margins: readonly [Margin | null, Margin | null];
}

const product: fc.Arbitrary<Product> = fc.record({
  m: side,
  k: fc.oneof({ weight: 7, arbitrary: side }, { weight: 1, arbitrary: fc.constant(LONG) }),
  n: side,
  margins: fc.tuple(margin, margin),
});

/** a b of [M, K] and [K, N], each given by how its element (row, column) is found. */
function products(
  [m, k, n]: readonly number[],
  a: (i: number, j: number) => Scalar,
  b: (i: number, j: number) => Scalar,
): Scalar[] {
  const inner = Array.from({ length: k }, (_, q) => q);
  return Array.from({ length: m * n }, (_, i) => {
    const [row, column] = [Math.floor(i / n), i % n];
    return dot(
      inner.map((q) => a(row, q)),
      inner.map((q) => b(q, column)),
    );
  });
}

const element = (of: readonly Scalar[], width: number, turned: boolean): ((i: number, j: number) => Scalar) =>
  turned ? (i, j) => of[j * width + i] : (i, j) => of[i * width + j];

const matmul = property(
  fc.record({ of: product, transposeA: fc.boolean(), transposeB: fc.boolean(), itself: fc.boolean() }),
  ({ of: { m, k, n, margins }, transposeA, transposeB, itself }, dtype) => {
    const a = operand(transposeA ? [k, m] : [m, k], dtype, margins[0]);
    // a a^T or a^T a, or a a of a square.
    const own = itself && (transposeA !== transposeB || m === k);
    const columns = own ? m : n;
    const b = own ? a : operand(transposeB ? [n, k] : [k, n], dtype, margins[1]);
    const turnB = own && m !== k ? !transposeA : transposeB;
    return {
      inputs: [a, b],
      run: ([a, b]) => [F.matmul(a, b, { transposeA, transposeB: turnB })],
      reference: ([a, b]) => [
        products([m, k, columns], element(a, transposeA ? m : k, transposeA), element(b, turnB ? k : columns, turnB)),
      ],
    };
  },
  { gemm: true },
);

const linear = property(
  fc.record({ of: product, bias: fc.boolean() }),
  ({ of: { m, k, n, margins }, bias }, dtype) => {
    const inputs: Input[] = [operand([m, k], dtype, margins[0]), operand([n, k], 'f32', margins[1])];
    if (bias) inputs.push({ base: { shape: [n] } });
    return {
      inputs,
      run: ([x, weight, bias = null]) => [F.linear(x, weight, bias)],
      reference: ([x, weight, bias]) => {
        const y = products([m, k, n], element(x, k, false), element(weight, k, true));
        return [bias ? y.map((v, i) => add(v, bias[i % n])) : y];
      },
    };
  },
  { gemm: true },
);

const spmm = property(
  fc.record({ rows: side, columns: side, features: side, margin, seed: fc.nat(), filled: fc.constantFrom(0, 0.2, 1) }),
  ({ rows, columns, features, margin, seed, filled }, dtype) => {
    const next = uniforms('adjacency', seed);
    const dense = Array.from({ length: rows * columns }, () => (next() < filled ? Math.round(next() * 16 - 8) / 8 : 0));
    const base: Partial<Base> = {};
    return {
      inputs: [operand([columns, features], dtype, margin, base)],
      run: ([x]) => [F.spmm(F.csrFromDense(device, dense, rows, columns), x)],
      reference: ([x]) => [
        Array.from({ length: rows * features }, (_, i) => {
          const [row, feature] = [Math.floor(i / features), i % features];
          const entries = dense.slice(row * columns, (row + 1) * columns);
          return add(...entries.flatMap((v, c) => (v === 0 ? [] : [multiply(constant(v), x[c * features + feature])])));
        }),
      ],
    };
  },
);

export const MATRIX: Readonly<Record<string, Property>> = { matmul, linear, spmm };
