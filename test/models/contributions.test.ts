// What a label's classifier is made of, against the classifiers that the GPU makes.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { concat, noGrad, tensor } from '../../src/autograd';
import { randomStream, randomUniform } from '../../src/base/random';
import { buildModel, classifierContributions, type StateEntry } from '../../src/models';
import { device } from '../gpu';

const test = suite('contributions');

const NODES = 9;
const random = randomStream('contributions', 1);
const uniform = (n: number, from = 0): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => 2 * randomUniform(random, from + i) - 1);

for (const network of ['denselite', 'bregnext'] as const)
  test(`${network}: parts add up to the classifiers, shares to 1`, async () => {
    // Not symmetric: which of both is taken by which is told apart.
    const A = uniform(NODES * NODES, 10_000).map((v, k) => (k % (NODES + 1) === 0 ? 1 : Math.max(0, v)));
    const embedding = uniform(NODES * 300);
    const model = buildModel(device, { model: 'emotion_gcn', network, imageSize: 32, A }).initialise(3);
    const { width } = model;
    // Every feature for itself: the scores are the classifiers.
    const unit = Float32Array.from({ length: width * width }, (_, k) => (k % (width + 1) === 0 ? 1 : 0));
    const scores = await noGrad(() => {
      const { logits, va } = model.heads(tensor(device, unit, [width, width]), tensor(device, embedding, [NODES, 300]));
      return concat([logits, va as NonNullable<typeof va>]).data();
    });
    const state = await model.stateDict();
    const numbers = (name: string) => (state.get(name) as StateEntry).data as Float32Array;
    const { parts, share } = classifierContributions(
      { A: numbers('A'), gc1: numbers('gc1.weight'), gc2: numbers('gc2.weight'), embedding },
      NODES,
    );
    assert.is(parts.length, NODES * NODES * width);
    for (let i = 0; i < NODES; i++) {
      let [error, norm] = [0, 0];
      for (let k = 0; k < width; k++) {
        let sum = 0;
        for (let j = 0; j < NODES; j++) sum += parts[(i * NODES + j) * width + k];
        error += (sum - scores[k * NODES + i]) ** 2;
        norm += sum ** 2;
      }
      // Sums of 300 and 512 terms in float32: see docs/numerics.md.
      assert.ok(Math.sqrt(error / norm) < 2e-6, `node ${i}: ${Math.sqrt(error / norm)}`);
      const row = share.slice(i * NODES, (i + 1) * NODES);
      assert.ok(Math.abs(row.reduce((a, b) => a + b) - 1) < 1e-12, `node ${i}: ${row}`);
      // i takes from j what the graph has from j to i: adj is transposed.
      for (const [j, s] of row.entries()) assert.is(s === 0, A[j * NODES + i] === 0, `${i} from ${j}`);
    }
  });

test('a classifier of zeros leans on nobody', () => {
  const one = Float32Array.of(1);
  const { share } = classifierContributions(
    { A: Float32Array.of(1, 0, 0, 1), gc1: one, gc2: one, embedding: Float32Array.of(0, 2) },
    2,
  );
  assert.equal(share, [0, 0, 0, 1]);
});

test.run();
