import type { Device } from '../device';
import { copyChannels } from '../kernels/channels';
import { noteFirst } from '../kernels/guard';
import { empty, matrixOf, type Tensor, tensor } from './tensor';

/**
 * Finds the first of many tensors that is not finite, on the device: nothing is read but its place among them. Infinite and NaN are
 * told by their bits.
 * @example
 * const first = new FirstNotFinite(device);
 * for (const v of [1, Infinity, NaN]) first.see(tensor(device, [v], [1]));
 * await first.place(); // 1
 */
export class FirstNotFinite {
  private readonly first: Tensor;
  private seen = 0;

  constructor(private readonly device: Device) {
    this.first = device.persistent(() => tensor(device, Uint32Array.of(0), [1], { name: 'first_not_finite' }));
  }

  /** Looks at a tensor of f32 or f16 as it is now. */
  see(t: Tensor): void {
    const { device } = this;
    const plain = t.contiguous && t.dtype === 'f32' ? t : empty(device, t.shape, { layout: t.layout });
    if (plain !== t) copyChannels(device, matrixOf(t), matrixOf(plain), false);
    noteFirst(device, plain.storage, this.first.storage, ++this.seen);
    if (plain !== t) device.free(plain.storage);
  }

  /** Reads which of those that were seen it is, counted from 0; null: all are finite. No more can be seen. */
  async place(): Promise<number | null> {
    const reading = this.first.item();
    this.device.free(this.first.storage);
    const place = (await reading) - 1;
    return place < 0 ? null : place;
  }
}
