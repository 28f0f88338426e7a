import { normalisedAdjacency } from './gcn';

/** The parts of a state dict that an emotion_gcn's classifiers are made from, row by row, and its nodes' word vectors. */
export interface ClassifierState {
  /** nodes x nodes: the graph before it is normalised. */
  readonly A: Float32Array;
  /** `gc1.weight`: words x hidden. */
  readonly gc1: Float32Array;
  /** `gc2.weight`: hidden x width. */
  readonly gc2: Float32Array;
  /** nodes x words. */
  readonly embedding: Float32Array;
}

/** What each node's classifier is made of. */
export interface Contributions {
  /** nodes x nodes x width: what node i takes from node j. Added up over j they are i's classifier, to rounding. */
  readonly parts: Float64Array;
  /** nodes x nodes, row by row: <part_ij, w_i> / <w_i, w_i>, which add up to 1 over j; 0 throughout where a classifier is 0. */
  readonly share: number[];
}

/**
 * How much each label's classifier leans on its neighbours in the graph. The last graph convolution makes w_i = sum over j of
 * adj_ij (h_j W2), h = leaky_relu(adj E W1, 0.2) (Antoniadis, Filntisis, Maragos, FG 2021): its terms are the parts. In doubles.
 * @example
 * // Two labels that know of each other, words of one number, a hidden unit, features of width 1.
 * const one = Float32Array.of(1);
 * const { parts, share } = classifierContributions(
 *   { A: Float32Array.of(1, 1, 1, 1), gc1: one, gc2: one, embedding: Float32Array.of(1, 3) },
 *   2,
 * );
 * Array.from(parts); // [1, 1, 1, 1]
 * share; // [0.5, 0.5, 0.5, 0.5]
 */
export function classifierContributions({ A, gc1, gc2, embedding }: ClassifierState, nodes: number): Contributions {
  const words = embedding.length / nodes;
  const hidden = gc1.length / words;
  const width = gc2.length / hidden;
  const adjacency = normalisedAdjacency(A, nodes);
  const first = product(adjacency, product(embedding, gc1, nodes, words, hidden), nodes, nodes, hidden);
  const offered = product(
    first.map((v) => (v > 0 ? v : 0.2 * v)),
    gc2,
    nodes,
    hidden,
    width,
  );
  const parts = new Float64Array(nodes * nodes * width);
  const share: number[] = [];
  for (let i = 0; i < nodes; i++) {
    const classifier = new Float64Array(width);
    const along = new Float64Array(nodes);
    for (let j = 0; j < nodes; j++)
      for (let k = 0; k < width; k++) {
        const part = adjacency[i * nodes + j] * offered[j * width + k];
        parts[(i * nodes + j) * width + k] = part;
        classifier[k] += part;
      }
    let square = 0;
    for (let k = 0; k < width; k++) {
      square += classifier[k] ** 2;
      for (let j = 0; j < nodes; j++) along[j] += parts[(i * nodes + j) * width + k] * classifier[k];
    }
    for (const a of along) share.push(square > 0 ? a / square : 0);
  }
  return { parts, share };
}

type Numbers = Float32Array | Float64Array;

/** a [rows, inner] times b [inner, columns]. */
function product(a: Numbers, b: Numbers, rows: number, inner: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < inner; k++) {
      const factor = a[i * inner + k];
      if (factor !== 0) for (let j = 0; j < columns; j++) out[i * columns + j] += factor * b[k * columns + j];
    }
  return out;
}
