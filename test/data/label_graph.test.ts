// The label graph and its node features. Adjacency is compared to 1e-12 (sums in another order), features exactly.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Adjacency,
  buildAdjacency,
  encodeAdjacency,
  pickleAdjacency,
  readAdjacency,
  spearman,
} from '../../src/data/adjacency';
import { encodeEmbedding, loadEmbedding, randomEmbedding } from '../../src/data/embedding';
import { readGlove } from '../../src/data/glove';
import { AFFWILD2_CLASSES, EIGHT_CLASSES, NODES, nodesOf } from '../../src/data/labels';
import { readAffectNet } from '../../src/data/layouts/csv';
import { type Sample, Samples } from '../../src/data/sample_columns';
import { dataFrame, type PickleValue, writePickle } from '../../src/formats/pickle';
import { writeSafetensors } from '../../src/formats/safetensors';
import { givenShared, SHARED } from '../given';
import { differences, golden, refusal } from './goldens';

const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-test-'));
const write = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(dir, name), content);
  return join(dir, name);
};
const near = (got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number, what = '') => {
  assert.is(got.length, wanted.length, what);
  for (let i = 0; i < got.length; i++) {
    assert.ok(Math.abs(got[i] - wanted[i]) <= tolerance, `${what}[${i}]: expected ${wanted[i]}, found ${got[i]}`);
  }
};
const sample = (expression: number, valence: number, arousal: number): Sample => {
  return { image: '', where: '', expression, valence, arousal, pose: null, group: null };
};

test('Spearman: average ranks for ties', () => {
  // Ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4; centred -1.5 0 0 1.5 and -1.5 .5 -.5 1.5: 4.5 / sqrt(4.5 * 5).
  const rho = spearman([Float64Array.of(1, 2, 2, 9), Float64Array.of(-3, 0.2, 0.1, 7), Float64Array.of(4, 4, 4, 4)]);
  near(rho.slice(0, 2), [1, Math.sqrt(0.9)], 1e-15);
  assert.ok(Number.isNaN(rho[2]) && Number.isNaN(rho[8]));
});

test('adjacency of sixteen rows, by hand', () => {
  // Classes in the order of their valences, and of their arousals; Neutral has four rows, the others two.
  const ranks = (order: number[]) => order.flatMap((c) => new Array(c === 0 ? 4 : 2).fill(c));
  const byArousal = ranks([2, 3, 0, 1, 4, 5, 6]);
  const samples = ranks([0, 1, 2, 3, 4, 5, 6]).map((c, i, all) => {
    const before = all.slice(0, i).filter((other) => other === c).length;
    return sample(c, i / 16, (byArousal.indexOf(c) + before) / 16);
  });
  const { rho, edges, A, adj } = buildAdjacency(Samples.of(samples));
  const column = (m: Float64Array, j: number, rows = 9) => Array.from({ length: rows }, (_, i) => m[i * 9 + j]);
  // A class of n rows and rank sum s, less n times the mean 8.5: that over the norms of both columns.
  const norm = (n: number) => Math.sqrt((n * (16 - n)) / 16) * Math.sqrt((16 * (16 ** 2 - 1)) / 12);
  const expected = (sums: number[]) => sums.map((s, c) => s / norm(c === 0 ? 4 : 2));
  near(column(rho!, 7, 7), expected([-24, -6, -2, 2, 6, 10, 14]), 1e-14, 'valence');
  near(column(rho!, 8, 7), expected([-8, 2, -14, -10, 6, 10, 14]), 1e-14, 'arousal');
  near([rho![7 * 9 + 8]], [1 - (6 * 240) / (16 * 255)], 1e-14, 'valence, arousal');
  assert.equal(column(edges!, 7), [1, 1, 0, 0, 1, 1, 1, 1, 1]);
  assert.equal(column(edges!, 8), [1, 0, 1, 1, 1, 1, 1, 1, 1]);
  near(A.slice(0, 9), [0.5, 0, 0, 0, 0, 0, 0, 0.25, 0.25], 0, 'Neutral');
  near(A.slice(9, 18), [0, 0.5, 0, 0, 0, 0, 0, 0.5, 0], 0, 'Happy');
  const sixth = 0.5 / 6;
  near(A.slice(63, 72), [sixth, sixth, 0, 0, sixth, sixth, sixth, 0.5, sixth], 1e-16, 'Valence');
  // The rows of A sum to 1: adj is its transpose.
  near(column(adj, 7), A.slice(63, 72), 1e-15, 'adj');
});

test('valence and arousal must vary', () => {
  const labels = [0, 1, 2, 3, 4, 5, 6].flatMap((c) => [sample(c, 0, 0.5 - c / 10), sample(c, 0, 0.3)]);
  assert.throws(() => buildAdjacency(Samples.of(labels)), /expected valence to vary, found one value only/);
});

const STEPS = ['rho', 'absolute', 'masked', 'edges', 'A'] as const;

givenShared(test, 'faces/training.csv')('adjacency of the real training labels, step by step', async () => {
  const { doubles, floats } = golden('test/golden/data/adjacency.safetensors');
  const got = buildAdjacency((await readAffectNet(`${SHARED}/faces/training.csv`)).samples);
  for (const step of STEPS) near(got[step]!, doubles(step), 1e-12, step);
  near(got.adj, doubles('adj.f64'), 1e-12, 'adj');
  near(got.adj, floats('adj_float32'), 2e-7, 'adj_float32');
});

test('adjacency from the correlations of a file, and saved and read back', async () => {
  const { doubles } = golden('test/golden/data/adjacency.safetensors');
  const matrix = (name: string, data: Float64Array | Float32Array, shape = [9, 9]) =>
    write(`${name}.safetensors`, writeSafetensors({ [name]: { shape, data } }));
  const fromRho = await readAdjacency(matrix('rho', doubles('rho')));
  for (const step of STEPS) near(fromRho[step]!, doubles(step), 1e-15, step);
  const again = await readAdjacency(write('saved.safetensors', encodeAdjacency(fromRho)));
  assert.is(differences(again.A, fromRho.A), 0);
  assert.is(differences(again.adj, fromRho.adj), 0);
  const fromAdj: Adjacency = await readAdjacency(matrix('adj', doubles('adj.f64')));
  near(fromAdj.A, doubles('A'), 1e-15);
  await refusal(
    () => readAdjacency(matrix('A', new Float32Array(72), [8, 9])),
    /A: expected 9 x 9 floats, found F32 8 x 9/,
  );
  await refusal(() => readAdjacency(matrix('B', new Float32Array(81))), /expected a tensor A, rho or adj, found B/);
  const holed = doubles('A').with(10, Number.NaN);
  await refusal(() => readAdjacency(matrix('A', holed)), /finite numbers, found NaN at Happy, Happy/);
  await refusal(() => readAdjacency(matrix('A', new Float64Array(81))), /a sum above 0 for Neutral/);
  await refusal(() => readAdjacency(join(dir, 'none')), /none: no such file/);
});

const GLOVE = 'test/golden/data/glove_tiny.txt';

test("GloVe's vectors of the nine words, also with long files, other line ends and no last line end", async () => {
  const wanted = golden('test/golden/data/glove_embedding.safetensors').floats('emb');
  assert.is(differences(await loadEmbedding(GLOVE), wanted), 0);
  const text = readFileSync(GLOVE, 'utf8');
  const filler = `filler${' 0.12345'.repeat(300)}\n`.repeat(2000);
  const long = write('long.txt', `${filler}${text.replaceAll('\n', '\r\n')}${filler}`);
  assert.is(differences(await loadEmbedding(long), wanted), 0);
  assert.is(differences(await loadEmbedding(write('cut.txt', text.trimEnd())), wanted), 0);
  const spaced = `happy birthday${' 0.5'.repeat(300)}\n. .${' 0.5'.repeat(300)}\nna\u00efve\u00a0mot${' 0.5'.repeat(300)}\n`;
  const odd = `\ufeff20 300\n${spaced}${text.replaceAll('\n', ' \r\n')}\n\n`;
  assert.is(differences(await loadEmbedding(write('odd.txt', odd)), wanted), 0);
  assert.is(differences(await loadEmbedding(write('tabs.txt', text.replaceAll(' ', '\t'))), wanted), 0);
  assert.is(differences(await loadEmbedding(write('marked.txt', `\ufeff${text}`)), wanted), 0);
  const twice = write('twice.txt', `${text}happy${' 1'.repeat(300)}\n`);
  assert.is(differences(await loadEmbedding(twice), wanted), 0);
});

test('GloVe: what is no such file is refused with its line', async () => {
  const lines = readFileSync(GLOVE, 'utf8').trimEnd().split('\n');
  const without = lines.filter((l) => !/^(fear|anger) /.test(l));
  await refusal(
    () => loadEmbedding(write('a.txt', without.join('\n'))),
    /not found in 18 lines: fear, anger; call these classes by .* or --emb random/,
  );
  const small = lines.map((l) => l.split(' ').slice(0, 101).join(' '));
  await refusal(
    () => loadEmbedding(write('b.txt', small.join('\n'))),
    /b.txt: line 1: .* found 100; take the 300d file/,
  );
  const broken = lines.map((l) => (l.startsWith('fear ') ? l.replace(/ [^ ]+$/, ' x') : l));
  const at = lines.findIndex((l) => l.startsWith('fear ')) + 1;
  await refusal(() => loadEmbedding(write('c.txt', broken.join('\n'))), new RegExp(`c.txt: line ${at}: no GloVe text`));
  await refusal(() => loadEmbedding(write('d.txt', '400000 300\n')), /not found in 1 lines/);
  await refusal(() => loadEmbedding(write('d2.txt', '400000 50\n')), /line 1: no GloVe text/);
  const text = lines.join('\n');
  await refusal(() => loadEmbedding(write('g.txt', text.slice(0, -9))), /line 20: .* found 299; .* cut short/);
  await refusal(() => loadEmbedding(write('h.txt', `${text}\nlater${' 1'.repeat(301)}`)), /line 21: .* found 301;/);
  await refusal(() => loadEmbedding(write('i.txt', `${text}\n<html>\n`)), /line 21: no GloVe text: .* found "<html>"/);
  await refusal(() => loadEmbedding(write('j.txt', Buffer.from(text, 'utf16le'))), /line 1: no GloVe text/);
  await refusal(() => loadEmbedding(write('e.txt', 'x'.repeat(3e6))), /line 1: no GloVe text: longer than/);
  await refusal(() => loadEmbedding(write('f.txt', '')), /not found in 0 lines/);
  await refusal(() => readGlove(GLOVE, ['Valence'], 300), /not found in 20 lines: Valence/);
  await refusal(() => loadEmbedding(join(dir, 'none.txt')), /none.txt: no such file/);
  await refusal(() => loadEmbedding(dir), /found a folder/);
});

test('a label graph and word vectors go by the labels of their file, or are refused by them', async () => {
  const { doubles } = golden('test/golden/data/adjacency.safetensors');
  const rho = doubles('rho');
  const { A } = await readAdjacency(write('rho.safetensors', writeSafetensors({ rho: { shape: [9, 9], data: rho } })));
  const graph = (
    name: string,
    rows: PickleValue[],
    columns: PickleValue[],
    from = order(rows),
    to = order(columns),
  ) => {
    const values = Float64Array.from(rho, (_, n) => rho[from[Math.floor(n / 9)] * 9 + to[n % 9]]);
    return write(`${name}.pkl`, writePickle(dataFrame({ index: rows, columns, values })));
  };
  const lower = NODES.map((name) => name.toLowerCase());
  const order = (labels: PickleValue[]) => labels.map((label) => lower.indexOf(String(label).toLowerCase()));
  const sorted = [...NODES].sort();
  const count = [...NODES.keys()];
  const same = async (file: string) => assert.is(differences((await readAdjacency(file)).A, A), 0, file);
  await same(graph('as it is', [...NODES], [...NODES]));
  await same(graph('sorted', sorted, sorted));
  await same(
    graph(
      'rows as they are, columns sorted and small',
      [...NODES],
      sorted.map((v) => v.toLowerCase()),
    ),
  );
  await same(graph('counted rows', count, sorted, order(sorted)));
  await same(graph('counted', count, count, count, count));
  await same(
    graph(
      'classes by number',
      [8, 0, 1, 2, 3, 4, 5, 6, 7],
      ['3', '0', '1', '2', '4', '5', '6', '8', '7'],
      [8, 0, 1, 2, 3, 4, 5, 6, 7],
      [3, 0, 1, 2, 4, 5, 6, 8, 7],
    ),
  );
  const wild = nodesOf(AFFWILD2_CLASSES);
  const theirs = [0, 6, 5, 4, 1, 2, 3, 7, 8];
  await same(graph('of the other data set', [...wild], [...wild], theirs, theirs));
  // And what is written for one is read for the other.
  const forWild = await readAdjacency(graph('again', [...wild], [...wild], theirs, theirs), wild);
  assert.ok(differences(forWild.A, A) > 0);
  await same(write('wild.safetensors', encodeAdjacency(forWild, wild)));
  await same(write('wild.pkl', pickleAdjacency(forWild, wild)));
  const emb = randomEmbedding();
  const [x, y] = [theirs.flatMap((i) => [...emb.subarray(i * 300, (i + 1) * 300)]), write('emb', encodeEmbedding(emb))];
  assert.is(differences(await loadEmbedding(write('wild', encodeEmbedding(Float32Array.from(x), wild))), emb), 0);
  assert.is(differences(await loadEmbedding(y, wild), x), 0);

  const others = [...NODES.slice(0, 8), 'Dominance'];
  await refusal(
    () => readAdjacency(graph('others', others, others, count, count)),
    /others.pkl: expected the labels Neutral, .* in any order, found .*Dominance; rename them/,
  );
  const twice = ['Happy', ...NODES.slice(1)];
  await refusal(() => readAdjacency(graph('twice', twice, twice, count, count)), /found Happy, Happy, Sad/);
});

test("glove100: the package's own vectors, as stored, then zeros; a synonym for a word that is not there", async () => {
  const stored = JSON.parse(readFileSync('src/data/words/glove_100d.json', 'utf8')).vectors as Record<string, number[]>;
  const rows = (words: readonly string[]) =>
    words.flatMap((word) => [...Float32Array.from(stored[word]), ...new Float32Array(200)]);
  const same = async (nodes: readonly string[], words: readonly string[]) =>
    assert.is(differences(await loadEmbedding('glove100', nodes), rows(words)), 0, nodes.join());
  await same(
    NODES,
    NODES.map((name) => name.toLowerCase()),
  );
  for (const classes of [AFFWILD2_CLASSES, EIGHT_CLASSES]) {
    const nodes = nodesOf(classes);
    await same(
      nodes,
      nodes.map((name) => name.toLowerCase()),
    );
  }
  await same(['scared', 'Contemptious', 'HAPPINESS', 'Happy'], ['fear', 'contempt', 'happiness', 'happy']);
  await refusal(
    () => loadEmbedding('glove100', ['calm', 'weary', 'constructor']),
    /--emb glove100: .* not found: weary, constructor; there are neutral, happy, .*; call .*--classes.*--emb random.*https:.*--emb glove.6B/,
  );
});

test('embeddings from safetensors, and the random ones', async () => {
  const random = await loadEmbedding('random');
  assert.is(random.length, 9 * 300);
  assert.is(differences(random, randomEmbedding()), 0);
  assert.ok(random.every((v) => v >= -0.7 && v < 0.7));
  assert.is(new Set(random).size > 2690, true, 'rows differ');
  assert.is(differences(await loadEmbedding(write('r.safetensors', encodeEmbedding(random))), random), 0);
  const wrong = write('w.safetensors', writeSafetensors({ emb: { shape: [9, 50], data: new Float32Array(450) } }));
  await refusal(() => loadEmbedding(wrong), /expected 9 x 300 floats, found F32 9 x 50/);
});

test.run();
