// Classes that are rare or absent: the label graph, the weights, macro F1. Where none is, all is as it was, to the bit.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomStream, randomUniform } from '../../src/base/random';
import {
  buildAdjacency,
  describeWeak,
  encodeAdjacency,
  pickleAdjacency,
  readAdjacency,
  spearman,
} from '../../src/data/adjacency';
import { NODES, nodesOf } from '../../src/data/labels';
import { Samples } from '../../src/data/sample_columns';
import { classWeights } from '../../src/data/samples';
import { readPickle } from '../../src/formats/pickle';
import { normalisedAdjacency } from '../../src/models/gcn';
import { computeMetrics } from '../../src/train/measures/metrics';
import { refusal } from './goldens';

const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-rare-'));
test.after(() => rmSync(dir, { recursive: true }));

type Label = readonly [expression: number, valence: number, arousal: number];
const setOf = (labels: readonly Label[]): Samples =>
  Samples.of(
    labels.map(([expression, valence, arousal]) => {
      return { image: '', where: '', expression, valence, arousal, pose: null, group: null };
    }),
  );

/** Labels whose valence follows the class, and whose arousal follows its place among all. */
function drawn(n: number, classes: readonly number[], seed: number): Label[] {
  const draw = randomStream('rare', seed);
  return Array.from({ length: n }, (_, i) => {
    const c = classes[i % classes.length];
    const near = (of: number, k: number) => 0.6 * Math.cos(of) + 0.4 * (2 * randomUniform(draw, 2 * i + k) - 1);
    return [c, near(c, 0), near(2 * c + 1, 1)];
  });
}

/** What the graph was before weak nodes kept an edge: every node must have one. */
function plain(labels: readonly Label[], K: number): Record<'edges' | 'A' | 'adj', Float64Array> {
  const columns = Array.from({ length: K }, (_, k) =>
    Float64Array.from(labels, ([c, v, a]) => (k < K - 2 ? Number(c === k) : k === K - 2 ? v : a)),
  );
  const edges = spearman(columns)
    .map(Math.abs)
    .map((v, n) => {
      const [i, j] = [Math.floor(n / K), n % K];
      return (i !== j && i < K - 2 && j < K - 2 ? 0 : v) >= 0.1 ? 1 : 0;
    });
  const sum = (m: Float64Array, i: number) => m.subarray(i * K, i * K + K).reduce((a, b) => a + b, 0);
  const A = edges.map((v, n) => (n % (K + 1) === 0 ? 1 - 0.5 : (v * 0.5) / (sum(edges, Math.floor(n / K)) - 1)));
  const d = Array.from({ length: K }, (_, i) => sum(A, i) ** -0.5);
  const adj = A.map((_, n) => A[(n % K) * K + Math.floor(n / K)] * d[Math.floor(n / K)] * d[n % K]);
  return { edges, A, adj };
}

test('where every class is well represented, the graph is what it was, to the bit', () => {
  let compared = 0;
  for (let seed = 0; seed < 20; seed++) {
    const labels = drawn(210, [0, 1, 2, 3, 4, 5, 6], seed);
    const before = plain(labels, 9);
    if (before.A.some((v) => !Number.isFinite(v))) continue;
    const { edges, A, adj } = buildAdjacency(setOf(labels));
    assert.equal({ edges, A, adj }, before);
    compared++;
  }
  assert.ok(compared >= 10, `${compared} of 20 sets have no weak node`);
});

test('a class that does not occur stands alone, the others are as without it', () => {
  const labels = drawn(300, [0, 1, 2, 3, 5, 6], 1);
  const { rho, edges, A, adj } = buildAdjacency(setOf(labels));
  const [fear, K] = [4, 9];
  for (let j = 0; j < K; j++) {
    for (const m of [edges!, A, adj]) {
      assert.is(m[fear * K + j], Number(j === fear));
      assert.is(m[j * K + fear], Number(j === fear));
    }
    assert.ok(Number.isNaN(rho![fear * K + j]) && Number.isNaN(rho![j * K + fear]));
  }
  const seen = labels.map(([c, v, a]): Label => [c > fear ? c - 1 : c, v, a]);
  const six = buildAdjacency(setOf(seen), ['Neutral', 'Happy', 'Sad', 'Surprise', 'Disgust', 'Anger']);
  const rest = A.filter((_, n) => Math.floor(n / K) !== fear && n % K !== fear);
  assert.equal(rest, six.A);
  // The network makes the same of it, in float32.
  const network = normalisedAdjacency(Float32Array.from(A), K);
  for (let n = 0; n < K * K; n++) assert.ok(Math.abs(network[n] - adj[n]) < 1e-6, `adj[${n}]`);
});

test('a class whose strongest correlation is below the threshold keeps that one edge, both ways', () => {
  const labels = drawn(700, [0, 1, 2, 3, 5, 6], 2);
  // Two faces of 702, far from the middle in arousal, near it in valence: |rho| is about 0.09 at most.
  const rare: Label[] = [...labels, [4, 0.01, 0.99], [4, -0.01, 0.98]];
  const got = buildAdjacency(setOf(rare));
  const row = [...got.masked!.subarray(36, 45)];
  assert.ok(row[8] > row[7] && row[8] > 0 && row[8] < 0.1, `${row}`);
  assert.equal([...got.edges!.subarray(36, 45)], [0, 0, 0, 0, 1, 0, 0, 0, 1]);
  assert.equal([...got.A.subarray(36, 45)], [0, 0, 0, 0, 0.5, 0, 0, 0, 0.5]);
  assert.is(got.edges![8 * 9 + 4], 1);
  for (let i = 0; i < 9; i++) {
    const sum = got.A.subarray(9 * i, 9 * i + 9).reduce((a, b) => a + b);
    assert.ok(Math.abs(sum - 1) < 1e-15, `row ${i} sums to ${sum}`);
  }
  assert.match(
    describeWeak(got, NODES, 0.1)!,
    /^label graph: no correlation of Fear \(0\.0\d\d with Arousal\) reaches 0.1: /,
  );
  // A lower threshold makes it an edge like others, and there is nothing to say.
  const lower = buildAdjacency(setOf(rare), undefined, row[8]);
  assert.is(describeWeak(lower, NODES, row[8]), null);
  assert.is(lower.edges![4 * 9 + 8], 1);
});

test('the threshold: 0 links every class that occurs with valence and arousal, 1 leaves each node its strongest', () => {
  const labels = drawn(300, [0, 1, 2, 3, 5, 6], 3);
  const all = buildAdjacency(setOf(labels), undefined, 0).edges!;
  const strongest = buildAdjacency(setOf(labels), undefined, 1);
  for (let i = 0; i < 7; i++) {
    for (let j = 0; j < 7; j++) assert.is(all[9 * i + j], Number(i === j));
    assert.equal([all[9 * i + 7], all[9 * i + 8]], i === 4 ? [0, 0] : [1, 1]);
    const sum = strongest.edges!.subarray(9 * i, 9 * i + 9).reduce((a, b) => a + b);
    assert.is(sum, i === 4 ? 1 : 2, NODES[i]);
  }
  assert.ok(strongest.A.every(Number.isFinite));
});

test('a graph with an absent class is written and read back, by A or by its correlations', async () => {
  const graph = buildAdjacency(setOf(drawn(300, [0, 1, 2, 3, 5, 6], 4)));
  for (const [name, bytes] of [
    ['graph.safetensors', encodeAdjacency(graph)],
    ['graph.pkl', pickleAdjacency(graph)],
  ] as const) {
    writeFileSync(join(dir, name), bytes);
    assert.equal((await readAdjacency(join(dir, name))).A, graph.A, name);
  }
  assert.ok(readPickle(pickleAdjacency(graph), 'graph.pkl'));
  // One hole is no absent class.
  const holed = { ...graph, rho: buildAdjacency(setOf(drawn(300, [0, 1, 2, 3, 4, 5, 6], 4))).rho!.with(8, Number.NaN) };
  writeFileSync(join(dir, 'holed.pkl'), pickleAdjacency(holed));
  await refusal(() => readAdjacency(join(dir, 'holed.pkl')), /finite numbers, found NaN at Neutral, Arousal/);
});

test('balanced weights of an absent class are 0, of the others by their counts', () => {
  const labels = [...drawn(30, [0], 5), ...drawn(10, [1], 5), ...drawn(20, [3], 5)];
  const classes = ['a', 'b', 'c', 'd'];
  assert.equal(classWeights(setOf(labels), 'balanced', classes), Float32Array.of(1 / 3, 1, 0, 0.5));
});

test('macro F1 leaves out a class that was never trained and does not occur, though it is said', () => {
  const [classes, labels, predicted] = [
    ['a', 'b', 'c'],
    [0, 0, 1, 1],
    [0, 2, 1, 1],
  ];
  // F1 of a: 2/3; of b: 1; of c: 0.
  assert.is(computeMetrics({ classes, labels, predicted }).macro_f1, (2 / 3 + 1 + 0) / 3);
  const { macro_f1, challenge_expression, accuracy } = computeMetrics({ classes, labels, predicted, untrained: ['c'] });
  assert.is(macro_f1, (2 / 3 + 1) / 2);
  assert.is(challenge_expression, 0.67 * macro_f1 + 0.33 * accuracy);
  // Where it does occur, that it is never found counts.
  const asked = computeMetrics({ classes, labels: [0, 2], predicted: [0, 0], untrained: ['c'] });
  assert.is(asked.macro_f1, (2 / 3 + 0) / 2);
});

test('two and fifty classes', () => {
  for (const n of [2, 3, 50]) {
    const classes = Array.from({ length: n }, (_, i) => `class ${i}`);
    const { A, adj } = buildAdjacency(setOf(drawn(20 * n, [...classes.keys()], 6)), classes);
    assert.is(A.length, (n + 2) ** 2);
    assert.ok(adj.every(Number.isFinite));
    assert.is(nodesOf(classes).length, n + 2);
  }
});

test.run();
