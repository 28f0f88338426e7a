import { InputError, MachineError } from '../../base/errors';
import { type Device, DeviceLost } from '../../device';
import { type MemoryGrant, memoryGrant } from '../../device/node';
import type { TrainArgs } from '../settings/args';

/** Makes sure, before the first step, that a step fits the device and the machine. @throws InputError with the batch size that does. */
export function fitMemory(
  device: Device,
  args: TrainArgs,
  /** The most bytes that a step on batches of `n` images takes. */
  memoryOf: (n: number) => number,
  notice: (line: string) => void,
  /** What the machine grants a driver that computes on the CPU; null: a GPU has memory of its own. */
  grant: MemoryGrant | null = device.software ? memoryGrant() : null,
): void {
  // What the pool holds by now was not touched yet, and so is among what is free.
  if (grant) device.pool.budget = grant.bytes;
  const fits = (n: number): number | null => {
    try {
      return memoryOf(n);
    } catch (error) {
      if (error instanceof MachineError && !(error instanceof DeviceLost)) return null;
      throw error;
    }
  };
  const bytes = fits(args.batch_size);
  if (bytes !== null) {
    notice(`a step of ${args.batch_size} images takes ${Math.ceil(bytes / 2 ** 20)} MiB of device memory`);
    return;
  }
  // What is free differs from one start to the next: the advice is to hold then, too.
  if (grant) device.pool.budget = 0.9 * grant.bytes;
  const smallest = (): string => {
    device.pool.budget = Number.POSITIVE_INFINITY;
    const bytes = fits(least);
    const needs = bytes === null ? '' : ` (${least} take ${Math.ceil(bytes / 2 ** 20)} MiB)`;
    return `no batch size does${needs}: use a smaller --image_size or --network bregnext${grant ? ', or grant more memory' : ''}`;
  };
  // The loss of valence and arousal needs two samples.
  let [least, most] = [args.model === 'single_task' ? 1 : 2, args.batch_size];
  while (most - least > 1) {
    const n = (least + most) >> 1;
    if (fits(n) === null) most = n;
    else least = n;
  }
  const advice = fits(least) === null ? smallest() : `--batch_size ${least} does`;
  throw new InputError(
    `--batch_size ${args.batch_size} at ${args.image_size} pixels takes more than ${grant?.by ?? "this adapter's memory"}; ${advice}`,
  );
}
