import { type Faults, makeBuffer } from './faults';
import { fold } from './fold';
import { type Constants, type Kernel, ParamWords } from './kernel';
import type { Memory } from './memory';
import { Pipelines } from './pipelines';
import { type Launch, type LaunchWork, Profiler } from './profiler';
import { Staging } from './staging';
import type { Storage } from './storage';
import { Uniforms } from './uniforms';
import { nudged, patiently } from './wait';

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

/** Launches that are submitted together: the first of those after a wait are fewer, so that the GPU begins while more are recorded. */
const DISPATCHES_A_SUBMIT = { first: 32, most: 256 };

/** The commands on their way to the GPU: recorded into one encoder, submitted by `flush`, by a read, and after 32, 64, 128, then every 256 dispatches. */
export class Recorder {
  private readonly pipelines: Pipelines;
  private readonly uniforms: Uniforms;
  private readonly staging: Staging;
  private profiler?: Profiler;
  private encoder?: GPUCommandEncoder;
  private pass?: GPUComputePassEncoder;
  private pending = 0;
  private together = DISPATCHES_A_SUBMIT.first;
  private counts = { buffers: 0, dispatches: 0, submits: 0 };
  /** What is launched, while somebody counts. */
  private noted?: LaunchWork[];
  private readonly params = new ParamWords();
  private readonly offset = new Uint32Array(1);

  constructor(
    private readonly gpu: GPUDevice,
    private readonly limits: Readonly<GPUSupportedLimits>,
    private readonly software: boolean,
    private readonly memory: Memory,
    private readonly faults: Faults,
  ) {
    this.uniforms = new Uniforms(gpu);
    this.pipelines = new Pipelines(
      gpu,
      (s) => this.bufferOf(s),
      (error) => this.faults.raise(error, true),
    );
    this.staging = new Staging(gpu, (error) => this.faults.raise(error, true));
  }

  dispatch(kernel: Kernel, launch: Launching): void {
    this.faults.refuseLost();
    const [x, y = 1, z = 1] = launch.workgroups;
    const most = this.limits.maxComputeWorkgroupsPerDimension;
    if (x > most || y > most || z > most) {
      const { params, ...folded } = fold(kernel, [x, y, z], most);
      const { workgroups } = folded;
      this.dispatch(folded.kernel, { ...launch, params: { ...launch.params, ...params }, workgroups });
      return;
    }
    for (const name in launch.buffers) {
      const s = launch.buffers[name];
      if (!s.alive) throw gone(s, `${kernel.name}: ${name}`);
    }
    if (x * y * z === 0) return;
    this.noted?.push(workOf(kernel, launch));
    if (this.memory.dry) {
      this.pipelines.want(kernel, launch.constants ?? {});
      return;
    }
    const pipeline = this.pipelines.pipeline(kernel, launch.constants ?? {});
    let slot: ReturnType<Uniforms['slot']> | undefined;
    if (kernel.fields.length > 0) {
      slot = this.uniforms.slot(this.params.encode(kernel, launch.params ?? {}));
    }
    const group = this.pipelines.bindGroup(kernel, pipeline, launch.buffers, slot);
    for (const b of kernel.bindings) if (b.type === 'storage') launch.buffers[b.name].block.writes++;
    if (this.profiler) {
      this.endPass();
      const work = workOf(kernel, launch);
      const timestampWrites = this.profiler.timestampWrites(work);
      this.pass = this.commands().beginComputePass({ label: work.label, timestampWrites });
    }
    this.pass ??= this.commands().beginComputePass();
    this.pass.setPipeline(pipeline.pipeline);
    if (slot) {
      this.offset[0] = slot.offset;
      this.pass.setBindGroup(0, group, this.offset, 0, 1);
    } else this.pass.setBindGroup(0, group);
    this.pass.dispatchWorkgroups(x, y, z);
    this.counts.dispatches++;
    if (++this.pending < this.together) return;
    this.flush();
    this.together = Math.min(2 * this.together, DISPATCHES_A_SUBMIT.most);
  }

  upload(to: Storage, data: Float32Array | Uint32Array | Int32Array | Uint8Array, offset: number): void {
    this.faults.refuseLost();
    if (!to.alive) throw gone(to, 'upload: the target');
    if (offset + data.byteLength > to.bytes)
      throw new Error(`${to.label}: ${data.byteLength} bytes at ${offset} do not fit ${to.bytes}`);
    if (data.byteLength === 0) return;
    this.noted?.push({ label: `memory.upload ${to.label}`, flop: 0, bytes: data.byteLength });
    if (this.memory.dry) return;
    to.block.writes++;
    const from = this.staging.put(data);
    this.endPass();
    this.commands().copyBufferToBuffer(from.buffer, from.offset, this.bufferOf(to), to.offset + offset, from.bytes);
  }

  copy(from: Storage, to: Storage, bytes: number, fromOffset: number, toOffset: number): void {
    this.faults.refuseLost();
    for (const s of [from, to]) if (!s.alive) throw gone(s, 'copy: an end');
    if (bytes === 0) return;
    this.noted?.push({ label: `memory.copy ${from.label}`, flop: 0, bytes: 2 * bytes });
    if (this.memory.dry) return;
    to.block.writes++;
    this.endPass();
    const [a, b] = [this.bufferOf(from), this.bufferOf(to)];
    this.commands().copyBufferToBuffer(a, from.offset + fromOffset, b, to.offset + toOffset, bytes);
  }

  clear(storage: Storage): void {
    this.faults.refuseLost();
    if (!storage.alive) throw gone(storage, 'clear: the target');
    this.noted?.push({ label: `memory.clear ${storage.label}`, flop: 0, bytes: storage.bytes });
    if (this.memory.dry) return;
    storage.block.writes++;
    this.endPass();
    this.commands().clearBuffer(this.bufferOf(storage), storage.offset, Math.ceil(storage.bytes / 4) * 4);
  }

  flush(): void {
    this.faults.check();
    if (this.encoder) {
      this.endPass();
      this.profiler?.resolve(this.encoder);
      this.gpu.queue.submit([this.encoder.finish()]);
      this.encoder = undefined;
      this.pending = 0;
      this.counts.submits++;
      this.staging.submitted();
    }
    this.memory.pool.submitted();
  }

  async readAll(storages: readonly Storage[]): Promise<ArrayBuffer[]> {
    const sizes = storages.map((s) => Math.ceil(s.bytes / 4) * 4);
    for (const s of storages)
      if (!s.alive)
        throw new Error(`${s.label} is gone (its step or backward ended): read it before, or return it from the step`);
    this.faults.refuseLost();
    if (this.memory.dry) throw new Error('nothing can be read in a dry run');
    this.faults.check();
    const total = sizes.reduce((a, b) => a + b, 0);
    const staging = this.staging.reader(total);
    this.endPass();
    let at = 0;
    storages.forEach((s, i) => {
      this.commands().copyBufferToBuffer(this.bufferOf(s), s.offset, staging, at, sizes[i]);
      at += sizes[i];
    });
    this.flush();
    this.together = DISPATCHES_A_SUBMIT.first;
    await this.waiting(staging.mapAsync(GPUMapMode.READ, 0, total));
    const all = staging.getMappedRange(0, total);
    at = 0;
    const out = storages.map((s, i) => {
      const part = all.slice(at, at + s.bytes);
      at += sizes[i];
      return part;
    });
    staging.unmap();
    this.staging.readDone(staging);
    await this.pipelines.settled();
    this.faults.check();
    return out;
  }

  async wait(): Promise<void> {
    this.flush();
    this.together = DISPATCHES_A_SUBMIT.first;
    await this.waiting(this.gpu.queue.onSubmittedWorkDone());
    await this.pipelines.settled();
    this.faults.check();
  }

  beginProfile(timestamps: boolean): void {
    this.flush();
    if (timestamps) this.profiler = new Profiler(this.gpu, DISPATCHES_A_SUBMIT.most);
  }

  async endProfile(): Promise<Launch[]> {
    const { profiler } = this;
    try {
      this.flush();
      return profiler ? await profiler.launches((p) => this.waiting(p)) : [];
    } finally {
      profiler?.destroy();
      this.profiler = undefined;
      this.faults.check();
    }
  }

  launchesOf(fn: () => void): LaunchWork[] {
    const [before, noted] = [this.noted, [] as LaunchWork[]];
    this.noted = noted;
    try {
      fn();
    } finally {
      this.noted = before;
    }
    return noted;
  }

  dryRun(fn: () => void): number {
    this.faults.refuseLost();
    this.pipelines.forgetWanted();
    return this.memory.dryRun(fn);
  }

  async prepare(): Promise<void> {
    this.faults.refuseLost();
    await this.waiting(this.pipelines.prepare());
  }

  /** What was made and done so far. */
  stats() {
    return {
      bindGroups: this.pipelines.bindGroups,
      pipelines: this.pipelines.count,
      uniformBytes: this.uniforms.bytes,
      ...this.counts,
      buffers: this.counts.buffers + this.staging.created,
    };
  }

  destroy(): void {
    this.uniforms.destroy();
    this.staging.destroy();
  }

  private waiting<T>(promise: Promise<T>): Promise<T> {
    return this.faults.waiting(patiently(nudged(promise, this.gpu.queue), this.software));
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
    const { block, label } = storage;
    if (block.buffer) return block.buffer;
    this.counts.buffers++;
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    block.buffer = makeBuffer(this.gpu, { label, size: block.size, usage }, (_, error) => {
      this.memory.pool.lose(block);
      this.faults.raise(error, true);
    });
    return block.buffer;
  }
}

const workOf = ({ name }: Kernel, { label = name, flop = 0, bytes, buffers }: Launching): LaunchWork => ({
  label,
  flop,
  bytes: bytes ?? Object.values(buffers).reduce((sum, s) => sum + s.bytes, 0),
});

const gone = (s: Storage, where: string): Error =>
  new Error(`${where} is ${s.label}, which is gone (its step or backward ended)`);
