import * as F from '../src/autograd';
import type { Device } from '../src/device';
import { buildModel, type EmotionModel, type NetworkName, summarise } from '../src/models';
import { filler } from './measure';
import { GRAPH } from './shapes';

/** A whole training step or inference, timed by the wall clock with its losses read back. */
export interface StepWork {
  readonly name: string;
  readonly network: NetworkName;
  readonly size: number;
  readonly batch: number;
  readonly training: boolean;
}

export const step = (network: NetworkName, size: number, batch: number, training = true): StepWork => ({
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
  step('denselite', 112, 8),
  step('mobilenet', 112, 8),
  step('densenet', 112, 1, false),
  step('densenet', 112, 32, false),
];

export interface PreparedStep {
  /** One step, or one inference; resolves to its loss or its scores. */
  readonly run: () => Promise<Float32Array>;
  /** What of it computes: recorded, not waited for. */
  readonly record: () => void;
  readonly flop: number;
  /** The most bytes of device memory that it will use, told by a dry run. */
  readonly bytes: () => number;
  readonly model: EmotionModel;
}

/** Makes the network and its batch, activations stored as `precision`. */
export function prepareStep(device: Device, work: StepWork, precision: 'f32' | 'f16' = 'f32'): PreparedStep {
  const { network, size, batch: n, training } = work;
  const config = { model: 'emotion_gcn', network, imageSize: size, A: GRAPH } as const;
  const model = buildModel(device, config).initialise(1).train(training);
  const x = F.tensor(device, filler(n * 3 * size * size), [n, 3, size, size], { dtype: precision });
  const embedding = F.tensor(device, filler(2700), [9, 300]);
  const classes = Uint32Array.from({ length: n }, (_, i) => i % 7);
  const labels = F.labels(device, classes, 7);
  const va = F.tensor(device, filler(2 * n), [n, 2]);
  // Within a dry run there is no second one, and launches tell their own.
  const forward = device.computing ? 2 * summarise(model, () => model.forward(x, embedding)).multiplyAdds : 0;
  const optimizer = new F.SGD(model.parameters(), { lr: 1e-4, momentum: 0.9, weightDecay: 1e-3 });
  const scaler = precision === 'f16' ? new F.GradScaler(device) : null;
  const guard = scaler ?? new F.Guard(device);
  const infer = (): F.Tensor => F.noGrad(() => model.forward(x, embedding).logits);
  const train = (): F.Tensor => {
    optimizer.zeroGrad();
    const out = model.forward(x, embedding);
    const loss = F.add(F.crossEntropy(out.logits, labels), F.cccLoss(out.va as F.Tensor, va));
    guard.look(loss);
    F.backward(loss, scaler?.scale);
    optimizer.step(guard);
    return loss;
  };
  const once = training ? train : infer;
  return {
    run: async () => (await F.step(device, () => F.readAll([once()])))[0],
    record: () => void F.step(device, once),
    flop: training ? 3 * forward : forward,
    bytes: () => device.dryRun(once),
    model,
  };
}
