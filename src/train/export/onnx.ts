import { InputError } from '../../base/errors';
import { OnnxGraph } from '../../formats/onnx/graph';
import { checkImageSize, inputOf, type ModelConfig, normalisedAdjacency, type StateEntry } from '../../models';
import { activation, type Drawing, globalAverage, linear, pool } from './layers';
import { bregnext, denselite, densenet, mobilenet } from './networks';

/** What an ONNX file is made from. */
export interface OnnxSource {
  readonly config: ModelConfig;
  /** Names of the classes, in the order of the scores; they are written into the file. */
  readonly classes: readonly string[];
  /** The state dict of a model on one of the networks. */
  readonly state: ReadonlyMap<string, StateEntry>;
  /** Word vectors of the label graph's nodes, K x 300 (classes, valence, arousal), for emotion_gcn. */
  readonly embedding: Float32Array | null;
}

/**
 * A network for inference as the bytes of an ONNX file (opset 17). Input `images` [N, 3, S, S], as `inputOf` says;
 * outputs `logits` [N, classes] and, where the model has them, `valence_arousal` [N, 2]. The GCN is folded: its classifiers are a
 * constant of the file.
 * @throws InputError for an image size that the model does not take, or when emotion_gcn comes without word vectors
 */
export function exportOnnx({ config, classes, state, embedding }: OnnxSource): Uint8Array {
  checkImageSize(config);
  const { model, network, imageSize } = config;
  const graph = new OnnxGraph(`${model}_${network}`);
  const d: Drawing = { graph, state };
  const images = graph.input('images', ['N', 3, imageSize, imageSize]);
  if (model === 'emotion_gcn') {
    if (!embedding) throw new InputError('emotion_gcn: its word vectors are needed, to fold the GCN into a constant');
    const features = network === 'densenet' ? maxFeatures(d, imageSize, images) : averaged(d, config, images);
    const classifiers = foldGcn(state, embedding);
    const nodes = classes.length + 2;
    const weight = graph.constant('classifiers', [nodes, classifiers.length / nodes], classifiers);
    const scores = graph.node('Gemm', [features, weight], { transB: 1 });
    output(graph, 'logits', classes.length, slice(graph, scores, 0, classes.length));
    output(graph, 'valence_arousal', 2, slice(graph, scores, classes.length, nodes));
  } else {
    const features = averaged(d, config, images);
    const names = (network === 'bregnext' ? BREGNEXT_HEADS : HEADS)[model];
    output(graph, 'logits', classes.length, linear(d, names.logits, features));
    if (names.va) output(graph, 'valence_arousal', 2, linear(d, names.va, features));
  }
  const input = inputOf(network);
  return graph.toBytes({
    model,
    network,
    image_size: String(imageSize),
    classes: JSON.stringify(classes),
    mean: JSON.stringify(input.mean),
    std: JSON.stringify(input.std),
    scale: String(input.scale),
    channels: input.order.toUpperCase(),
  });
}

const HEADS = {
  single_task: { logits: 'classifier', va: null },
  multi_task: { logits: 'lin_cat', va: 'lin_cont' },
} as const;
const BREGNEXT_HEADS = {
  single_task: { logits: '_fc0', va: null },
  multi_task: { logits: 'fc_cat', va: 'fc_cont' },
} as const;

/** The mean of each channel of the last map: [N, width]. */
function averaged(d: Drawing, { model, network, imageSize }: ModelConfig, images: string): string {
  const last = {
    densenet: () => activation(d, 'Relu', densenet(d, model === 'multi_task' ? 'model_base' : 'features', images)),
    bregnext: () => bregnext(d, model === 'emotion_gcn' ? 'model.' : '', images),
    denselite: () => denselite(d, 'features', images, imageSize),
    mobilenet: () => mobilenet(d, 'features', images, imageSize),
  }[network];
  return globalAverage(d, last());
}

/** Emotion-GCN's DenseNet: the raw output of norm5, max-pooled to one value a channel. */
const maxFeatures = (d: Drawing, imageSize: number, images: string): string =>
  d.graph.node('Flatten', [pool(d, 'MaxPool', densenet(d, 'features', images), { kernel: imageSize === 227 ? 7 : 3 })]);

const output = (graph: OnnxGraph, name: string, columns: number, value: string): void =>
  graph.output(name, ['N', columns], value);

function slice(graph: OnnxGraph, x: string, first: number, end: number): string {
  const number = (name: string, v: number): string => graph.constant(name, [1], BigInt64Array.of(BigInt(v)));
  return graph.node('Slice', [x, number(`from:${first}`, first), number(`to:${end}`, end), number('axis:1', 1)]);
}

/** The classifiers [K, width] that the GCN makes, in double precision: adj leaky_relu(adj E W1, 0.2) W2. */
function foldGcn(state: ReadonlyMap<string, StateEntry>, embedding: Float32Array): Float32Array {
  const entry = (name: string): StateEntry => state.get(name) as StateEntry;
  const { data: A, shape } = entry('A');
  const [nodes] = shape;
  const adjacency = normalisedAdjacency(Float32Array.from(A as Float32Array), nodes);
  const layer = (x: ArrayLike<number>, name: string): Float64Array => {
    const { shape, data } = entry(name);
    return product(adjacency, product(x, data as Float32Array, shape[0], shape[1]), nodes, shape[1]);
  };
  const hidden = layer(embedding, 'gc1.weight').map((v) => (v < 0 ? 0.2 * v : v));
  return Float32Array.from(layer(hidden, 'gc2.weight'));
}

/** a [n, inner] times b [inner, columns]. */
function product(a: ArrayLike<number>, b: ArrayLike<number>, inner: number, columns: number): Float64Array {
  const y = new Float64Array((a.length / inner) * columns);
  for (let m = 0; m < a.length / inner; m++)
    for (let k = 0; k < inner; k++)
      for (let n = 0; n < columns; n++) y[m * columns + n] += a[m * inner + k] * b[k * columns + n];
  return y;
}
