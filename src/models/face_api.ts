import { CLASSES, classFinder } from '../base/emotions';
import type { StateEntry } from './module';

/** A network's tensors as TensorFlow.js has them: kernels kh kw in out, depthwise kh kw c 1, dense in x out. */
export type FaceWeights = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>;

/** Our name of a part of a layer, and the axes of TensorFlow's layout in the order of ours. */
const PARTS: Readonly<Record<string, readonly [name: string, axes: readonly number[]]>> = {
  filters: ['weight', [3, 2, 0, 1]],
  depthwise_filter: ['depthwise.weight', [2, 3, 0, 1]],
  pointwise_filter: ['pointwise.weight', [3, 2, 0, 1]],
  weights: ['weight', [1, 0]],
  bias: ['bias', [0]],
};

/**
 * A state dict out of face-api's tensors: `conv1/depthwise_filter` is `conv1.depthwise.weight`, and a bias beside a
 * `pointwise_filter` is the pointwise convolution's. What has another rank or an unknown name keeps both, and fits no network.
 */
export function faceApiState(weights: FaceWeights): Map<string, StateEntry> {
  const state = new Map<string, StateEntry>();
  for (const [name, { shape, data }] of weights) {
    const [, layer, part] = /^(.*)\/(\w+)$/.exec(name) ?? [];
    const [own, axes] = Object.hasOwn(PARTS, part ?? '') ? PARTS[part] : [name, []];
    const separable = part === 'bias' && weights.has(`${layer}/pointwise_filter`);
    const full = layer === undefined ? name : `${layer.replaceAll('/', '.')}.${separable ? 'pointwise.' : ''}${own}`;
    state.set(full, permuted(shape, data, axes));
  }
  return state;
}

/** With its axes in another order; as it is where it has not as many. */
export function permuted(shape: readonly number[], data: ArrayLike<number>, axes: readonly number[]): StateEntry {
  if (axes.length !== shape.length) return { shape, data: Float32Array.from(data) };
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const sizes = axes.map((a) => shape[a]);
  const out = Float32Array.from(data, (_, i) => {
    let [at, rest] = [0, i];
    for (let k = axes.length - 1; k >= 0; k--) {
      at += (rest % sizes[k]) * strides[axes[k]];
      rest = Math.floor(rest / sizes[k]);
    }
    return data[at];
  });
  return { shape: sizes, data: out };
}

/** The classes of face-api's expression network, in its order. */
const EXPRESSIONS = ['neutral', 'happy', 'sad', 'angry', 'fearful', 'disgusted', 'surprised'];

/**
 * face-api's expression network (`face_expression_model`) as the state of `single_task` on `denselite`, its classes in AffectNet's order.
 */
export function expressionState(weights: FaceWeights): Map<string, StateEntry> {
  const rows = CLASSES.map(classFinder(EXPRESSIONS));
  return new Map(
    [...faceApiState(weights)].map(([name, entry]) =>
      name.startsWith('fc.') ? [name.replace('fc', 'classifier'), picked(entry, rows)] : [`features.${name}`, entry],
    ),
  );
}

/** The rows of a tensor in another order. */
function picked({ shape, data }: StateEntry, rows: readonly number[]): StateEntry {
  const width = data.length / shape[0];
  const out = Float32Array.from({ length: data.length }, (_, i) =>
    Number(data[rows[Math.floor(i / width)] * width + (i % width)]),
  );
  return { shape, data: out };
}
