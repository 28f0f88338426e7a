import { refuseAsync } from '../base/synchronous';
import { type DeviceLost, Faults } from './faults';
import type { Kernel } from './kernel';
import { Memory } from './memory';
import type { Pool } from './pool';
import type { Launch, LaunchWork } from './profiler';
import { type Launching, Recorder } from './recorder';
import type { Storage } from './storage';

export interface DeviceStats {
  /** Device memory in bytes: in use, held by the pool, and the most in use since `resetPeak`. */
  live: number;
  held: number;
  peak: number;
  /** What was created so far: a steady step adds to none of these. */
  buffers: number;
  bindGroups: number;
  pipelines: number;
  uniformBytes: number;
  dispatches: number;
  submits: number;
}

const OPTIONAL_FEATURES: GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query'];

/**
 * One GPU: its memory (memory.ts), its pipelines and the commands on their way to it (recorder.ts). Once it is lost or
 * destroyed every use throws DeviceLost.
 * @example
 * device.features.has('subgroups'); // of its adapter: true or false
 * const most = device.dryRun(() => zeros(device, [1024])); // bytes
 * most >= 4096; // true
 * device.lost.then(({ message }) => console.log(message)); // then open another, and load networks anew
 */
export class Device {
  readonly features: ReadonlySet<string>;
  readonly limits: Readonly<GPUSupportedLimits>;
  readonly info: Readonly<GPUAdapterInfo>;
  /** @internal */
  readonly pool: Pool;
  private readonly memory: Memory;
  private readonly recorder: Recorder;
  private readonly faults: Faults;
  private nothing: Storage | null = null;

  private constructor(
    readonly gpu: GPUDevice,
    adapter: GPUAdapter,
    readonly software: boolean,
  ) {
    this.features = new Set(gpu.features as ReadonlySet<string>);
    this.limits = plain(gpu.limits);
    this.info = plain(adapter.info);
    this.faults = new Faults(gpu);
    this.memory = new Memory(this.limits, () => this.flush());
    this.pool = this.memory.pool;
    this.recorder = new Recorder(gpu, this.limits, software, this.memory, this.faults);
  }

  /**
   * Opens the adapter with its real limits and whatever it has of `shader-f16`, `subgroups` and `timestamp-query`.
   * @param software true for a driver that computes on the CPU: it is waited for without spinning.
   */
  static async create(adapter: GPUAdapter, { software = false }: { software?: boolean } = {}): Promise<Device> {
    const l = adapter.limits;
    const gpu = await adapter.requestDevice({
      requiredFeatures: OPTIONAL_FEATURES.filter((f) => adapter.features.has(f)),
      requiredLimits: {
        maxBufferSize: l.maxBufferSize,
        maxStorageBufferBindingSize: l.maxStorageBufferBindingSize,
        maxComputeInvocationsPerWorkgroup: l.maxComputeInvocationsPerWorkgroup,
        maxComputeWorkgroupSizeX: l.maxComputeWorkgroupSizeX,
        maxComputeWorkgroupStorageSize: l.maxComputeWorkgroupStorageSize,
      },
    });
    return new Device(gpu, adapter, software);
  }

  /** Stands in for a read-only buffer that a kernel variant declares but does not use. */
  get none(): Storage {
    if (!this.nothing?.alive) this.nothing = this.persistent(() => this.alloc(256, 'none'));
    return this.nothing;
  }

  /**
   * Resolves once the device is gone, with the error that every later use throws: given back (`destroy`), or lost by itself, as when a driver
   * is reset or a browser takes the GPU away. What lay on it is gone too; another device can be opened.
   */
  get lost(): Promise<DeviceLost> {
    return this.faults.lost;
  }

  // ---- memory

  /**
   * Memory for a tensor. Inside `step` or `scope` it goes back to the pool when that ends, elsewhere when nothing refers
   * to it any more.
   * @internal
   * @throws MachineError when one binding cannot hold it, or the pool's budget is spent.
   */
  alloc(bytes: number, label: string): Storage {
    this.faults.refuseLost();
    return this.memory.alloc(bytes, label);
  }

  /**
   * Gives memory back now, once: it does nothing where the memory is another's by now. Later commands may use it for something else;
   * earlier ones still see this content. The memory of a range goes with the whole.
   */
  free(storage: Storage): void {
    this.memory.free(storage);
  }

  /**
   * Runs `fn` with allocations that outlive the current step: parameters, their gradients, optimizer state.
   * @throws Error for an async function.
   */
  persistent<T>(fn: () => T): T {
    refuseAsync('persistent', fn);
    return this.memory.persistent(fn);
  }

  /**
   * Runs `fn`; all that it allocated goes back to the pool at its end, but what it returns lives on (`kept` lists the
   * storages of the result; the whole of a range is kept with it). What was freed before the end stays freed.
   * @internal
   * @throws Error for an async function.
   */
  scope<T>(fn: () => T, kept: (result: T) => Iterable<Storage>): T {
    refuseAsync('scope', fn);
    return this.memory.scope(fn, kept);
  }

  /** True inside `step` or `scope`. @internal */
  get scoped(): boolean {
    return this.memory.scoped;
  }

  /**
   * Runs `fn` with nothing encoded and returns the most bytes that were in use: what a real run of it will need. It leaves no
   * trace: tensors, modules and optimizers are as before (see `rememberState`), also where it throws. What `fn` does to things of its
   * own stays. Nothing can be read: the promise of a read is rejected, which `fn` may return all the same.
   * @throws Error for an async function.
   */
  dryRun(fn: () => unknown): number {
    refuseAsync('dryRun', fn);
    return this.recorder.dryRun(() => {
      const result = fn();
      if (result instanceof Promise) result.catch(() => {});
    });
  }

  /**
   * Makes the pipelines that the last dry run would have used, side by side: what else each kernel's first launch does.
   * @throws Error naming file, line and text where a kernel does not compile
   */
  prepare(): Promise<void> {
    return this.recorder.prepare();
  }

  /** False inside a dry run: nothing is computed, and nothing can be read. */
  get computing(): boolean {
    return !this.memory.dry;
  }

  /**
   * To be called before state changes that outlives a dry run. In one, `save` takes down how `of` stands, the first time, and
   * what it returns puts that back at the end; otherwise nothing happens.
   */
  rememberState(of: object, save: () => () => void): void {
    this.memory.rememberState(of, save);
  }

  // ---- commands

  /** Records one kernel launch. Buffers are checked here; shapes are the caller's business. */
  dispatch(kernel: Kernel, launch: Launching): void {
    this.recorder.dispatch(kernel, launch);
  }

  /** Copies `data` into a tensor's memory, in order with the recorded commands. */
  upload(to: Storage, data: Float32Array | Uint32Array | Int32Array | Uint8Array, offset = 0): void {
    this.recorder.upload(to, data, offset);
  }

  /** Copies `bytes` (a multiple of 4) between memories that do not overlap. */
  copy(from: Storage, to: Storage, bytes = from.bytes, fromOffset = 0, toOffset = 0): void {
    this.recorder.copy(from, to, bytes, fromOffset, toOffset);
  }

  /** Fills memory with zeros. */
  clear(storage: Storage): void {
    this.recorder.clear(storage);
  }

  /** Submits what was recorded. */
  flush(): void {
    this.recorder.flush();
  }

  /** Reads memory back. @internal */
  async read(storage: Storage): Promise<ArrayBuffer> {
    return (await this.readAll([storage]))[0];
  }

  /**
   * Reads several memories back in one copy. The copies are recorded and submitted at once, so what happens to the
   * memories later does not matter; only the returned promise waits for the GPU.
   * @internal
   */
  readAll(storages: readonly Storage[]): Promise<ArrayBuffer[]> {
    return this.recorder.readAll(storages);
  }

  /** Submits and waits until the GPU has done everything. */
  wait(): Promise<void> {
    return this.recorder.wait();
  }

  /** Runs `fn` with every launch timed (on adapters with `timestamp-query`) and returns the launches. */
  async profile(fn: () => void): Promise<Launch[]> {
    refuseAsync('profile', fn);
    this.beginProfile();
    try {
      fn();
    } catch (error) {
      await this.endProfile();
      throw error;
    }
    return this.endProfile();
  }

  /** From here on every launch is timed, on adapters with `timestamp-query`. */
  beginProfile(): void {
    this.recorder.beginProfile(this.features.has('timestamp-query'));
  }

  /** Submits and waits, and returns the launches since `beginProfile`, in order: none where there are no timestamps. */
  endProfile(): Promise<Launch[]> {
    return this.recorder.endProfile();
  }

  /**
   * Runs `fn` and returns what it launches, in order, in a dry run too. Commands that are no kernels are among it:
   * `memory.upload`, `memory.copy` and `memory.clear`, each before what they are of.
   * @throws Error for an async function.
   */
  launchesOf(fn: () => void): LaunchWork[] {
    refuseAsync('launchesOf', fn);
    return this.recorder.launchesOf(fn);
  }

  stats(): DeviceStats {
    const { live, held, peak } = this.pool.stats();
    return { live, held, peak, ...this.recorder.stats() };
  }

  /** Gives the GPU back. Every later use throws DeviceLost. */
  destroy(): void {
    this.faults.close();
    this.pool.destroy();
    this.recorder.destroy();
    this.gpu.destroy();
  }
}

/** A copy as a plain object: a driver's own answers through a getter that costs a microsecond. */
function plain<T extends object>(of: T): T {
  const copy: Record<string, unknown> = {};
  for (const name in of) copy[name] = of[name];
  return copy as T;
}
