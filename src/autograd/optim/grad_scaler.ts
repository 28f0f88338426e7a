import { InputError } from '../../base/errors';
import type { Device, Storage } from '../../device';
import { update } from '../../kernels/loss_scale';
import { Tensor, tensor } from '../tensor';
import { Value } from '../value';
import { gradsOf, joined } from './arena';

export interface GradScalerOptions {
  /** The first scale, best a power of two. Default 65536. */
  readonly scale?: number;
  /** Good steps in a row after which the scale is doubled. Default 2000. */
  readonly growthInterval?: number;
}

/** Where a scaler stands. */
export interface GradScalerState {
  readonly scale: number;
  /** Steps since the scale last changed. */
  readonly goodSteps: number;
  /** Steps, of all, in which a gradient was not finite and nothing moved. */
  readonly skipped: number;
}

/**
 * Dynamic loss scaling for activations stored as f16 (Micikevicius et al., ICLR 2018), by the rule of PyTorch's GradScaler:
 * the loss is multiplied with a scale, so that small gradients do not vanish, and the optimizer divides by it. A step in
 * which a gradient is infinite or NaN changes nothing and halves the scale; `growthInterval` good ones double it. All of it
 * happens on the device, and nothing waits:
 *
 *     backward(loss, scaler.scale);
 *     optimizer.step(scaler);
 */
export class GradScaler {
  /** [1]: the scale of the next step, for `backward`. */
  readonly scale: Tensor;
  /** [4]: scale, good steps, steps skipped, factor (see kernels/loss_scale). To be read with others; else `state`. */
  readonly numbers: Tensor;
  private readonly growthInterval: number;

  /** @throws InputError for a scale that is not above 0, or an interval that is no whole number above 0. */
  constructor(
    private readonly device: Device,
    { scale = 65536, growthInterval = 2000 }: GradScalerOptions = {},
  ) {
    if (!(scale > 0 && Number.isFinite(scale)))
      throw new InputError(`GradScaler: scale must be above 0, found ${scale}`);
    if (!(Number.isInteger(growthInterval) && growthInterval > 0))
      throw new InputError(`GradScaler: growthInterval must be a whole number above 0, found ${growthInterval}`);
    this.growthInterval = growthInterval;
    this.numbers = device.persistent(() => tensor(device, [scale, 0, 0, 0], [4], { name: 'loss_scale' }));
    this.scale = new Tensor(new Value(device, this.storage, 1, 1, 'f32'), [1], 'plain', 0, 1, 'loss_scale');
  }

  /** For kernels: four numbers, of which the first is the scale and the last what gradients are multiplied with. */
  get storage(): Storage {
    return this.numbers.storage;
  }

  /** Looks at the gradients of `params` and decides about this step and the next scale. `Optimizer.step` calls it. */
  update(params: readonly Tensor[]): void {
    update(this.device, joined(gradsOf(params)), this.storage, this.growthInterval);
  }

  /** Reads where it stands. */
  async state(): Promise<GradScalerState> {
    const [scale, goodSteps, skipped] = await this.numbers.data();
    return { scale, goodSteps, skipped };
  }

  /** Goes on from where another stood. */
  load({ scale, goodSteps, skipped }: GradScalerState): void {
    this.numbers.write(Float32Array.of(scale, goodSteps, skipped, 0));
  }
}
