import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { loadEmbedding, pickleAdjacency, readAdjacency, torchEmbedding } from '../../src/data';
import { ndarray, writePickle } from '../../src/formats/pickle';
import { readSafetensors } from '../../src/formats/safetensors';

const PICKLES = 'test/golden/pickles';
const folder = mkdtempSync(join(tmpdir(), 'original-files-'));
const golden = (file: string) => readSafetensors(readFileSync(`test/golden/data/${file}`), file).tensors;
const scratch = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

for (const name of [
  'adj_pandas10',
  'adj_pandas15',
  'adj_pandas15_protocol0',
  'adj_pandas15_protocol5',
  'adj_numpy2',
  'adj_pandas3',
]) {
  test(`${name}.pkl gives the original's A`, async () => {
    const { A } = await readAdjacency(`${PICKLES}/${name}.pkl`);
    assert.equal(A, golden('adjacency.safetensors').get('A')?.data);
  });
}

for (const name of ['emb_zip', 'emb_legacy']) {
  test(`${name}.pkl gives the vectors`, async () => {
    const emb = await loadEmbedding(`${PICKLES}/${name}.pkl`);
    assert.equal(emb, golden('glove_embedding.safetensors').get('emb')?.data);
    assert.equal(await loadEmbedding(scratch('emb.pkl', await torchEmbedding(emb))), emb);
  });
}

test('the pickle that is written gives the same graph', async () => {
  const graph = await readAdjacency(`${PICKLES}/adj_pandas10.pkl`);
  assert.equal(await readAdjacency(scratch('adj.pkl', pickleAdjacency(graph))), graph);
});

test('what is no matrix of the nodes is refused with the file and what was found', async () => {
  const small = scratch('small.pkl', writePickle(ndarray(new Float64Array(4), [2, 2])));
  const dict = scratch('dict.pkl', writePickle(new Map([['a', 1]])));
  for (const [work, ...words] of [
    [() => readAdjacency(small), small, '9 x 9', '2 x 2'],
    [() => readAdjacency(dict), dict, 'NumPy array', 'a dict of 1'],
    [() => readAdjacency(`${PICKLES}/emb_zip.pkl`), 'emb_zip.pkl', 'expected a tensor A, rho or adj'],
    [() => loadEmbedding(`${PICKLES}/adj_pandas10.pkl`), 'adj_pandas10.pkl', '9 x 300', '9 x 9'],
    [() => loadEmbedding('test/golden/checkpoints/tiny_zip.pth'), 'tiny_zip.pth', 'expected a tensor', 'a dict'],
  ] as [() => Promise<unknown>, ...string[]][]) {
    const error = await work().then(
      () => assert.unreachable(words.join()),
      (e: unknown) => e,
    );
    assert.instance(error, InputError);
    for (const word of words)
      assert.ok((error as Error).message.includes(word), `${(error as Error).message}: ${word}`);
  }
});

test.run();
