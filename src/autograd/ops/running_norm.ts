import { InputError } from '../../base/errors';
import type { Storage } from '../../device';
import { PACK_BYTES, PLANES_BYTES, preparePlanes, prepareRunning } from '../../kernels/batch_norm';
import { gradEnabled } from '../tape';
import type { Tensor } from '../tensor';
import type { Value } from '../value';
import { wantFloat32 } from './check';

/**
 * The tensors of a batch normalisation over C channels, each [C]. The running ones are changed in training: by an optimizer's next step,
 * and before anything reads them.
 */
export interface BatchNormTensors {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly runningMean: Tensor;
  readonly runningVar: Tensor;
  /** Counts the batches that the running ones have taken in (PyTorch's num_batches_tracked), [1]: exact to 2^24. */
  readonly batchesTracked?: Tensor;
}

/** What is added to a variance where nothing else is said. */
export const EPS = 1e-5;

/** @throws InputError where the norm's tensors are not f32, or not [C] for what it normalises, [N, C, ...]. */
export function wantNorm(bn: BatchNormTensors, of: Tensor): void {
  const { weight, bias, runningMean, runningVar, batchesTracked = null } = bn;
  const channels = of.shape[1];
  wantFloat32('batch_norm', weight, bias, runningMean, runningVar, batchesTracked);
  for (const t of [weight, bias, runningMean, runningVar])
    if (t.shape.join() !== `${channels}`)
      throw new InputError(`batch_norm: ${of} has ${channels} channels: expected [${channels}], found ${t}`);
  if (batchesTracked && batchesTracked.shape.join() !== '1')
    throw new InputError(`batch_norm: batches are counted in [1], found ${batchesTracked}`);
}

interface Kept {
  readonly storage: Storage;
  readonly eps: number;
  /** What it was made of, and how often that had been written by then. */
  readonly of: readonly Storage[];
  readonly writes: readonly number[];
}

/** What kernels take of a norm in evaluation, kept by its weight. */
interface Form {
  readonly bytes: number;
  readonly make: typeof prepareRunning;
  readonly kept: WeakMap<Value, Kept>;
}

const PACK: Form = { bytes: PACK_BYTES, make: prepareRunning, kept: new WeakMap() };
const PLANES: Form = { bytes: PLANES_BYTES, make: preparePlanes, kept: new WeakMap() };

/**
 * Without gradients it is kept, and made anew only when something has written into one of the norm's tensors; what a backward wants is
 * its own.
 */
function formOf({ weight, bias, runningMean, runningVar }: BatchNormTensors, eps: number, form: Form): Storage {
  const { device, value, size } = weight;
  const of = [weight, bias, runningMean, runningVar].map((t) => t.storage);
  const [gamma, beta, mean, variance] = of;
  const make = (to: Storage): Storage => {
    form.make(device, size, { gamma, beta, eps }, { mean, variance }, to);
    return to;
  };
  const room = (): Storage => device.alloc(size * form.bytes, 'batch_norm.running');
  if (gradEnabled()) return make(room());
  const found = form.kept.get(value);
  const same = found?.storage.alive && found.eps === eps && of.every((s, i) => s === found.of[i]) ? found : null;
  const writes = of.map((s) => s.writes);
  if (same && writes.every((n, i) => n === same.writes[i])) return same.storage;
  const storage = make(same?.storage ?? device.persistent(room));
  if (device.computing) form.kept.set(value, { storage, eps, of, writes });
  return storage;
}

/** What a normalisation by the running statistics takes where it loads: see `Prologue`. */
export const runningPack = (bn: BatchNormTensors, eps: number): Storage => formOf(bn, eps, PACK);

/** What one takes where it stores: see `Epilogue`. */
export const runningPlanes = (bn: BatchNormTensors, eps: number): Storage => formOf(bn, eps, PLANES);
