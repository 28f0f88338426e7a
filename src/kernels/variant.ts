import type { Device } from '../device';

/**
 * How the matrix kernels are written for an adapter:
 * - `subgroup`: one subgroup a workgroup, operands broadcast in registers, large register tiles (drivers on a CPU);
 * - `tiled`: workgroup-memory tiles (GPUs);
 * - `plain`: registers only, runs anywhere.
 */
export type Variant = 'subgroup' | 'tiled' | 'plain';

export interface KernelChoice {
  readonly variant: Variant;
  /** Lanes of a subgroup (`subgroup`), else of a row of the workgroup. */
  readonly lanes: number;
}

const forced = new WeakMap<Device, Variant>();

/** Makes a device use one variant for all, as tests and benchmarks want. `null`: back to choosing by the adapter. */
export function forceVariant(device: Device, variant: Variant | null): void {
  if (variant === 'subgroup' && subgroupSize(device) === null)
    throw new Error('variant subgroup: this adapter has no subgroups of one known size');
  if (variant) forced.set(device, variant);
  else forced.delete(device);
}

/** The variants that this adapter can run. */
export function variantsOf(device: Device): Variant[] {
  return subgroupSize(device) === null ? ['tiled', 'plain'] : ['subgroup', 'tiled', 'plain'];
}

/** The one place that chooses. */
export function choose(device: Device): KernelChoice {
  const size = subgroupSize(device);
  const variant = forced.get(device) ?? (!device.software ? 'tiled' : size === null ? 'plain' : 'subgroup');
  return { variant, lanes: variant === 'subgroup' && size !== null ? size : 8 };
}

function subgroupSize(device: Device): number | null {
  const { subgroupMinSize: min, subgroupMaxSize: max } = device.info as {
    subgroupMinSize?: number;
    subgroupMaxSize?: number;
  };
  return device.features.has('subgroups') && min !== undefined && min === max && min >= 4 && min <= 32 ? min : null;
}

/** Lanes of a workgroup whose lanes own a column each: a CPU driver computes 8 at a time, a GPU 32 or more. */
export const columnLanes = (device: Device): number => (device.software ? 8 : 32);
