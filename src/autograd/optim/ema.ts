import { InputError } from '../../base/errors';
import type { Device, Storage } from '../../device';
import { lerp } from '../../kernels/lerp';
import type { Tensor } from '../tensor';
import type { Guard } from './guard';
import type { Optimizer } from './optimizer';

/**
 * An exponential moving average of an optimizer's parameters (Polyak and Juditsky 1992), which often generalises better than the
 * last of them: average += (1 - d) (parameter - average) after each step, d = min(decay, (1 + t) / (10 + t)) at step t, so that
 * the random start is soon forgotten. Buffers such as running statistics are not averaged.
 * @example
 * const w = tensor(device, [1], [1], { requiresGrad: true });
 * const optimizer = new SGD([w], { lr: 0.5 });
 * const ema = new Ema(optimizer, 0.999);
 * backward(square(w));
 * optimizer.step();
 * ema.update(0);
 * await w.item(); // 0
 * await ema.of(w).item(); // 0.1
 */
export class Ema {
  private readonly device: Device;
  private readonly weight: Storage;
  /** The parameters' memory and their averages', in the same places. */
  private readonly averages: ReadonlyMap<Storage, Storage>;

  /** @throws InputError unless 0 <= decay < 1. */
  constructor(
    private readonly optimizer: Optimizer,
    private readonly decay: number,
  ) {
    if (!(decay >= 0 && decay < 1)) throw new InputError(`Ema: decay must be from 0 to below 1, found ${decay}`);
    const device = optimizer.params[0].device;
    this.device = device;
    this.weight = device.persistent(() => device.alloc(16, 'ema.weight'));
    this.averages = new Map(
      optimizer.memories.map((values) => [values, device.persistent(() => device.alloc(values.bytes, 'ema'))]),
    );
    this.restart();
  }

  /** Forgets the past: the average is the parameters as they stand. */
  restart(): void {
    for (const [values, average] of this.averages) this.device.copy(values, average);
  }

  /** Takes the parameters in, after step `t` of the optimizer, counted from 0; with the guard of that step, if it moved any. */
  update(t: number, guard: Guard | null = null): void {
    if (!(t >= 0)) throw new InputError(`Ema: steps are counted from 0, found ${t}`);
    const decay = Math.min(this.decay, (1 + t) / (10 + t));
    this.device.upload(this.weight, new Float32Array([1 - decay]));
    for (const [values, average] of this.averages) lerp(this.device, values, average, this.weight, guard);
  }

  /** Exchanges parameters and averages: evaluate between two calls. */
  swap(): void {
    const { device } = this;
    for (const [values, average] of this.averages) {
      const kept = device.alloc(values.bytes, 'ema.swap');
      device.copy(values, kept);
      device.copy(average, values);
      device.copy(kept, average);
      device.free(kept);
    }
    for (const { value } of this.optimizer.params) value.written('Ema.swap', 0, value.width);
  }

  /** The average of a parameter. Can be read and written. */
  of(p: Tensor): Tensor {
    const { whole, offset, bytes, label } = p.storage;
    const average = whole && this.averages.get(whole);
    if (!average) throw new Error(`Ema: ${p} is none of this optimizer's parameters`);
    return p.over(average.range(offset - (whole as Storage).offset, bytes, `ema:${label}`));
  }
}
