// The features of the label graph's nodes: one word vector a node.
import { InputError } from '../base/errors';
import { randomStream, randomUniform } from '../base/random';
import { writeSafetensors } from '../formats/safetensors';
import { writeTorchTensor } from '../formats/torch';
import { inFile } from './files';
import { readGlove } from './glove';
import { NODES } from './labels';
import { nodeOrder } from './node_order';
import { type NamedTensor, readTensorFile, tensorFileKind } from './tensor_file';
import { GLOVE_100D, gloveWords } from './words/glove_100d';

/** Numbers a node. */
export const EMBEDDING_SIZE = 300;

/**
 * The node features that `--emb` means, K x 300 in the order of the nodes: a GloVe text file (the vectors of the node names
 * in lower case), the original's file (a tensor, by torch.save), a safetensors file (its tensor `emb`, or its only one),
 * `glove100` (those that come with the package), or `random`.
 *
 * @throws InputError: no such file, not what it should be, a word that is not there
 * @example
 * (await loadEmbedding('glove100')).length; // 2700
 */
export async function loadEmbedding(source: string, nodes: readonly string[] = NODES): Promise<Float32Array> {
  if (source === GLOVE_100D) return gloveWords(nodes, EMBEDDING_SIZE);
  if (source === 'random') return randomEmbedding(nodes);
  if ((await tensorFileKind(source)) !== 'text') return fromTensors(source, await readTensorFile(source), nodes);
  const words = nodes.map((name) => name.toLowerCase());
  return readGlove(source, words, EMBEDDING_SIZE);
}

/**
 * Made-up vectors, always the same ones: uniform in [-0.7, 0.7), about as long as GloVe's. K x 300.
 * @example
 * randomEmbedding(nodesOf(['calm', 'bored'])).length; // 1200
 */
export function randomEmbedding(nodes: readonly string[] = NODES): Float32Array {
  const streams = nodes.map((name) => randomStream(`embedding/${name}`, 0));
  return Float32Array.from({ length: nodes.length * EMBEDDING_SIZE }, (_, i) => {
    return 1.4 * randomUniform(streams[Math.floor(i / EMBEDDING_SIZE)], i % EMBEDDING_SIZE) - 0.7;
  });
}

/** Node features as the bytes of a safetensors file that `loadEmbedding` takes. */
export function encodeEmbedding(emb: Float32Array, nodes: readonly string[] = NODES): Uint8Array {
  return writeSafetensors({ emb: { shape: [nodes.length, EMBEDDING_SIZE], data: emb } }, { nodes: nodes.join(',') });
}

/** Node features as the original's file: a float32 tensor by torch.save. K x 300. */
export function torchEmbedding(emb: Float32Array): Promise<Uint8Array> {
  return writeTorchTensor({ shape: [emb.length / EMBEDDING_SIZE, EMBEDDING_SIZE], data: emb });
}

function fromTensors(file: string, tensors: ReadonlyMap<string, NamedTensor>, nodes: readonly string[]): Float32Array {
  const tensor = tensors.get('emb') ?? (tensors.size === 1 ? [...tensors.values()][0] : undefined);
  const wanted = `${nodes.length} x ${EMBEDDING_SIZE} floats`;
  if (!tensor) {
    throw new InputError(
      `${file}: expected a tensor emb of ${wanted}, found ${[...tensors.keys()].join(', ') || 'none'}`,
    );
  }
  const { shape, data, dtype, labels } = tensor;
  if (
    shape.join() !== `${nodes.length},${EMBEDDING_SIZE}` ||
    !(data instanceof Float32Array || data instanceof Float64Array)
  ) {
    throw new InputError(`${file}: expected ${wanted}, found ${dtype} ${shape.join(' x ')}`);
  }
  const [rows] = inFile(file, () => nodeOrder([labels?.[0] ?? nodes], nodes));
  const vectors = Float32Array.from(data, (_, i) => {
    return data[rows[Math.floor(i / EMBEDDING_SIZE)] * EMBEDDING_SIZE + (i % EMBEDDING_SIZE)];
  });
  const bad = vectors.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) {
    const place = `row ${Math.floor(bad / EMBEDDING_SIZE)}, column ${bad % EMBEDDING_SIZE}`;
    throw new InputError(`${file}: expected finite float32 numbers, found ${data[bad]} in ${place}`);
  }
  return vectors;
}
