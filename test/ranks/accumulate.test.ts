// What one process does with --grad_accum_steps is what ranks do together: finished gradients are added, one after the other.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Optimizer, SGD } from '../../src/autograd';
import { randomStream, randomUniform } from '../../src/base/random';
import type { Batch } from '../../src/data/loader';
import { buildModel } from '../../src/models';
import type { ModelName, NetworkName } from '../../src/models/config';
import { addOnto } from '../../src/ranks/ranks';
import { Learner } from '../../src/train/loop/learner';
import { device } from '../gpu';

const test = suite('accumulation');
const CLASSES = 7;

/** Some faces of random pixels. */
function batchOf(n: number, size: number, seed: number): Batch {
  const stream = randomStream('faces', seed);
  let drawn = 0;
  const random = (): number => randomUniform(stream, drawn++);
  const images = Uint8Array.from({ length: n * size * size * 3 }, () => 256 * random());
  const affine = Int32Array.from({ length: n * 6 }, (_, i) => (i % 6 === 0 || i % 6 === 4 ? 1 << 16 : 0));
  const labels = Uint32Array.from({ length: n }, () => CLASSES * random());
  const va = Float32Array.from({ length: 2 * n }, () => 2 * random() - 1);
  return { images, affine, flip: new Uint32Array(n), labels, va, rows: new Uint32Array(n) } as Batch;
}

/** The gradients of all parameters as they lie in memory. */
async function gradientsOf(optimizer: Optimizer): Promise<Float32Array> {
  const grads = optimizer.params.map(({ value }) => value.grad).filter((grad) => grad !== null);
  const read = await device.readAll(grads);
  return Float32Array.from(read.flatMap((bytes) => [...new Float32Array(bytes)]));
}

for (const [network, model, size, precision] of [
  ['bregnext', 'emotion_gcn', 32, 'f32'],
  ['bregnext', 'multi_task', 32, 'f16'],
  ['denselite', 'multi_task', 32, 'f32'],
  ['denselite', 'emotion_gcn', 32, 'f16'],
  ['densenet', 'multi_task', 32, 'f32'],
  ['mobilenet', 'multi_task', 32, 'f32'],
] as [NetworkName, ModelName, number, 'f32' | 'f16'][])
  (precision === 'f16' && !device.features.has('shader-f16') ? test.skip : test)(
    `${network}, ${model}, ${precision}: the gradient of three batches is the float32 sum of each one's own, in their order`,
    async () => {
      const A = model === 'emotion_gcn' ? new Float32Array((CLASSES + 2) ** 2).fill(1 / 9) : undefined;
      const net = buildModel(device, { network, model, imageSize: size, classes: CLASSES, A }).initialise(1);
      const optimizer = new SGD(net.parameters(), { lr: 0 });
      const stream = randomStream('embedding', 1);
      const embedding = A
        ? Float32Array.from({ length: (CLASSES + 2) * 300 }, (_, i) => randomUniform(stream, i) - 0.5)
        : null;
      const loss = { classWeights: new Float32Array(CLASSES).fill(1), lambda: 1 };
      const learner = new Learner(device, net, { embedding, loss, precision });
      const batches = [5, 3, 4].map((n, i) => batchOf(n, size, i));
      const own: Float32Array[] = [];
      for (const batch of batches) {
        // The first of a group that never ends: its gradient alone.
        await learner.train(batch, optimizer, { place: 0, size: 3 });
        own.push(await gradientsOf(optimizer));
      }
      for (const [place, batch] of batches.entries()) await learner.train(batch, optimizer, { place, size: 3 });
      const together = await gradientsOf(optimizer);
      const [sum, ...others] = own;
      for (const part of others) addOnto(sum, part, { inputs: false, results: false });
      const differing = [...sum.keys()].filter((i) => !Object.is(sum[i], together[i]));
      assert.is(differing.length, 0, `${differing.length} of ${sum.length}: ${differing.slice(0, 5)}`);
    },
  );

test.run();
