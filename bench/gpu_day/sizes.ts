// Which network, image and batch a part takes: the largest that its time allows at the adapter's speed.
import { InputError } from '../../src/base/errors';
import type { NetworkName } from '../../src/models';
import { count } from '../measure';

export interface Size {
  readonly network: NetworkName;
  readonly size: number;
  readonly batch: number;
}

/**
 * From what a GPU is for to what the slowest adapter does in a moment. gflop: of a training step, an image (`npm run bench -- step`);
 * compile: seconds, on a driver that computes on the CPU.
 */
const LADDER: readonly (Size & { gflop: number; compile: number })[] = [
  { network: 'densenet', size: 227, batch: 35, gflop: 17.3, compile: 15 },
  { network: 'densenet', size: 112, batch: 8, gflop: 4.3, compile: 15 },
  { network: 'densenet', size: 96, batch: 2, gflop: 3.2, compile: 15 },
  { network: 'denselite', size: 112, batch: 8, gflop: 0.3, compile: 5 },
  { network: 'denselite', size: 32, batch: 4, gflop: 0.03, compile: 5 },
];
/** Whole steps reach half of what a convolution does. */
const SLOW = 2;

export interface Speed {
  /** Of a convolution. */
  readonly gflops: number;
  readonly software: boolean;
}

/** The rungs that a part may take: all, those of the network that others have too, or those that leave time for a thousand steps. */
const RUNGS = {
  all: LADDER,
  densenet: LADDER.filter((s) => s.network === 'densenet'),
  'long run': LADDER.filter((s) => s.size < 227),
} as const;

/** The largest size of which `steps` steps take at most `seconds` at this speed; none: the smallest. */
export function sizeFor(
  { gflops, software }: Speed,
  seconds: number,
  steps: number,
  of: keyof typeof RUNGS = 'all',
): Size {
  const takes = ({ gflop, batch, compile }: (typeof LADDER)[number]): number =>
    (SLOW * steps * gflop * batch) / gflops + (software ? compile : 0);
  return RUNGS[of].find((rung) => takes(rung) <= seconds) ?? RUNGS[of][RUNGS[of].length - 1];
}

/** The options by which a size travels. */
export const SIZE_OPTIONS = {
  network: { type: 'string', default: 'densenet' },
  image_size: { type: 'string', default: '227' },
  batch: { type: 'string', default: '35' },
  seconds: { type: 'string', default: '60' },
  gpu: { type: 'string' },
} as const;

export const sizeArgs = ({ network, size, batch }: Size): string[] => [
  ...['--network', network, '--image_size', String(size), '--batch', String(batch)],
];

/** @throws InputError for numbers that are none */
export function sizeOf(values: { network: string; image_size: string; batch: string }): Size {
  const { network } = values;
  if (!LADDER.some((s) => s.network === network)) throw new InputError(`--network: no part takes ${network}`);
  return {
    network: network as NetworkName,
    size: count('image_size', values.image_size),
    batch: count('batch', values.batch),
  };
}
