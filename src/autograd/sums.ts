import type { Device, Storage } from '../device';
import { type PartedSum, type PartsRoom, planSums, type Summand, sumAllParts } from '../kernels/sum_parts';
import { Plans } from './plans';

/** Bytes of parts that wait: of a walk's first ones, and at most. It is memory that the walk takes besides. */
const ROOM = { first: 1 << 20, most: 8 << 20 };

/**
 * Sums of parameters' gradients whose parts wait for each other: those that go into the same memory (an optimizer's) are added up in one
 * launch, when the room is full, before anybody reads or writes such a gradient (`Storage.pending`), and at the end of the walk.
 */
class Sums implements PartsRoom {
  private memory: Storage | null = null;
  private taken = 0;
  private launches = 0;
  private room: number = ROOM.first;
  private waiting: { readonly y: Storage; readonly accumulate: boolean; readonly summand: Summand }[] = [];
  private readonly plans: Plans;

  constructor(private readonly device: Device) {
    this.plans = new Plans(device, 'sums');
  }

  take(y: Storage, { size, parts, accumulate }: PartedSum): Storage | null {
    const { whole } = y;
    const bytes = 4 * size * parts;
    if (!whole || size % 4 !== 0 || bytes > ROOM.most) return null;
    const last = this.waiting.at(-1);
    const full = this.memory !== null && this.taken + bytes > this.memory.bytes;
    if (full) this.room = Math.min(2 * this.room, ROOM.most);
    if (full || last?.y.whole !== whole || last.accumulate !== accumulate) this.addUp();
    this.memory ??= this.device.alloc(Math.max(bytes, this.room), 'parts');
    const summand = { from: this.taken, to: y.offset - whole.offset, size, parts };
    this.waiting.push({ y, accumulate, summand });
    this.taken += Math.ceil(bytes / 256) * 256;
    y.pending = this.addUp;
    return this.memory.range(summand.from, bytes, `parts:${y.label}`);
  }

  /** Adds up all that wait, and gives their memory back. */
  private readonly addUp = (): void => {
    const { device, memory, waiting } = this;
    if (!memory) return;
    Object.assign(this, { memory: null, taken: 0, waiting: [] });
    for (const { y } of waiting) y.pending = null;
    const [{ y, accumulate }] = waiting;
    const plan = planSums(
      device,
      waiting.map(({ summand }) => summand),
    );
    sumAllParts(device, plan, this.plans.at(this.launches++, plan.words), memory, y.whole as Storage, accumulate);
    device.free(memory);
  };

  /** The walk is over: nothing waits any more. */
  end(): void {
    this.addUp();
    Object.assign(this, { launches: 0, room: ROOM.first });
  }
}

const all = new WeakMap<Device, Sums>();

export function sumsOf(device: Device): Sums {
  const found = all.get(device) ?? new Sums(device);
  all.set(device, found);
  return found;
}
