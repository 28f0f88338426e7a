import { InputError } from '../../base/errors';
import type { SGD } from './sgd';

/** A learning rate as a pure function of time: the same whenever, and in whatever order, it is asked. */
abstract class Schedule {
  constructor(private readonly optimizer: SGD) {}

  /** What the initial learning rate is multiplied with at time t, counted from 0. */
  abstract factor(t: number): number;

  /** Sets every group's learning rate for time t. */
  set(t: number): void {
    for (const g of this.optimizer.groups) g.lr = g.initialLr * this.factor(t);
  }
}

/** PyTorch's StepLR: times `gamma` every `stepSize` epochs. `set(epoch)`. */
export class StepLR extends Schedule {
  /** @throws InputError for a stepSize that is no whole number above 0. */
  constructor(
    optimizer: SGD,
    private readonly options: { readonly stepSize: number; readonly gamma: number },
  ) {
    super(optimizer);
    if (!(Number.isInteger(options.stepSize) && options.stepSize > 0))
      throw new InputError(`StepLR: stepSize must be a whole number above 0, found ${options.stepSize}`);
  }

  factor(epoch: number): number {
    return this.options.gamma ** Math.floor(epoch / this.options.stepSize);
  }
}

/**
 * A linear rise over the first `warmup` steps, then half a cosine down to 0 at `steps` (Loshchilov and Hutter 2017).
 * `set(step)`.
 */
export class CosineLR extends Schedule {
  /** @throws InputError unless 0 <= warmup < steps. */
  constructor(
    optimizer: SGD,
    private readonly options: { readonly steps: number; readonly warmup?: number },
  ) {
    super(optimizer);
    const { steps, warmup = 0 } = options;
    if (!(warmup >= 0 && warmup < steps))
      throw new InputError(`CosineLR: expected 0 <= warmup < steps, found warmup ${warmup}, steps ${steps}`);
  }

  factor(step: number): number {
    const { steps, warmup = 0 } = this.options;
    if (step < warmup) return (step + 1) / warmup;
    return 0.5 * (1 + Math.cos((Math.PI * Math.min(step - warmup, steps - warmup)) / (steps - warmup)));
  }
}
