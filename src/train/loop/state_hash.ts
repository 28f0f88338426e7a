// One number for all that a run has learnt, found on the device: two runs that have the same are the same so far.
import type { Tensor } from '../../autograd';
import type { Device, Storage } from '../../device';
import { type Hashed, type HashPlan, hash, planOf } from '../../kernels/hash';
import { Counter } from '../../models';
import type { Learning } from '../run/checkpoint';

/**
 * A 64-bit hash of what a checkpoint holds: weights, running statistics, the optimizer's state, averages, loss scale. It depends on their
 * bits, shapes and names alone, not on where they lie or which kernels made them.
 */
export class StateHash {
  private readonly sum: Storage;
  /** What was hashed last, which is nearly always what is hashed next. */
  private last: { readonly tensors: readonly Hashed[]; readonly plan: HashPlan; readonly pieces: Storage } | null =
    null;

  constructor(
    private readonly device: Device,
    private readonly learning: Learning,
  ) {
    this.sum = device.persistent(() => device.alloc(8, 'state_hash'));
  }

  /** Of the state as it is after all that was recorded; only the promise waits for the GPU. @returns 16 hexadecimal digits */
  take(): Promise<string> {
    const { device, sum } = this;
    const { plan, pieces } = this.planned(hashedOf(this.learning));
    hash(device, plan, pieces, sum);
    return device
      .read(sum)
      .then((bytes) => Array.from(new Uint32Array(bytes), (word) => word.toString(16).padStart(8, '0')).join(''));
  }

  private planned(tensors: readonly Hashed[]): { plan: HashPlan; pieces: Storage } {
    const { device, last } = this;
    const same = (t: Hashed, i: number): boolean =>
      t.name === last?.tensors[i].name && t.memory === last.tensors[i].memory && t.word === last.tensors[i].word;
    if (last && last.tensors.length === tensors.length && tensors.every(same)) return last;
    if (last) device.free(last.pieces);
    const plan = planOf(tensors);
    const pieces = device.persistent(() => device.alloc(plan.pieces.byteLength, 'state_hash.pieces'));
    device.upload(pieces, plan.pieces);
    this.last = { tensors, plan, pieces };
    return this.last;
  }
}

/** All that changes as a run learns, under the names that a checkpoint has. */
function hashedOf({ model, optimizer, scaler, ema }: Learning): Hashed[] {
  const tensors: Hashed[] = [];
  for (const [name, t] of model.namedState()) tensors.push(hashedTensor(name, t instanceof Counter ? t.tensor : t));
  for (const [name, p] of model.namedParameters()) {
    for (const [key, { memory, at, size }] of Object.entries(optimizer.places(p) ?? {})) {
      const { taps } = hashedTensor(name, p);
      tensors.push({ name: `${key}.${name}`, memory, word: at / 4, words: size, taps: size === 1 ? null : taps });
    }
    if (ema) tensors.push(hashedTensor(`ema.${name}`, ema.of(p)));
  }
  // The others are a verdict about a step that is done.
  if (scaler) tensors.push({ ...hashedTensor('loss_scale', scaler.numbers), words: 3 });
  return tensors;
}

function hashedTensor(name: string, { storage, shape, layout, size }: Tensor): Hashed {
  const memory = storage.whole ?? storage;
  const [outputs, inputs, ...kernel] = shape;
  const taps = layout === 'taps' ? ([outputs, inputs, kernel.reduce((a, b) => a * b, 1)] as const) : null;
  return { name, memory, word: (storage.offset - memory.offset) / 4, words: size, taps };
}
