import { isDeepStrictEqual } from 'node:util';
import { readAdjacency } from '../../../src/data';
import { encodeAdjacency } from '../../../src/data/adjacency';
import { filesIn, put } from '../files';
import type { Target } from '../target';

/** Label graphs: the original's pickled DataFrame, and safetensors. */
export const target: Target = {
  names: 'fuzzed.',
  seeds: () => [
    ...filesIn('test/golden/pickles', /^adj_.*\.pkl$/),
    ...filesIn('test/golden/data', /^adjacency\.safetensors$/),
  ],
  async read(bytes) {
    const { A, adj } = await readAdjacency(put('fuzzed.pkl', bytes));
    if (!A.every(Number.isFinite) || !adj.every(Number.isFinite)) throw new Error('a graph that is no numbers');
    const again = await readAdjacency(put('written.safetensors', encodeAdjacency({ A, adj })));
    if (!isDeepStrictEqual(again.A, A)) throw new Error('what is written of it is read otherwise');
  },
};
