import { type Device, defineKernel, type Storage } from '../device';
import { vectorType } from './launch/matrix';
import { type Pass, passOver } from './launch/pass';
import planSource from './launch/plan.wgsl';
import partsSource from './parts.wgsl';
import source from './sum_parts.wgsl';
import allSource from './sum_parts_all.wgsl';

const kernel = defineKernel('sum_parts', partsSource, source);
const allKernel = defineKernel('sum_parts_all', partsSource, planSource, allSource);

/** A sum of `parts` arrays of `size` elements that lie one after the other, and whether what was there is kept. */
export interface PartedSum {
  readonly size: number;
  readonly parts: number;
  readonly accumulate: boolean;
}

/** Where parts may wait for those of other sums, to be added up in one launch. */
export interface PartsRoom {
  /** Memory for parts that are going to be added up before anybody reads or writes y; null where it has none for them. */
  take(y: Storage, sum: PartedSum): Storage | null;
}

const passOf = (device: Device, vectors: number): Pass => passOver(device, vectors, device.software ? 256 : 64);

/** y (+)= the sum of the arrays in `part`. */
export function sumParts(device: Device, part: Storage, y: Storage, { size, parts, accumulate }: PartedSum): void {
  const width = size % 4 === 0 ? 4 : 1;
  const { constants, workgroups } = passOf(device, size / width);
  device.dispatch(kernel, {
    buffers: { part, y },
    params: { size: size / width, parts, accumulate: accumulate ? 1 : 0 },
    constants: { ...constants, V: vectorType(width) },
    workgroups,
    label: `sum_parts:${parts}x${size}`,
  });
}

/** y (+)= the sum of the parts that `write` is to fill memory with: at once, or later where `room` takes them. */
export function addParts(
  device: Device,
  y: Storage,
  sum: PartedSum,
  room: PartsRoom | null,
  write: (part: Storage) => void,
): void {
  const waits = room?.take(y, sum) ?? null;
  const part = waits ?? device.alloc(sum.parts * sum.size * 4, 'parts');
  write(part);
  if (waits) return;
  sumParts(device, part, y, sum);
  device.free(part);
}

/** A sum of f32 by fours whose parts lie in one memory and whose result in another, from these bytes on. */
export interface Summand extends Omit<PartedSum, 'accumulate'> {
  readonly from: number;
  readonly to: number;
}

export interface SumsPlan {
  readonly words: Uint32Array;
  readonly sums: number;
  readonly workgroups: number;
  readonly bytes: number;
}

export function planSums(device: Device, summands: readonly Summand[]): SumsPlan {
  let [workgroups, bytes] = [0, 0];
  const words = summands.flatMap(({ from, to, size, parts }) => {
    const first = workgroups;
    workgroups += passOf(device, size / 4).count;
    bytes += 4 * size * (parts + 1);
    return [first, from / 16, to / 16, size / 4, parts];
  });
  return { words: Uint32Array.from(words), sums: summands.length, workgroups, bytes };
}

/** y (+)= all sums of a plan, in one launch. @param plan memory that holds its words */
export function sumAllParts(
  device: Device,
  { sums, workgroups, bytes }: SumsPlan,
  plan: Storage,
  part: Storage,
  y: Storage,
  accumulate: boolean,
): void {
  device.dispatch(allKernel, {
    buffers: { part, plan, y },
    params: { sums, accumulate: accumulate ? 1 : 0 },
    constants: { ...passOf(device, 0).constants, V: vectorType(4) },
    workgroups: [workgroups],
    label: `sum_parts_all:${sums}`,
    bytes,
  });
}
