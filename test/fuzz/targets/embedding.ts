import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { loadEmbedding, randomEmbedding, tensorFileKind } from '../../../src/data';
import { encodeEmbedding } from '../../../src/data/embedding';
import { NODES } from '../../../src/data/labels';
import { encode, filesIn, put } from '../files';
import type { Target } from '../target';

/** Word vectors: GloVe's text, the original's tensor, safetensors. */
export const target: Target = {
  names: 'fuzzed.',
  seeds: () => {
    const lines = readFileSync('test/golden/data/glove_tiny.txt', 'utf8').split('\n');
    const [word] = lines[0].split(' ');
    const text = `${lines.slice(0, 2).join('\n')}\n`.replace(word, 'neutral');
    const saved = encodeEmbedding(randomEmbedding(['Neutral']), ['Neutral']);
    return [encode(text), encode(`1 300\n${text}`), saved, ...filesIn('test/golden/pickles', /^emb_.*\.pkl$/)];
  },
  async read(bytes) {
    const file = put('fuzzed.vectors', bytes);
    const isTorch = (await tensorFileKind(file)) === 'torch';
    const nodes = isTorch ? NODES : ['Neutral'];
    const vectors = await loadEmbedding(file, nodes);
    if (!vectors.every(Number.isFinite)) throw new Error('word vectors that are no numbers');
    const again = await loadEmbedding(put('written.safetensors', encodeEmbedding(vectors, nodes)), nodes);
    if (!isDeepStrictEqual(again, vectors)) throw new Error('what is written of them is read otherwise');
  },
};
