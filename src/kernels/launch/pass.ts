import type { Device, Storage } from '../../device';
import { ceilDiv } from './ceil_div';

/** How a pass over long memory is cut: into workgroups of LANES lanes, of which each takes EACH vectors, LANES apart. */
export interface Pass {
  readonly constants: { readonly LANES: number; readonly EACH: number };
  readonly count: number;
  readonly workgroups: [number];
}

const VECTORS_A_WORKGROUP = 1024;

/**
 * A pass over `size` vectors. A driver on a CPU runs the lanes of a workgroup eight at a time, one batch after the other, so
 * there eight lanes walk straight through memory (4 times faster than 64), on a GPU 64 do.
 * @param each vectors a workgroup, a multiple of 64: fewer where a vector is much work
 */
export function passOver(device: Device, size: number, each = VECTORS_A_WORKGROUP): Pass {
  const LANES = device.software ? 8 : 64;
  const count = ceilDiv(size, each);
  return { constants: { LANES, EACH: each / LANES }, count, workgroups: [count] };
}

/** A pass over a memory, whose workgroups' results begin at `first`. */
export interface PartialPass extends Pass {
  readonly memory: Storage;
  readonly first: number;
}

/** Passes over memories, in vectors of four numbers, with a result a workgroup: `parts` in all, memory after memory. */
export function passesOver(device: Device, memories: readonly Storage[]): { passes: PartialPass[]; parts: number } {
  let parts = 0;
  const passes = memories.map((memory): PartialPass => {
    const pass = passOver(device, ceilDiv(memory.bytes, 16));
    const first = parts;
    parts += pass.count;
    return { ...pass, memory, first };
  });
  return { passes, parts };
}
