// The label graph of Emotion-GCN (Antoniadis, Filntisis, Maragos, FG 2021, section III-B): Spearman correlations of the
// training labels, thresholded and re-weighted. Matrices are K x K (the classes, valence, arousal: 9 for seven classes),
// row-major, in double precision.
import { InputError } from '../base/errors';
import { dataFrame, writePickle } from '../formats/pickle';
import { writeSafetensors } from '../formats/safetensors';
import { inFile } from './files';
import { CLASSES, NODES, nodesOf } from './labels';
import { nodeOrder } from './node_order';
import type { Samples } from './sample_columns';
import { readTensorFile } from './tensor_file';

/** The original's. */
export const ADJ_THRESHOLD = 0.1;
/** What the neighbours of a node share; the node itself has the rest. */
const NEIGHBOURS = 0.5;

/** Every step from correlations to the matrix that the model takes, A. */
export interface Adjacency {
  /** Spearman's rank correlations; absent where the graph was read from a file without them. */
  rho?: Float64Array;
  /** |rho| */
  absolute?: Float64Array;
  /** |rho| without links between two classes, 0 where there is none. */
  masked?: Float64Array;
  /** 1 where masked reaches the threshold; of a node that has no such neighbour, where it is largest, both ways. */
  edges?: Float64Array;
  /** Each row: 0.5 for the node itself, 0.5 shared by its edges; 1 for a node without. Not symmetric. */
  A: Float64Array;
  /** (A D)^T D with D = diag(rowsum(A)^-1/2). */
  adj: Float64Array;
}

/**
 * The label graph of the training samples. A class that no sample has, or each, has no edge; one that correlates weakly keeps its strongest.
 * @param threshold the least correlation of an edge, 0 to 1
 * @throws InputError where valence or arousal is the same for all
 * @example
 * const { train } = await readAnnotations('faces/training.csv', { dataset: 'affectnet', classes: CLASSES, imageDir: 'faces' });
 * buildAdjacency(train.samples).A.length; // 81
 */
export function buildAdjacency(
  samples: Samples,
  classes: readonly string[] = CLASSES,
  threshold = ADJ_THRESHOLD,
): Adjacency {
  const column = (of: (i: number) => number): Float64Array => {
    const values = new Float64Array(samples.length);
    for (let i = 0; i < values.length; i++) values[i] = of(i);
    return values;
  };
  const columns = [
    ...classes.map((_, c) => column((i) => (samples.expressionAt(i) === c ? 1 : 0))),
    column((i) => samples.valenceAt(i)),
    column((i) => samples.arousalAt(i)),
  ];
  return fromCorrelations(spearman(columns), nodesOf(classes), 'adjacency of the training labels', threshold);
}

/** Spearman's rank correlation of each pair of columns, ties with their average rank; NaN for a constant column. */
export function spearman(columns: readonly Float64Array[]): Float64Array {
  const ranks = columns.map(centredRanks);
  const dot = (a: Float64Array, b: Float64Array): number => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
    return sum;
  };
  const norms = ranks.map((r) => Math.sqrt(dot(r, r)));
  const k = columns.length;
  return Float64Array.from({ length: k * k }, (_, n) => {
    const [i, j] = [Math.floor(n / k), n % k];
    if (i === j) return norms[i] > 0 ? 1 : Number.NaN;
    return dot(ranks[i], ranks[j]) / (norms[i] * norms[j]);
  });
}

/** Average ranks minus their mean. */
function centredRanks(values: Float64Array): Float64Array {
  const { length } = values;
  const sorted = values.slice().sort();
  // Of each value the last place, in order: found by halving, for a Map of many numbers takes its time.
  const ends = new Uint32Array(length);
  let n = 0;
  for (let i = 1; i <= length; i++) if (i === length || sorted[i] !== sorted[i - 1]) ends[n++] = i;
  const ranks = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    let [low, high] = [0, n - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[ends[middle] - 1] < values[i]) low = middle + 1;
      else high = middle;
    }
    const start = low === 0 ? 0 : ends[low - 1];
    ranks[i] = (start + ends[low] - 1) / 2 - (length - 1) / 2;
  }
  return ranks;
}

function fromCorrelations(rho: Float64Array, nodes: readonly string[], where: string, threshold: number): Adjacency {
  const K = nodes.length;
  const classes = K - 2;
  for (let i = classes; i < K; i++) {
    if (!Number.isNaN(rho[i * K + i])) continue;
    const what = nodes[i].toLowerCase();
    throw new InputError(`${where}: expected ${what} to vary, found one value only; give a ready matrix with --adj`);
  }
  const absolute = rho.map(Math.abs);
  const itself = (n: number): boolean => n % (K + 1) === 0;
  // What does not vary (a class that no sample has, or each) correlates with nothing.
  const linked = (n: number): boolean =>
    !itself(n) && (Math.floor(n / K) >= classes || n % K >= classes) && !Number.isNaN(rho[n]);
  const masked = absolute.map((v, n) => (linked(n) || (itself(n) && v > 0) ? v : 0));
  const edges = masked.map((v, n) => (itself(n) || (linked(n) && v >= threshold) ? 1 : 0));
  for (const [i, j] of strongestOfWeak(masked, K, threshold)) {
    if (!linked(i * K + j)) continue;
    edges[i * K + j] = 1;
    edges[j * K + i] = 1;
  }
  const rowSum = (i: number) => edges.subarray(i * K, i * K + K).reduce((a, b) => a + b, 0);
  const others = Float64Array.from({ length: K }, (_, i) => rowSum(i) - 1);
  const A = edges.map((v, n) => {
    const neighbours = others[Math.floor(n / K)];
    if (itself(n)) return neighbours > 0 ? 1 - NEIGHBOURS : 1;
    return v === 0 ? 0 : NEIGHBOURS / neighbours;
  });
  return { rho, absolute, masked, edges, A, adj: normalise(A, K) };
}

/** Each node all of whose correlations are below the threshold, and the node of its strongest. */
function strongestOfWeak(masked: Float64Array, K: number, threshold: number): [node: number, other: number][] {
  return Array.from({ length: K }, (_, i): [number, number] => {
    let best = i === K - 2 ? K - 1 : K - 2;
    for (let j = 0; j < K; j++) if (j !== i && masked[i * K + j] > masked[i * K + best]) best = j;
    return [i, best];
  }).filter(([i, j]) => masked[i * K + j] < threshold);
}

/** Which nodes have an edge only because it is the strongest that they have, in a line; null: none. */
export function describeWeak({ masked, edges }: Adjacency, nodes: readonly string[], threshold: number): string | null {
  if (!masked || !edges) return null;
  const K = nodes.length;
  const kept = strongestOfWeak(masked, K, threshold).filter(([i, j]) => edges[i * K + j] === 1);
  if (kept.length === 0) return null;
  const each = kept.map(([i, j]) => `${nodes[i]} (${masked[i * K + j].toFixed(3)} with ${nodes[j]})`);
  return `label graph: no correlation of ${each.join(', ')} reaches ${threshold}: the strongest is kept as an edge`;
}

/** A -> (A D)^T D, that is adj[i][j] = A[j][i] d[i] d[j]. Note the transposition. */
function normalise(a: Float64Array, K: number): Float64Array {
  const d = Array.from({ length: K }, (_, i) => a.subarray(i * K, i * K + K).reduce((x, y) => x + y, 0) ** -0.5);
  return a.map((_, n) => {
    const [i, j] = [Math.floor(n / K), n % K];
    return a[j * K + i] * d[i] * d[j];
  });
}

/**
 * Reads a label graph (what `--adj` takes) from the original's pickle, a DataFrame of correlations, put in the order of the nodes by
 * its labels; or from a safetensors file, from the first of these tensors that it has: `A` as it is; `rho`,
 * correlations from which A is made; `adj`, of which A is taken to be the transpose (the rows of A sum to 1, so that
 * D is the identity). A class all of whose correlations are NaN did not occur, and has no edge.
 *
 * @param threshold as in `buildAdjacency`, where there are correlations
 * @throws InputError: no such file, no such tensor, not K x K, labels that are not the nodes', a number that is not finite
 * @example
 * const A = new Float64Array(81).map((_, i) => (i % 10 === 0 ? 1 : 0)); // nobody has a neighbour
 * writeFileSync('adj.safetensors', writeSafetensors({ A: { shape: [9, 9], data: A } }));
 * (await readAdjacency('adj.safetensors')).adj[0]; // 1
 */
export async function readAdjacency(
  file: string,
  nodes: readonly string[] = NODES,
  threshold = ADJ_THRESHOLD,
): Promise<Adjacency> {
  const K = nodes.length;
  const tensors = await readTensorFile(file);
  const name = ['A', 'rho', 'adj'].find((n) => tensors.has(n));
  if (!name) {
    throw new InputError(`${file}: expected a tensor A, rho or adj, found ${[...tensors.keys()].join(', ') || 'none'}`);
  }
  const { shape, data, dtype, labels } = tensors.get(name)!;
  if (shape.join() !== `${K},${K}` || !(data instanceof Float32Array || data instanceof Float64Array)) {
    throw new InputError(`${file}: ${name}: expected ${K} x ${K} floats, found ${dtype} ${shape.join(' x ')}`);
  }
  const [rows, columns] = inFile(file, () => nodeOrder(labels ?? [nodes, nodes], nodes));
  const matrix = Float64Array.from(data, (_, n) => data[rows[Math.floor(n / K)] * K + columns[n % K]]);
  const placeOf = (n: number): string => `${nodes[Math.floor(n / K)]}, ${nodes[n % K]}`;
  const others = nodes.map((_, i) => [...nodes.keys()].filter((j) => j !== i));
  const absent = nodes.map(
    (_, i) =>
      name === 'rho' &&
      i < K - 2 &&
      others[i].every((j) => Number.isNaN(matrix[i * K + j]) && Number.isNaN(matrix[j * K + i])),
  );
  const bad = matrix.findIndex((v, n) => !(Number.isFinite(v) || absent[Math.floor(n / K)] || absent[n % K]));
  if (bad >= 0)
    throw new InputError(`${file}: ${name}: expected finite numbers, found ${matrix[bad]} at ${placeOf(bad)}`);
  const far = name === 'rho' ? matrix.findIndex((v) => Math.abs(v) > 1 + 1e-6) : -1;
  if (far >= 0)
    throw new InputError(`${file}: rho: expected correlations of -1 .. 1, found ${matrix[far]} at ${placeOf(far)}`);
  if (name === 'rho') return fromCorrelations(matrix, nodes, file, threshold);
  const A = name === 'A' ? matrix : matrix.map((_, n) => matrix[(n % K) * K + Math.floor(n / K)]);
  const adj = normalise(A, K);
  const node = Math.floor(adj.findIndex((v) => !Number.isFinite(v)) / K);
  if (node >= 0) throw new InputError(`${file}: ${name}: expected weights with a sum above 0 for ${nodes[node]}`);
  return { A, adj };
}

/** All steps as the bytes of a safetensors file that `readAdjacency` takes. */
export function encodeAdjacency(adjacency: Adjacency, nodes: readonly string[] = NODES): Uint8Array {
  const K = nodes.length;
  const tensors = Object.entries(adjacency).map(([name, data]) => [name, { shape: [K, K], data }] as const);
  return writeSafetensors(new Map(tensors), { nodes: nodes.join(',') });
}

/** Correlations as the original pickles them: a DataFrame that pandas and the original read. @throws Error without `rho` */
export function pickleAdjacency({ rho }: Adjacency, nodes: readonly string[] = NODES): Uint8Array {
  if (!rho) throw new Error('this label graph was read without its correlations');
  return writePickle(dataFrame({ index: [...nodes], columns: [...nodes], values: rho }));
}
