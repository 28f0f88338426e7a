import { InputError, MachineError } from '../../base/errors';
import { type Device, DeviceLost } from '../../device';
import { type MemoryGrant, memoryGrant } from '../../device/node';
import type { TrainArgs } from '../settings/args';
import { AUTO } from '../settings/optimization';

/** Most images that `--batch_size auto` takes: beyond, few learn better and no device is faster. */
const MOST = 256;

export interface FitOptions {
  /** Training images: no batch is larger. */
  readonly images?: number;
  /** Bytes that are taken beside a step's: what a checkpoint is read to. */
  readonly reserved?: number;
  /** What the machine grants a driver that computes on the CPU; null: a GPU has memory of its own. */
  readonly grant?: MemoryGrant | null;
}

/**
 * Makes sure, before the first step, that a step fits the device and the machine.
 * @param memoryOf the most bytes that a step on batches of `n` images takes
 * @returns the batch size: the one that is asked for, or for `auto` the largest that fits
 * @throws InputError telling what is needed, what is granted, and the batch size that fits
 */
export async function fitMemory(
  device: Device,
  args: TrainArgs,
  memoryOf: (n: number) => number,
  notice: (line: string) => void,
  { images = MOST, reserved = 0, grant = device.software ? memoryGrant() : null }: FitOptions = {},
): Promise<number> {
  const needs = (n: number): number | null => {
    try {
      return memoryOf(n) + reserved;
    } catch (error) {
      if (error instanceof MachineError && !(error instanceof DeviceLost)) return null;
      throw error;
    }
  };
  /** Bytes, if a share of what is granted holds them. What the pool holds by now was not touched yet, and so is among what is free. */
  const fits = async (n: number, share: number): Promise<number | null> => {
    if (grant) device.pool.budget = Math.max(0, share * grant.bytes - reserved);
    const bytes = needs(n);
    return bytes === null || grant || (await canHold(device, bytes)) ? bytes : null;
  };
  // The loss of valence and arousal needs two samples.
  const least = args.model === 'single_task' ? 1 : 2;
  /** What is free differs from one start to the next: what is chosen or advised is to hold then, too. */
  const largest = async (below: number): Promise<number | null> => {
    if ((await fits(least, 0.9)) === null) return null;
    let [good, bad] = [least, below];
    while (bad - good > 1) {
      const n = (good + bad) >> 1;
      if ((await fits(n, 0.9)) === null) bad = n;
      else good = n;
    }
    return good;
  };
  const auto = args.batch_size === AUTO;
  const found = auto ? await largest(Math.max(least, Math.min(MOST, images)) + 1) : null;
  const size = auto ? (found ?? least) : args.batch_size;
  const bytes = await fits(size, 1);
  if (bytes !== null) {
    const why = auto ? '--batch_size auto: ' : '';
    notice(`${why}a step of ${size} images takes ${Math.ceil((bytes - reserved) / 2 ** 20)} MiB of device memory`);
    return size;
  }
  const advice = await largest(size);
  device.pool.budget = Number.POSITIVE_INFINITY;
  const [wanted, smallest] = [needs(size), needs(least)];
  const grants = grant ? `grants ${inWords(grant.bytes)} (${grant.by})` : 'has no room for it';
  const way =
    advice === null
      ? `no batch size fits${smallest === null ? '' : ` (${least} take ${inWords(smallest)})`}: ` +
        `use a smaller --image_size or --network bregnext${grant ? ', or grant more memory' : ''}`
      : `--batch_size ${advice} fits`;
  throw new InputError(
    `--batch_size ${size} at ${args.image_size} pixels needs ${wanted === null ? 'more than it can bind' : inWords(wanted)}, ` +
      `this adapter ${grants}: ${way}`,
  );
}

/** The largest buffer that is tried. */
const PIECE = 2 ** 29;

/** Whether a device has so many bytes now: buffers of them are made, and given back. */
async function canHold({ gpu, limits }: Device, bytes: number): Promise<boolean> {
  const piece = Math.min(PIECE, limits.maxBufferSize);
  const buffers: GPUBuffer[] = [];
  let [left, free] = [bytes, true];
  for (; left > 0 && free; left -= piece) {
    const size = Math.ceil(Math.min(left, piece) / 4) * 4;
    gpu.pushErrorScope('out-of-memory');
    buffers.push(gpu.createBuffer({ label: 'memory that is tried', size, usage: GPUBufferUsage.STORAGE }));
    free = (await gpu.popErrorScope()) === null;
  }
  for (const buffer of buffers) buffer.destroy();
  return free;
}

const inWords = (bytes: number): string =>
  bytes < 2 ** 30 ? `${Math.ceil(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
