// Other numbers of classes than seven: the heads of all three models, held to a calculation of their own in double precision.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as F from '../../src/autograd';
import { buildModel, inputOf, MODELS, type ModelName, normalisedAdjacency, type StateEntry } from '../../src/models';
import { Learner } from '../../src/train/loop/learner';
import { release } from '../goldens/network';
import { device } from '../gpu';
import { uniform } from '../hashinit';

const test = suite('classes');
const SIZE = 8;
const N = 5;

const values = ({ data }: StateEntry): Float64Array => Float64Array.from(data as Float32Array);

/** a [n, k] times b [k, m] or, transposed, b [m, k]; with a bias [m]. */
function product(a: Float64Array, b: Float64Array, k: number, transposed: boolean, bias?: Float64Array): Float64Array {
  const [n, m] = [a.length / k, b.length / k];
  return Float64Array.from({ length: n * m }, (_, at) => {
    const [r, c] = [Math.floor(at / m), at % m];
    let sum = bias?.[c] ?? 0;
    for (let i = 0; i < k; i++) sum += a[r * k + i] * b[transposed ? c * k + i : i * m + c];
    return sum;
  });
}

/** Graph with an edge both ways of each class and valence, of every second one and arousal. */
function graph(classes: number): Float32Array {
  const K = classes + 2;
  const A = new Float32Array(K * K);
  for (let i = 0; i < K; i++) A[i * K + i] = 0.5;
  for (let c = 0; c < classes; c++) {
    A[c * K + classes] = c % 2 ? 0.25 : 0.5;
    A[classes * K + c] = 0.5 / classes;
    if (c % 2 === 0) continue;
    A[c * K + classes + 1] = 0.25;
    A[(classes + 1) * K + c] = 0.5 / classes;
  }
  return A;
}

/** Class scores and valence, arousal of a model out of its features [N, 128]. */
function scores(
  model: ModelName,
  state: ReadonlyMap<string, StateEntry>,
  x: Float64Array,
  A: Float32Array,
  emb: Float32Array,
  classes: number,
) {
  const of = (name: string) => values(state.get(name) as StateEntry);
  const linear = (name: string) => product(x, of(`${name}.weight`), 128, true, of(`${name}.bias`));
  if (model === 'single_task') return { logits: linear('_fc0'), va: null };
  if (model === 'multi_task') return { logits: linear('fc_cat'), va: linear('fc_cont') };
  const K = classes + 2;
  const adj = Float64Array.from(normalisedAdjacency(A, K));
  const layer = (y: Float64Array, name: string, width: number) =>
    product(adj, product(y, of(name), width, false), K, false);
  const hidden = layer(Float64Array.from(emb), 'gc1.weight', 300).map((v) => (v < 0 ? 0.2 * v : v));
  const both = product(x, layer(hidden, 'gc2.weight', 512), 128, true);
  return {
    logits: both.filter((_, i) => i % K < classes),
    va: both.filter((_, i) => i % K >= classes),
  };
}

/** The weighted cross entropy, and the CCC loss where there is valence and arousal: as in numerics.md, in double precision. */
function lossOf(
  logits: Float64Array,
  va: Float64Array | null,
  labels: number[],
  truth: Float32Array,
  weights: Float32Array,
): number {
  const C = weights.length;
  let [sum, total] = [0, 0];
  labels.forEach((label, r) => {
    const row = logits.subarray(r * C, r * C + C);
    const most = Math.max(...row);
    const log = most + Math.log(row.reduce((s, v) => s + Math.exp(v - most), 0));
    sum += weights[label] * (log - row[label]);
    total += weights[label];
  });
  const cat = sum / total;
  if (!va) return cat;
  const cccs = [0, 1].map((c) => {
    const [t, p] = [truth, va].map((v) => Float64Array.from({ length: N }, (_, i) => v[2 * i + c]));
    const mean = (v: Float64Array) => v.reduce((a, b) => a + b) / N;
    const [mt, mp] = [mean(t), mean(p)];
    const along = (a: Float64Array, ma: number, b: Float64Array, mb: number) =>
      a.reduce((s, v, i) => s + (v - ma) * (b[i] - mb), 0);
    return (
      (2 * along(t, mt, p, mp)) / N / (along(t, mt, t, mt) / (N - 1) + along(p, mp, p, mp) / (N - 1) + (mt - mp) ** 2)
    );
  });
  return cat + 1 - (cccs[0] + cccs[1]) / 2;
}

for (const model of MODELS)
  for (const classes of [2, 3, 5, 8, 50])
    test(`${model} with ${classes} classes: scores, losses, and their gradients`, async () => {
      const A = graph(classes);
      const net = buildModel(device, { network: 'bregnext', model, imageSize: SIZE, classes, A }).initialise(classes);
      const emb = uniform('emb', (classes + 2) * 300, 0, 0.5);
      const weights = Float32Array.from({ length: classes }, (_, c) => 1 / (1 + (c % 3)));
      const learner = new Learner(device, net, {
        embedding: model === 'emotion_gcn' ? emb : null,
        loss: { classWeights: weights, lambda: 1 },
      });
      const labels = Array.from({ length: N }, (_, i) => (i * 7 + classes - 1) % classes);
      const batch = {
        images: Uint8Array.from({ length: N * SIZE * SIZE * 3 }, (_, i) => (i * 7919) % 256),
        affine: Int32Array.from({ length: N * 6 }, (_, i) => [0, 65536, 0, 0, 0, 65536][i % 6]),
        flip: new Uint32Array(N),
        labels: Uint32Array.from(labels),
        va: uniform('va', 2 * N, 0, 0.9),
        rows: new Uint32Array(N),
      };
      // Features come out of a head that passes one of them at a time.
      const state = await net.stateDict();
      const probe = buildModel(device, {
        network: 'bregnext',
        model: 'single_task',
        imageSize: SIZE,
        classes: 128,
      }).initialise(0);
      const eye = Float32Array.from({ length: 128 * 128 }, (_, i) => Number(i % 129 === 0));
      const given = await probe.stateDict();
      const own = (name: string) => state.get(model === 'emotion_gcn' ? `model.${name}` : name);
      for (const name of given.keys()) {
        const entry =
          name === '_fc0.weight'
            ? { shape: [128, 128], data: eye }
            : name === '_fc0.bias'
              ? { shape: [128], data: new Float32Array(128) }
              : own(name);
        assert.ok(entry, name);
        given.set(name, entry as StateEntry);
      }
      probe.loadStateDict(given);
      const features = (await new Learner(device, probe, { embedding: null, loss: null }).evaluate(batch)).logits;
      const expected = scores(model, state, Float64Array.from(features), A, emb, classes);
      const got = await learner.evaluate(batch);
      close(got.logits, expected.logits, 'logits');
      assert.is(got.va === null, expected.va === null);
      if (expected.va) close(got.va!, expected.va, 'va');
      const loss = lossOf(expected.logits, expected.va, labels, batch.va, weights);
      assert.ok(Math.abs(got.loss! - loss) < 1e-4 * Math.abs(loss), `loss ${got.loss}, expected ${loss}`);

      // Gradients of the head by central differences of that loss in double precision, over the evaluation's features.
      const params = [...net.namedParameters()].filter(([name]) => /^(_fc0|fc_cat|fc_cont|gc2)\b/.test(name));
      assert.ok(params.length > 0);
      const x = Float64Array.from(features);
      F.backward(await headLoss());
      for (const [name, p] of params) {
        const grad = await (p.grad as F.Tensor).data();
        const entry = state.get(name) as StateEntry;
        for (const at of [0, 1, Math.floor(grad.length / 2), grad.length - 1]) {
          const shifted = (d: number) => {
            const data = Float64Array.from(entry.data as Float32Array);
            data[at] += d;
            const s = scores(
              model,
              new Map(state).set(name, { shape: entry.shape, data } as unknown as StateEntry),
              x,
              A,
              emb,
              classes,
            );
            return lossOf(s.logits, s.va, labels, batch.va, weights);
          };
          const numeric = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
          const size = Math.max(Math.abs(numeric), 1e-3);
          assert.ok(Math.abs(grad[at] - numeric) < 1e-3 * size, `${name}[${at}]: ${grad[at]}, expected ${numeric}`);
        }
      }
      release(device, net);
      release(device, probe);

      /** The same losses over the network in evaluation mode, whose features are those above. */
      async function headLoss(): Promise<F.Tensor> {
        net.eval();
        const table = F.tensor(
          device,
          (await import('../../src/data')).normalisationTable(inputOf('bregnext')),
          [256, 3],
        );
        const images = F.affineImage(device, { ...batch, n: N, h: SIZE, w: SIZE }, table);
        const embedding = model === 'emotion_gcn' ? F.tensor(device, emb, [classes + 2, 300]) : undefined;
        const { logits, va } = net.forward(images, embedding);
        const cat = F.crossEntropy(logits, F.labels(device, labels, classes), F.tensor(device, weights, [classes]));
        return va ? F.add(cat, F.cccLoss(va, F.tensor(device, batch.va, [N, 2]))) : cat;
      }
    });

/** To 1e-4 of the largest: float32 through the head's sums. */
function close(got: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.is(got.length, expected.length, what);
  const size = Math.max(...Array.from(expected, Math.abs));
  for (let i = 0; i < got.length; i++)
    assert.ok(Math.abs(got[i] - expected[i]) <= 1e-4 * size, `${what}[${i}]: ${got[i]}, expected ${expected[i]}`);
}

test.run();
