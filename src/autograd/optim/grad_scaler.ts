import { InputError } from '../../base/errors';
import type { Device } from '../../device';
import { Tensor } from '../tensor';
import { Value } from '../value';
import { Guard, type GuardOptions, verdict } from './guard';

export interface GradScalerOptions extends GuardOptions {
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
  /** Steps, of all, in which a gradient was not finite, for which the scale was halved. */
  readonly skipped: number;
}

/**
 * Dynamic loss scaling for activations stored as f16 (Micikevicius et al., ICLR 2018), by the rule of PyTorch's GradScaler:
 * the loss is multiplied with a scale, so that small gradients do not vanish, and the optimizer divides by it. A step in
 * which a gradient is infinite or NaN moves no parameter and halves the scale; `growthInterval` good ones double it. All of it
 * happens on the device, and nothing waits.
 *
 * It is a guard whose scale may be what spoils a gradient: refused is only a step with a loss that is not finite, by itself and
 * without the scale. A step that the scale cost takes its batches into running statistics, as PyTorch's does.
 * @example
 * const w = tensor(device, [1], [1], { requiresGrad: true });
 * const optimizer = new SGD([w], { lr: 0.1 });
 * const scaler = new GradScaler(device, { scale: 1024 });
 * backward(square(w), scaler.scale);
 * optimizer.step(scaler);
 * await w.item(); // 0.8
 */
export class GradScaler extends Guard {
  /** [1]: the scale of the next step, for `backward`. */
  readonly scale: Tensor;
  override readonly scaled = true;
  protected override readonly growthInterval: number;

  /** @throws InputError for a scale that is not above 0, or an interval that is no whole number above 0. */
  constructor(device: Device, { scale = 65536, growthInterval = 2000, ...options }: GradScalerOptions = {}) {
    if (!(scale > 0 && Number.isFinite(scale)))
      throw new InputError(`GradScaler: scale must be above 0, found ${scale}`);
    if (!(Number.isInteger(growthInterval) && growthInterval > 0))
      throw new InputError(`GradScaler: growthInterval must be a whole number above 0, found ${growthInterval}`);
    super(device, options);
    this.growthInterval = growthInterval;
    this.load({ scale, goodSteps: 0, skipped: 0 });
    this.scale = new Tensor(new Value(device, this.storage, 1, 1, 'f32'), [1], 'plain', 0, 1, 'loss_scale');
  }

  /** Reads where it stands. */
  async state(): Promise<GradScalerState> {
    const [scale, goodSteps, skipped] = await this.numbers.data();
    return { scale, goodSteps, skipped };
  }

  /** Goes on from where another stood. */
  load({ scale, goodSteps, skipped }: GradScalerState): void {
    this.numbers.write(verdict(scale, goodSteps, skipped));
  }
}
