import type { Device, Storage } from '../device';
import { planTransposes, type Turned, transposeAll } from '../kernels/transpose';
import { Plans } from './plans';
import type { Tensor } from './tensor';

/** Bytes that one launch turns at most: what is turned early takes memory, and leaves the caches. */
const MOST = 8 << 20;

/**
 * Weights of convolutions as their data gradients want them, [tap][O][I]. A walk of backward says which will be wanted, in its order; the
 * first that is asked for brings those after it along, in one launch, as far as they lie in the same memory (an optimizer's).
 */
class Turning {
  private upcoming: readonly Tensor[] = [];
  private next = 0;
  private launches = 0;
  private memory: Storage | null = null;
  private readonly ready = new Map<Tensor, Storage>();
  private readonly plans: Plans;

  constructor(private readonly device: Device) {
    this.plans = new Plans(device, 'transpose');
  }

  begin(weights: readonly Tensor[]): void {
    this.end();
    Object.assign(this, { upcoming: weights, next: 0, launches: 0 });
  }

  end(): void {
    if (this.memory) this.device.free(this.memory);
    this.memory = null;
    this.ready.clear();
    this.upcoming = [];
  }

  /** The weight turned, until the walk's end at most; null where it has to be turned alone. */
  take(weight: Tensor): Storage | null {
    const ready = this.ready.get(weight);
    if (ready) return ready;
    const at = this.upcoming.indexOf(weight, this.next);
    const { whole } = weight.storage;
    if (at < 0 || !whole || !byFours(weight)) return null;
    const batch = new Set<Tensor>();
    let bytes = 0;
    for (this.next = at; this.next < this.upcoming.length; this.next++) {
      const other = this.upcoming[this.next];
      if (other.storage.whole !== whole || !byFours(other) || batch.has(other)) continue;
      if (bytes > 0 && bytes + other.storage.bytes > MOST) break;
      batch.add(other);
      bytes += aligned(other.storage.bytes);
    }
    return batch.size > 1 ? this.turn(whole, [...batch], bytes, weight) : null;
  }

  private turn(whole: Storage, weights: readonly Tensor[], bytes: number, first: Tensor): Storage {
    const { device, ready } = this;
    if (this.memory) device.free(this.memory);
    ready.clear();
    const memory = device.alloc(bytes, 'conv2d.weights_transposed');
    this.memory = memory;
    let at = 0;
    const turned = weights.map((weight): Turned => {
      const { storage, shape } = weight;
      const [O, I, KH, KW] = shape;
      ready.set(weight, memory.range(at, storage.bytes, `turned:${storage.label}`));
      const one = { from: storage.offset - whole.offset, to: at, batch: KH * KW, rows: I, columns: O };
      at += aligned(storage.bytes);
      return one;
    });
    const plan = planTransposes(device, turned);
    transposeAll(device, plan, this.plans.at(this.launches++, plan.words), whole, memory);
    return ready.get(first) as Storage;
  }
}

const byFours = ({ shape: [O, I] }: Tensor): boolean => O % 4 === 0 && I % 4 === 0;
const aligned = (bytes: number): number => Math.ceil(bytes / 256) * 256;

const all = new WeakMap<Device, Turning>();

export function turningOf(device: Device): Turning {
  const found = all.get(device) ?? new Turning(device);
  all.set(device, found);
  return found;
}
