import * as F from '../src/autograd';
import type { Device } from '../src/device';
import { buildModel, type NetworkName, summarise } from '../src/models';
import { filler } from './measure';

/** A whole training step or inference, timed by the wall clock with its losses read back. */
export interface StepWork {
  readonly name: string;
  readonly network: NetworkName;
  readonly size: number;
  readonly batch: number;
  readonly training: boolean;
}

const step = (network: NetworkName, size: number, batch: number, training = true): StepWork => ({
  name: `${training ? 'step' : 'inference'} emotion_gcn ${network} ${size} b${batch}`,
  network,
  size,
  batch,
  training,
});

export const stepWorks: readonly StepWork[] = [
  step('densenet', 112, 8),
  step('densenet', 96, 8),
  step('bregnext', 64, 16),
  step('densenet', 112, 1, false),
  step('densenet', 112, 32, false),
];

/** Makes the network and its batch; returns what to time and the flop of one call. */
export function prepareStep(device: Device, work: StepWork): { run: () => Promise<unknown>; flop: number } {
  const { network, size, batch: n, training } = work;
  const A = Float32Array.from({ length: 81 }, (_, i) => (i % 10 === 0 || i % 9 === (i < 63 ? 7 : 0) ? 0.5 : 0));
  const model = buildModel(device, { model: 'emotion_gcn', network, imageSize: size, A }).initialise(1).train(training);
  const x = F.tensor(device, filler(n * 3 * size * size), [n, 3, size, size]);
  const embedding = F.tensor(device, filler(2700), [9, 300]);
  const labels = F.labels(
    device,
    Uint32Array.from({ length: n }, (_, i) => i % 7),
    7,
  );
  const va = F.tensor(device, filler(2 * n), [n, 2]);
  const flop = 2 * summarise(model, () => model.forward(x, embedding)).multiplyAdds;
  if (!training) {
    const run = () => F.step(device, () => F.noGrad(() => F.readAll([model.forward(x, embedding).logits])));
    return { run, flop };
  }
  const optimiser = new F.SGD(model.parameters(), { lr: 1e-4, momentum: 0.9, weightDecay: 1e-3 });
  const run = () =>
    F.step(device, () => {
      optimiser.zeroGrad();
      const out = model.forward(x, embedding);
      const loss = F.add(F.crossEntropy(out.logits, labels), F.cccLoss(out.va as F.Tensor, va));
      F.backward(loss);
      optimiser.step();
      return F.readAll([loss]);
    });
  return { run, flop: 3 * flop };
}
