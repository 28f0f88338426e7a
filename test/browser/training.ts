// A few steps of a small network, the same in a browser and on Node.
import { backward, crossEntropy, SGD, step, tensor } from '../../src/autograd';
import type { Device } from '../../src/device';
import { buildModel } from '../../src/models';
import { uniform } from '../hashinit';

/** The losses of `steps` SGD steps of denselite on four hashed pictures of 32 pixels. */
export async function trainingLosses(device: Device, steps: number): Promise<number[]> {
  const model = buildModel(device, { model: 'single_task', network: 'denselite', imageSize: 32 }).initialise(1);
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  const images = tensor(device, uniform('browser/images', 4 * 3 * 32 * 32, 0, 1.75), [4, 3, 32, 32]);
  const labels = tensor(device, Uint32Array.of(0, 3, 5, 6), [4]);
  const losses: number[] = [];
  for (let s = 0; s < steps; s++) {
    const loss = step(device, () => {
      optimizer.zeroGrad();
      const loss = crossEntropy(model.forward(images).logits, labels);
      backward(loss);
      optimizer.step();
      return loss;
    });
    losses.push(await loss.item());
  }
  return losses;
}
