import type { Csr, Tensor } from '../autograd';
import * as F from '../autograd';
import type { Device } from '../device';
import { uniform } from './init';
import { Module } from './module';

/**
 * adj @ (x @ W), no bias (Kipf and Welling, ICLR 2017). W [in, out], x [nodes, in].
 * @example
 * const layer = new GraphConvolution(device, 3, 5).initialise(1);
 * layer.forward(zeros(device, [2, 3]), csrFromDense(device, [1, 0, 0, 1], 2, 2)).shape; // [2, 5]
 */
export class GraphConvolution extends Module {
  private readonly weight: Tensor;

  constructor(device: Device, featuresIn: number, featuresOut: number) {
    super(device);
    this.weight = this.parameter('weight', [featuresIn, featuresOut], uniform(1 / Math.sqrt(featuresOut)));
  }

  forward(x: Tensor, adjacency: Csr): Tensor {
    return this.see(F.spmm(adjacency, F.matmul(x, this.weight)));
  }

  override multiplyAdds(output: Tensor): number {
    return output.shape[0] * this.weight.size;
  }
}

/**
 * adj = (A D)^T D with D = diag(rowsum(A)^-1/2), that is adj[i, j] = A[j, i] d_i d_j: note the transposition, which is the
 * original's. A: n x n, row by row. All in float32 as PyTorch computes it.
 * @example
 * normalisedAdjacency(Float32Array.of(1, 1, 0, 1), 2); // [0.5, 0, 0.7071, 1]
 */
export function normalisedAdjacency(a: Float32Array, n: number): Float32Array {
  const d = Float32Array.from({ length: n }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < n; j++) sum = Math.fround(sum + a[i * n + j]);
    return 1 / Math.sqrt(sum);
  });
  return Float32Array.from({ length: n * n }, (_, k) => {
    const [i, j] = [Math.floor(k / n), k % n];
    return Math.fround(a[j * n + i] * d[i]) * d[j];
  });
}

/**
 * Classifiers made by a graph convolutional network over the labels' graph: two graph convolutions turn the labels' word
 * embeddings [9, 300] into weights [9, width], and an image's scores are its features times those.
 * @example
 * const head = new GcnHead(
 *   new GraphConvolution(device, 300, 512).initialise(1),
 *   new GraphConvolution(device, 512, 16).initialise(1),
 * );
 * const graph = csrFromDense(device, [1, 0, 0, 1], 2, 2);
 * head.classifiers(zeros(device, [2, 300]), graph).shape; // [2, 16]
 */
export class GcnHead {
  constructor(
    private readonly gc1: GraphConvolution,
    private readonly gc2: GraphConvolution,
  ) {}

  /** The classifiers: [nodes, width]. */
  classifiers(embedding: Tensor, adjacency: Csr): Tensor {
    return this.gc2.forward(F.leakyRelu(this.gc1.forward(embedding, adjacency), 0.2), adjacency);
  }
}
