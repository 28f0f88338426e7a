import { readdirSync } from 'node:fs';
import * as v8 from 'node:v8';
import { Tensor } from '../../src/autograd/tensor';
import { Device } from '../../src/device';

/** What a process holds once garbage is collected: by kind, a number. */
export type Held = Readonly<Record<string, number>>;

const WRAPPED = ['GPUDevice', 'GPUBuffer', 'GPUBindGroup', 'GPUComputePipeline', 'GPUCommandBuffer'];

/** Objects of classes of WebGPU and of this engine, open files, threads; and of memory, which no two collections leave the same, bytes. */
export async function held(): Promise<{ counts: Held; heap: number; rss: number }> {
  // What waits for the collector is done after a pause, and may leave more.
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((done) => setTimeout(done, 5));
  }
  const global = globalThis as unknown as Record<string, unknown>;
  const counts = { Device: objectsOf(Device), Tensor: objectsOf(Tensor) } as Record<string, number>;
  for (const name of WRAPPED) counts[name] = objectsOf(global[name]);
  for (const place of ['fd', 'task']) counts[place] = readdirSync(`/proc/self/${place}`).length;
  return { counts, heap: v8.getHeapStatistics().used_heap_size, rss: process.memoryUsage.rss() };
}

/** Node 20.13 has it; its types have not. */
const objectsOf = (c: unknown): number =>
  (v8 as unknown as { queryObjects(c: unknown, o: { format: 'count' }): number }).queryObjects(c, { format: 'count' });

/** The slope of the line through (0, y[0]), (1, y[1]), … with the least squares. */
export function slope(y: readonly number[]): number {
  const middle = (y.length - 1) / 2;
  let [above, below] = [0, 0];
  for (const [i, v] of y.entries()) {
    above += (i - middle) * v;
    below += (i - middle) ** 2;
  }
  return above / below;
}
