// The sum of losses that a training goes down.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { labels, readAll, step, type Tensor, tensor } from '../../src/autograd';
import { losses } from '../../src/train/loop/objective';
import { device } from '../gpu';
import { uniform } from '../hashinit';

const N = 4;
const logits = uniform('objective.logits', N * 3, 0, 2);
const va = uniform('objective.va', 2 * N, 0, 0.9);

/** Numbers of the losses of `n` samples at a lambda. */
async function at(lambda: number, n = N, withVa = true): Promise<(number | null)[]> {
  const made = step(device, () => {
    const truth = {
      labels: labels(device, [0, 2, 1, 1].slice(0, n), 3),
      va: tensor(device, va.slice(0, 2 * n).reverse(), [n, 2]),
      mix: null,
    };
    const prediction = {
      logits: tensor(device, logits.slice(0, 3 * n), [n, 3]),
      va: withVa ? tensor(device, va.slice(0, 2 * n), [n, 2]) : null,
    };
    const weight = tensor(device, [1, 2, 0.5], [3]);
    return { ...losses(prediction, truth, { weight, lambda, labelSmoothing: 0 }) };
  });
  const all = [made.total, made.cat, made.cont];
  const read = await readAll(all.filter((one): one is Tensor => one !== null));
  return all.map((one) => (one ? read.shift()![0] : null));
}

// One rounding of the product, one of the sum: 6e-8 of numbers up to 5.
test('total = cat + lambda * cont, at 0, 1 and 2 as at others', async () => {
  for (const lambda of [0, 0.25, 1, 2, 3]) {
    const [total, cat, cont] = (await at(lambda)) as number[];
    assert.ok(cat > 0.1 && cont > 0.1, `${cat}, ${cont}`);
    assert.ok(Math.abs(total - (cat + lambda * cont)) < 1e-6, `lambda ${lambda}: ${total}, ${cat}, ${cont}`);
  }
});

test('without valence and arousal it is cat; one sample has no CCC, and two have', async () => {
  const [total, cat, cont] = await at(1, N, false);
  assert.equal([total, cont], [cat, null]);
  const [none, one, missing] = await at(1, 1);
  assert.equal([none, missing], [null, null]);
  assert.ok((one as number) > 0);
  assert.ok((await at(1, 2)).every((loss) => loss !== null));
});

test.run();
