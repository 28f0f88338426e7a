import { MachineError } from '../../base/errors';

// Named outright, so that DAWNNODE_BACKEND cannot make Dawn answer with its null backend, which computes nothing.
const BACKEND: Partial<Record<NodeJS.Platform, string>> = { linux: 'vulkan', darwin: 'metal', win32: 'd3d12' };

const TOGGLES = [
  'disable-dawn-features=timestamp_quantization', // else kernels are timed in steps of 65 us
  'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia',
];

/**
 * The names of this machine's adapters, best first. Dawn tells them in the error for a name that does not exist.
 * @throws MachineError when Dawn itself cannot be loaded here
 */
export async function adapterNames(): Promise<string[]> {
  const gpu = await instance(['adapter=?']);
  try {
    await gpu.requestAdapter(BEST);
  } catch (e) {
    const lines = (e as Error).message.matchAll(/^ \* backend: '(.*)', name: '(.*)'$/gm);
    return [...lines].filter(([, backend]) => backend !== 'null').map(([, , name]) => name);
  }
  return [];
}

/** The adapter of this name, or the best one. Undefined when there is none. */
export async function adapterNamed(name?: string): Promise<GPUAdapter | undefined> {
  const gpu = await instance(name === undefined ? [] : [`adapter=${name}`]);
  const adapter = await gpu.requestAdapter(BEST);
  return adapter && adapter.info.device !== 'null-backend' ? adapter : undefined;
}

const BEST: GPURequestAdapterOptions = { powerPreference: 'high-performance' };

/**
 * Dawn looks for the Vulkan loader and its drivers once an instance, so one is made for each set of drivers. All of them
 * stay reachable from globalThis until the process ends: when V8 collects one, whatever was made from it crashes, and
 * a module's own variable does not prevent that.
 */
async function instance(options: string[]): Promise<GPU> {
  const holder = globalThis as typeof globalThis & { emotionGcnInstances?: Map<string, GPU> };
  holder.emotionGcnInstances ??= new Map();
  const instances = holder.emotionGcnInstances;
  const flags = [`backend=${BACKEND[process.platform] ?? 'vulkan'}`, ...TOGGLES, ...options];
  const key = `${flags.join(' ')} ${process.env.VK_DRIVER_FILES}`;
  const { create, globals } = await dawn();
  Object.assign(globalThis, globals);
  const gpu = instances.get(key) ?? create(flags);
  instances.set(key, gpu);
  return gpu;
}

async function dawn() {
  try {
    return await import('webgpu');
  } catch (e) {
    const reason = (e as Error).message.split('\n')[0];
    throw new MachineError(
      `the npm package webgpu does not load on this machine (${process.platform}-${process.arch}): ${reason}\n` +
        'It runs on Linux with glibc and libstdc++ (x64, arm64), macOS and Windows; run npm install again on this machine.',
    );
  }
}
