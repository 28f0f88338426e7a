import { InputError, MachineError } from '../../base/errors';
import { type Device, DeviceLost } from '../../device';
import { memoryGrant } from '../../device/node';
import type { TrainArgs } from '../settings/args';

/** Makes sure, before the first step, that a step fits the device and the machine. @throws InputError with the batch size that does. */
export function fitMemory(
  device: Device,
  args: TrainArgs,
  /** The most bytes that a step on batches of `n` images takes. */
  memoryOf: (n: number) => number,
  notice: (line: string) => void,
): void {
  const grant = device.software ? memoryGrant() : null;
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
  // The loss of valence and arousal needs two samples.
  let [least, most] = [args.model === 'single_task' ? 1 : 2, args.batch_size];
  while (most - least > 1) {
    const n = (least + most) >> 1;
    if (fits(n) === null) most = n;
    else least = n;
  }
  const advice = fits(least) === null ? 'no batch size does: use a smaller --image_size' : `--batch_size ${least} does`;
  throw new InputError(
    `--batch_size ${args.batch_size} at ${args.image_size} pixels takes more than ${grant?.by ?? "this adapter's memory"}; ${advice}`,
  );
}
