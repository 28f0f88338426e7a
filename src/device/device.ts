import { MachineError } from '../base/errors';
import { type Constants, type Kernel, ParamWords } from './kernel';
import { Pipelines } from './pipelines';
import { Pool } from './pool';
import { type Launch, Profiler } from './profiler';
import { Staging } from './staging';
import { Storage } from './storage';
import { Uniforms } from './uniforms';
import { patiently } from './wait';

/** What a kernel launch needs. `buffers` and `params` are keyed by the names in the WGSL. */
export interface Launching {
  readonly buffers: Readonly<Record<string, Storage>>;
  readonly params?: Readonly<Record<string, number>>;
  readonly constants?: Constants;
  readonly workgroups: readonly [number, number?, number?];
  /** For profiles and driver messages: an op, then a shape, e.g. `conv2d.forward 3x3 128>32 8x28x28`. */
  readonly label?: string;
  /** For profiles: operations (a multiply-add is two), and bytes read and written at least. Default: all that is bound. */
  readonly flop?: number;
  readonly bytes?: number;
}

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
const DISPATCHES_A_SUBMIT = 256;

/**
 * One GPU: its memory, its pipelines and the commands on their way to it. Commands are recorded into one encoder and
 * submitted by `flush`, by a read, and every 256 dispatches.
 */
export class Device {
  readonly features: ReadonlySet<string>;
  readonly limits: Readonly<GPUSupportedLimits>;
  readonly info: Readonly<GPUAdapterInfo>;
  readonly pool = new Pool();
  /** Stands in for a read-only buffer that a kernel variant declares but does not use. */
  readonly none: Storage;
  /** While true nothing is encoded: memory is counted, nothing computed. See `dryRun`. */
  private dry = false;
  private readonly pipelines: Pipelines;
  private readonly uniforms: Uniforms;
  private readonly staging: Staging;
  private readonly scopes: Storage[][] = [];
  private readonly abandoned = new FinalizationRegistry<Storage>((s) => this.free(s));
  private profiler?: Profiler;
  private encoder?: GPUCommandEncoder;
  private pass?: GPUComputePassEncoder;
  private pending = 0;
  private error?: Error;
  private counts = { buffers: 0, dispatches: 0, submits: 0 };
  private readonly params = new ParamWords();
  private readonly offset = new Uint32Array(1);

  private constructor(
    readonly gpu: GPUDevice,
    adapter: GPUAdapter,
    readonly software: boolean,
  ) {
    this.features = new Set(gpu.features as ReadonlySet<string>);
    this.limits = plain(gpu.limits);
    this.info = plain(adapter.info);
    this.uniforms = new Uniforms(gpu);
    this.pipelines = new Pipelines(gpu, (s) => this.bufferOf(s));
    this.staging = new Staging(gpu);
    this.none = this.alloc(256, 'none');
    gpu.addEventListener('uncapturederror', (e) => {
      const { error } = e as GPUUncapturedErrorEvent;
      const full = error.constructor.name === 'GPUOutOfMemoryError';
      this.error ??= full
        ? new MachineError(`the GPU is out of memory: use a smaller batch or image size (${error.message})`)
        : new Error(error.message);
    });
    gpu.lost.then((l) => {
      if (l.reason !== 'destroyed') this.error ??= new MachineError(`the GPU was lost: ${l.message}`);
    });
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

  // ---- memory

  /**
   * Memory for a tensor. Inside `step` or `scope` it goes back to the pool when that ends, elsewhere when nothing refers
   * to it any more.
   * @throws MachineError when one binding cannot hold it, or the pool's budget is spent.
   */
  alloc(bytes: number, label: string): Storage {
    const limit = this.limits.maxStorageBufferBindingSize;
    if (bytes > limit)
      throw new MachineError(
        `${label} needs ${bytes} bytes, this adapter binds at most ${limit}: use a smaller batch or image size`,
      );
    const storage = new Storage(this.pool.acquire(bytes, label), 0, bytes, label);
    const scope = this.scopes.at(-1);
    if (scope) scope.push(storage);
    else this.watch(storage);
    return storage;
  }

  /**
   * Gives memory back now. Later commands may use it for something else; earlier ones still see this content. The memory
   * of a range goes with the whole.
   */
  free(storage: Storage): void {
    if (!storage.alive) return;
    storage.alive = false;
    if (storage.whole) return;
    this.abandoned.unregister(storage);
    this.pool.release(storage.block);
  }

  /** Runs `fn` with allocations that outlive the current step: parameters, their gradients, optimizer state. */
  persistent<T>(fn: () => T): T {
    const scopes = this.scopes.splice(0);
    try {
      return fn();
    } finally {
      this.scopes.push(...scopes);
    }
  }

  /**
   * Runs `fn`; all that it allocated goes back to the pool at its end, but what it returns lives on (`kept` lists the
   * storages of the result).
   */
  scope<T>(fn: () => T, kept: (result: T) => Iterable<Storage>): T {
    const mine: Storage[] = [];
    this.scopes.push(mine);
    let survivors = new Set<Storage>();
    try {
      const result = fn();
      survivors = new Set(kept(result));
      return result;
    } finally {
      this.scopes.pop();
      for (const s of mine) {
        if (!survivors.has(s)) this.free(s);
        else if (this.scopes.length > 0) this.scopes.at(-1)?.push(s);
        else this.watch(s);
      }
    }
  }

  /** True inside `step` or `scope`. */
  get scoped(): boolean {
    return this.scopes.length > 0;
  }

  /**
   * Runs `fn` with nothing encoded and no state touched and returns the most bytes that were in use: what a real run of it
   * will need.
   */
  dryRun(fn: () => void): number {
    if (this.dry) throw new Error('dryRun inside dryRun');
    this.flush();
    this.dry = true;
    this.pool.resetPeak();
    try {
      this.scope(fn, () => []);
      return this.pool.stats().peak;
    } finally {
      this.dry = false;
      this.pool.trim();
      this.pool.resetPeak();
    }
  }

  /** False inside a dry run: whoever changes state outside the device should not. */
  get computing(): boolean {
    return !this.dry;
  }

  private watch(storage: Storage): void {
    // The registry must not hold the storage itself: a twin carries what `free` needs.
    const twin = new Storage(storage.block, storage.offset, storage.bytes, storage.label);
    this.abandoned.register(storage, twin, storage);
  }

  // ---- commands

  /** Records one kernel launch. Buffers are checked here; shapes are the caller's business. */
  dispatch(kernel: Kernel, launch: Launching): void {
    const [x, y = 1, z = 1] = launch.workgroups;
    const most = this.limits.maxComputeWorkgroupsPerDimension;
    if (x > most || y > most || z > most)
      throw new Error(`${kernel.name}: ${x} x ${y} x ${z} workgroups, at most ${most} a dimension`);
    for (const name in launch.buffers) {
      const s = launch.buffers[name];
      if (!s.alive)
        throw new Error(`${kernel.name}: ${name} is ${s.label}, which is gone (its step or backward ended)`);
    }
    if (this.dry || x * y * z === 0) return;
    const pipeline = this.pipelines.pipeline(kernel, launch.constants ?? {});
    let slot: ReturnType<Uniforms['slot']> | undefined;
    if (kernel.fields.length > 0) {
      slot = this.uniforms.slot(this.params.encode(kernel, launch.params ?? {}));
    }
    const group = this.pipelines.bindGroup(kernel, pipeline, launch.buffers, slot);
    const label = launch.label ?? kernel.name;
    if (this.profiler) {
      this.endPass();
      const timestampWrites = this.profiler.timestampWrites({
        label,
        flop: launch.flop ?? 0,
        bytes: launch.bytes ?? Object.values(launch.buffers).reduce((sum, s) => sum + s.bytes, 0),
      });
      this.pass = this.commands().beginComputePass({ label, timestampWrites });
    }
    this.pass ??= this.commands().beginComputePass();
    this.pass.setPipeline(pipeline.pipeline);
    if (slot) {
      this.offset[0] = slot.offset;
      this.pass.setBindGroup(0, group, this.offset, 0, 1);
    } else this.pass.setBindGroup(0, group);
    this.pass.dispatchWorkgroups(x, y, z);
    this.counts.dispatches++;
    if (++this.pending >= DISPATCHES_A_SUBMIT) this.flush();
  }

  /** Copies `data` into a tensor's memory, in order with the recorded commands. */
  upload(to: Storage, data: Float32Array | Uint32Array | Int32Array | Uint8Array, offset = 0): void {
    if (offset + data.byteLength > to.bytes)
      throw new Error(`${to.label}: ${data.byteLength} bytes at ${offset} do not fit ${to.bytes}`);
    if (this.dry || data.byteLength === 0) return;
    const from = this.staging.put(data);
    this.endPass();
    this.commands().copyBufferToBuffer(from.buffer, from.offset, this.bufferOf(to), to.offset + offset, from.bytes);
  }

  /** Copies `bytes` (a multiple of 4) between memories that do not overlap. */
  copy(from: Storage, to: Storage, bytes = from.bytes, fromOffset = 0, toOffset = 0): void {
    if (this.dry || bytes === 0) return;
    this.endPass();
    const [a, b] = [this.bufferOf(from), this.bufferOf(to)];
    this.commands().copyBufferToBuffer(a, from.offset + fromOffset, b, to.offset + toOffset, bytes);
  }

  /** Fills memory with zeros. */
  clear(storage: Storage): void {
    if (this.dry) return;
    this.endPass();
    this.commands().clearBuffer(this.bufferOf(storage), storage.offset, Math.ceil(storage.bytes / 4) * 4);
  }

  /** Submits what was recorded. */
  flush(): void {
    this.check();
    if (!this.encoder) return;
    this.endPass();
    this.profiler?.resolve(this.encoder);
    this.gpu.queue.submit([this.encoder.finish()]);
    this.encoder = undefined;
    this.pending = 0;
    this.counts.submits++;
    this.staging.submitted();
  }

  /** Reads memory back. */
  async read(storage: Storage): Promise<ArrayBuffer> {
    return (await this.readAll([storage]))[0];
  }

  /**
   * Reads several memories back in one copy. The copies are recorded and submitted at once, so what happens to the
   * memories later does not matter; only the returned promise waits for the GPU.
   */
  async readAll(storages: readonly Storage[]): Promise<ArrayBuffer[]> {
    const sizes = storages.map((s) => Math.ceil(s.bytes / 4) * 4);
    for (const s of storages)
      if (!s.alive)
        throw new Error(`${s.label} is gone (its step or backward ended): read it before, or return it from the step`);
    if (this.dry) throw new Error('nothing can be read in a dry run');
    const total = sizes.reduce((a, b) => a + b, 0);
    const staging = this.staging.reader(total);
    this.endPass();
    let at = 0;
    storages.forEach((s, i) => {
      this.commands().copyBufferToBuffer(this.bufferOf(s), s.offset, staging, at, sizes[i]);
      at += sizes[i];
    });
    this.flush();
    await patiently(staging.mapAsync(GPUMapMode.READ, 0, total), this.software);
    const all = staging.getMappedRange(0, total);
    at = 0;
    const out = storages.map((s, i) => {
      const part = all.slice(at, at + s.bytes);
      at += sizes[i];
      return part;
    });
    staging.unmap();
    this.staging.readDone(staging);
    this.check();
    return out;
  }

  /** Submits and waits until the GPU has done everything. */
  async wait(): Promise<void> {
    this.flush();
    await patiently(this.gpu.queue.onSubmittedWorkDone(), this.software);
    this.check();
  }

  /** Runs `fn` with every launch timed (on adapters with `timestamp-query`) and returns the launches. */
  async profile(fn: () => void): Promise<Launch[]> {
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
    this.flush();
    if (this.features.has('timestamp-query')) this.profiler = new Profiler(this.gpu, DISPATCHES_A_SUBMIT);
  }

  /** Submits and waits, and returns the launches since `beginProfile`, in order: none where there are no timestamps. */
  async endProfile(): Promise<Launch[]> {
    const { profiler } = this;
    try {
      this.flush();
      return profiler ? await profiler.launches((p) => patiently(p, this.software)) : [];
    } finally {
      profiler?.destroy();
      this.profiler = undefined;
      this.check();
    }
  }

  stats(): DeviceStats {
    const { live, held, peak } = this.pool.stats();
    return {
      live,
      held,
      peak,
      bindGroups: this.pipelines.bindGroups,
      pipelines: this.pipelines.count,
      uniformBytes: this.uniforms.bytes,
      ...this.counts,
      buffers: this.counts.buffers + this.staging.created,
    };
  }

  /** Gives the GPU back. Nothing of this device can be used afterwards. */
  destroy(): void {
    this.pool.destroy();
    this.uniforms.destroy();
    this.staging.destroy();
    this.gpu.destroy();
  }

  // ---- inside

  private check(): void {
    if (!this.error) return;
    const error = this.error;
    this.error = undefined;
    throw error;
  }

  private commands(): GPUCommandEncoder {
    this.encoder ??= this.gpu.createCommandEncoder();
    return this.encoder;
  }

  private endPass(): void {
    this.pass?.end();
    this.pass = undefined;
  }

  private bufferOf(storage: Storage): GPUBuffer {
    const block = storage.block;
    if (!block.buffer) {
      this.counts.buffers++;
      block.buffer = this.gpu.createBuffer({
        label: storage.label,
        size: block.size,
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      });
    }
    return block.buffer;
  }
}

/** A copy as a plain object: a driver's own answers through a getter that costs a microsecond. */
function plain<T extends object>(of: T): T {
  const copy: Record<string, unknown> = {};
  for (const name in of) copy[name] = of[name];
  return copy as T;
}
