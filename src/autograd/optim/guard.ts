import { InputError } from '../../base/errors';
import type { Device, Storage } from '../../device';
import { judge, look, VERDICT_SIZE, type Verdict } from '../../kernels/guard';
import { holdMoments } from '../moments';
import { wantFloat32 } from '../ops/check';
import { type Tensor, tensor } from '../tensor';
import { gradsOf, joined } from './arena';

export interface GuardOptions {
  /** A step that is refused refuses all later ones, until `reset`. Default false. */
  readonly stop?: boolean;
}

/**
 * Refuses steps that are not finite. A step is looked at as a whole: if any of its losses, or of its gradients as they were added up,
 * is infinite or NaN, nothing changes: no weight, nothing that an optimizer keeps, no average, no running statistic. It is decided on
 * the device, and nothing waits. An `Ema` takes the guard of its step, too.
 * @example
 * const w = tensor(device, [1], [1], { requiresGrad: true });
 * const optimizer = new SGD([w], { lr: 0.1 });
 * const guard = new Guard(device);
 * const loss = mul(w, Infinity);
 * guard.look(loss); // of each batch of the step; may be left out
 * backward(loss);
 * optimizer.step(guard);
 * await w.item(); // 1
 * await guard.refused(); // 1
 */
export class Guard implements Verdict {
  /** [8]: the verdict about the last step (see kernels/guard/judge.wgsl), to be read with others, for `refusedBy`; else `refused`. */
  readonly numbers: Tensor;
  readonly scaled: boolean = false;
  /** Good steps after which a scale is doubled. */
  protected readonly growthInterval: number = 0;
  private readonly stop: boolean;

  constructor(
    protected readonly device: Device,
    { stop = false }: GuardOptions = {},
  ) {
    this.stop = stop;
    this.numbers = device.persistent(() => tensor(device, verdict(1, 0, 0), [VERDICT_SIZE], { name: 'guard' }));
  }

  /** For kernels. */
  get storage(): Storage {
    return this.numbers.storage;
  }

  /** Takes a loss [1] of the coming step into account. @throws InputError where it is not one number of f32. */
  look(loss: Tensor): void {
    wantFloat32('Guard.look', loss);
    if (loss.size !== 1 || !loss.contiguous) throw new InputError(`Guard.look: a loss must be [1], found ${loss}`);
    holdMoments(this.device);
    look(this.device, loss.storage, this);
  }

  /** Decides about a step with the gradients of `params`. `Optimizer.step` calls it. */
  judge(params: readonly Tensor[]): void {
    const { growthInterval: interval, stop } = this;
    judge(this.device, joined(gradsOf(params)), this, { interval, stop });
  }

  /** Reads how many steps were refused since `reset`. */
  async refused(): Promise<number> {
    return (await this.numbers.data())[5];
  }

  /** Forgets what was refused, and lifts a stop. */
  reset(): void {
    this.device.upload(this.storage, new Float32Array(4), 16);
  }
}

/** The numbers of a verdict on nothing yet. */
export const verdict = (scale: number, goodSteps: number, skipped: number): Float32Array =>
  Float32Array.of(scale, goodSteps, skipped, 0, 0, 0, 0, 0);

/** What the last step multiplied gradients with, by the same numbers: 0 where it was refused, or the loss scale cost it. */
export const factorOf = (numbers: Float32Array): number => numbers[3];

/** Whether the last step was refused, by a guard's numbers as they were read after it. */
export const refusedBy = (numbers: Float32Array): boolean => numbers[4] === 1;
