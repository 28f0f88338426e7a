// What the tests have a browser do, by name, with arguments and results that can be copied: a page and a Web Worker load it alike.
import { openDevice } from '../../src/browser';
import { Device } from '../../src/device';
import { judgeBytes, line, passed } from '../goldens/run';

const fetched = async (url: string): Promise<Uint8Array> => {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
};

/** A device that has no more than WebGPU promises everywhere: its default limits, and no feature besides. */
async function leastDevice(): Promise<Device> {
  const request = async () => (await navigator.gpu.requestAdapter()) as GPUAdapter;
  const { limits } = await (await request()).requestDevice();
  const adapter = await request();
  return Device.create({
    limits,
    features: new Set(),
    info: adapter.info,
    requestDevice: (descriptor: GPUDeviceDescriptor) => adapter.requestDevice(descriptor),
  } as unknown as GPUAdapter);
}

const tasks = {
  /** The lines of golden files, each with its time in ms. */
  async goldens(files: readonly string[]) {
    const device = await leastDevice();
    const verdicts = [];
    for (const file of files) {
      const start = performance.now();
      const verdict = await judgeBytes(file, await fetched(file), { device });
      verdicts.push({
        line: verdict ? line(verdict) : `${file}: compared by no golden`,
        passed: verdict !== null && passed(verdict),
        ms: performance.now() - start,
      });
    }
    device.destroy();
    return verdicts;
  },
  openDevice,
};

export type Tasks = typeof tasks;
Object.assign(globalThis, { tasks });

if (typeof window === 'undefined')
  addEventListener('message', async ({ data: [name, ...args] }: MessageEvent<[keyof Tasks, ...unknown[]]>) => {
    const task = tasks[name] as (...args: unknown[]) => Promise<unknown>;
    postMessage(
      await task(...args).then(
        (result) => ({ result }),
        (error) => ({ error: String(error?.stack ?? error) }),
      ),
    );
  });
