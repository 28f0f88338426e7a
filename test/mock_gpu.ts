// A WebGPU device that computes nothing and checks everything: limits, ranges, usages, aliasing, lifetimes. What is copied is
// really copied at submit. It counts what was made and what is alive, runs out of memory, and can be lost.
import { Device } from '../src/device';
import { attend } from './attended';

export interface MockOptions {
  readonly limits?: Partial<Record<keyof GPUSupportedLimits, number>>;
  readonly features?: readonly GPUFeatureName[];
  /** Bytes of buffers before an out-of-memory error. */
  readonly memory?: number;
  readonly software?: boolean;
  /** The least and most lanes of a subgroup. */
  readonly subgroups?: readonly [number, number];
}

const LIMITS = {
  maxBufferSize: 2 ** 32,
  maxStorageBufferBindingSize: 2 ** 32 - 4,
  maxUniformBufferBindingSize: 65536,
  maxStorageBuffersPerShaderStage: 8,
  minStorageBufferOffsetAlignment: 256,
  minUniformBufferOffsetAlignment: 256,
  maxComputeWorkgroupsPerDimension: 65535,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 16384,
};

class GPUValidationError extends Error {}
class GPUOutOfMemoryError extends Error {}
class GPUPipelineError extends Error {}

/** One launch as it was submitted. */
export interface MockLaunch {
  readonly label: string;
  readonly workgroups: readonly [number, number, number];
}

/** A device over a mock, and the mock. A shader line that contains `#error TEXT` does not compile. */
export async function mockDevice(options: MockOptions = {}): Promise<{ device: Device; gpu: MockGpu }> {
  const gpu = new MockGpu(options);
  const [subgroupMinSize, subgroupMaxSize] = options.subgroups ?? [8, 8];
  const adapter = {
    limits: gpu.limits,
    features: gpu.features,
    info: { vendor: 'mock', architecture: 'mock', subgroupMinSize, subgroupMaxSize },
    requestDevice: async () => gpu,
  } as unknown as GPUAdapter;
  const device = await Device.create(adapter, { software: options.software });
  attend(gpu as unknown as GPUDevice);
  return { device, gpu };
}

export class MockGpu extends EventTarget {
  readonly limits: typeof LIMITS;
  readonly features: ReadonlySet<GPUFeatureName>;
  readonly created = { buffers: 0, bindGroups: 0, pipelines: 0, asyncPipelines: 0, submits: 0 };
  /** Buffers that nobody destroyed, and their bytes. */
  readonly alive = { buffers: 0, bytes: 0 };
  /** The most bytes that were alive at once. */
  peak = 0;
  readonly launches: MockLaunch[] = [];
  /** Errors as they were found; each also becomes an `uncapturederror`. */
  readonly errors: string[] = [];
  isLost = false;
  readonly lost: Promise<{ reason: string; message: string }>;
  private losing!: (info: { reason: string; message: string }) => void;
  private scopes: { filter: string; error: Error | null }[] = [];
  readonly buffers = new Set<MockBuffer>();

  constructor(private readonly options: MockOptions) {
    super();
    this.limits = { ...LIMITS, ...options.limits };
    this.features = new Set(options.features);
    this.lost = new Promise((done) => {
      this.losing = done;
    });
    for (const [name, flags] of Object.entries(GLOBALS)) {
      const holder = globalThis as unknown as Record<string, unknown>;
      holder[name] ??= flags;
    }
  }

  /** What a driver reset does. */
  lose(message = 'the driver was reset', reason = 'unknown'): void {
    this.isLost = true;
    this.losing({ reason, message });
  }

  destroy(): void {
    for (const b of [...this.buffers]) b.destroy();
    this.lose('destroyed', 'destroyed');
  }

  fail(message: string, Kind: typeof GPUValidationError = GPUValidationError): false {
    if (this.isLost) return false;
    this.errors.push(message);
    const scope = this.scopes.find((s) => s.filter === (Kind === GPUOutOfMemoryError ? 'out-of-memory' : 'validation'));
    if (scope) scope.error ??= new Kind(message);
    else
      queueMicrotask(() =>
        this.dispatchEvent(Object.assign(new Event('uncapturederror'), { error: new Kind(message) })),
      );
    return false;
  }

  check(condition: boolean, message: string): boolean {
    return condition || this.fail(message);
  }

  pushErrorScope(filter: string): void {
    this.scopes.unshift({ filter, error: null });
  }

  async popErrorScope(): Promise<Error | null> {
    return this.scopes.shift()?.error ?? null;
  }

  createBuffer(d: GPUBufferDescriptor): MockBuffer {
    this.created.buffers++;
    return new MockBuffer(this, d, this.options.memory ?? Number.POSITIVE_INFINITY);
  }

  createBindGroupLayout({ entries, label }: GPUBindGroupLayoutDescriptor): { entries: GPUBindGroupLayoutEntry[] } {
    const storage = [...entries].filter((e) => e.buffer?.type !== 'uniform').length;
    this.check(storage <= this.limits.maxStorageBuffersPerShaderStage, `${label}: ${storage} storage buffers`);
    return { entries: [...entries] };
  }

  createPipelineLayout({ bindGroupLayouts }: GPUPipelineLayoutDescriptor): unknown {
    return { group: [...bindGroupLayouts][0] };
  }

  createShaderModule({ code, label }: GPUShaderModuleDescriptor): MockShader {
    const shader = new MockShader(code, label ?? '');
    if (shader.messages.length > 0) this.fail(`${label}: ${shader.messages[0].message}`);
    return shader;
  }

  private pipeline({ layout, compute, label }: GPUComputePipelineDescriptor): MockPipeline {
    const module = compute.module as unknown as MockShader;
    const size = module.workgroupSize();
    const lanes = size.reduce((a, b) => a * b, 1);
    if (lanes > this.limits.maxComputeInvocationsPerWorkgroup || size[0] > this.limits.maxComputeWorkgroupSizeX)
      throw new GPUPipelineError(`${label}: a workgroup of ${size.join(' x ')}`);
    if (module.messages.length > 0) throw new GPUPipelineError(`${label}: ${module.messages[0].message}`);
    this.created.pipelines++;
    return { label: label ?? '', layout: (layout as unknown as { group: unknown }).group };
  }

  createComputePipeline(d: GPUComputePipelineDescriptor): MockPipeline | null {
    try {
      return this.pipeline(d);
    } catch (e) {
      this.fail((e as Error).message);
      return null;
    }
  }

  async createComputePipelineAsync(d: GPUComputePipelineDescriptor): Promise<MockPipeline> {
    await undefined;
    this.created.asyncPipelines++;
    return this.pipeline(d);
  }

  createBindGroup(d: GPUBindGroupDescriptor): MockGroup {
    this.created.bindGroups++;
    const layout = (d.layout as unknown as { entries: GPUBindGroupLayoutEntry[] }).entries;
    const entries = [...d.entries].map((e) => {
      const {
        buffer,
        offset = 0,
        size,
      } = e.resource as unknown as { buffer: MockBuffer; offset?: number; size: number };
      const like = layout.find((l) => l.binding === e.binding);
      const type = like?.buffer?.type ?? 'uniform';
      const most =
        type === 'uniform' ? this.limits.maxUniformBufferBindingSize : this.limits.maxStorageBufferBindingSize;
      const where = `${d.label} binding ${e.binding} (${buffer.label})`;
      const usage = type === 'uniform' ? USAGE.UNIFORM : USAGE.STORAGE;
      this.check(!!like, `${where}: not in the layout`);
      this.check(size > 0 && size % 4 === 0 && size <= most, `${where}: binds ${size} bytes`);
      this.check(offset % 256 === 0, `${where}: offset ${offset}`);
      this.check(offset + size <= buffer.size, `${where}: ${offset} + ${size} of ${buffer.size} bytes`);
      this.check((buffer.usage & usage) !== 0, `${where}: usage ${buffer.usage}`);
      return { buffer, offset, size, type, dynamic: like?.buffer?.hasDynamicOffset === true };
    });
    this.check(entries.length === layout.length, `${d.label}: ${entries.length} of ${layout.length} bindings`);
    return { layout, entries, label: d.label ?? '' };
  }

  createCommandEncoder(): MockEncoder {
    return new MockEncoder(this);
  }

  createQuerySet(): unknown {
    return { destroy() {} };
  }

  readonly queue = {
    writeBuffer: (to: MockBuffer, offset: number, data: ArrayBufferView, from = 0, size?: number) => {
      const unit = (data as Uint8Array).BYTES_PER_ELEMENT ?? 1;
      const bytes = size === undefined ? data.byteLength - from * unit : size * unit;
      const fits = offset % 4 === 0 && bytes % 4 === 0 && offset + bytes <= to.size;
      if (!this.check(fits, `writeBuffer: ${bytes} bytes at ${offset} of ${to.label}`)) return;
      if (!this.check(!to.destroyed, `writeBuffer to destroyed ${to.label}`) || this.isLost) return;
      to.content().set(new Uint8Array(data.buffer, data.byteOffset + from * unit, bytes), offset);
    },
    submit: (buffers: Commands[]) => {
      this.created.submits++;
      for (const { used, run } of buffers) {
        const bad = [...used].find((b) => b.destroyed || b.state !== 'unmapped');
        if (bad) this.fail(`submit: ${bad.label} is ${bad.destroyed ? 'destroyed' : 'mapped'}`);
        else if (!this.isLost) for (const command of run) command();
      }
    },
    onSubmittedWorkDone: async () => undefined,
  };
}

class MockBuffer {
  readonly size: number;
  readonly usage: number;
  readonly label: string;
  destroyed = false;
  state: 'unmapped' | 'pending' | 'mapped' = 'unmapped';
  private bytes?: Uint8Array;
  /** Bytes of the device's memory. */
  private takes: number;

  constructor(
    private readonly gpu: MockGpu,
    { size, usage, label }: GPUBufferDescriptor,
    memory: number,
  ) {
    this.size = size;
    this.takes = size;
    this.usage = usage;
    this.label = label ?? 'buffer';
    gpu.check(size <= gpu.limits.maxBufferSize, `${label}: a buffer of ${size} bytes`);
    if (gpu.alive.bytes + size > memory) {
      gpu.fail(`${label}: ${size} bytes`, GPUOutOfMemoryError);
      this.takes = 0;
    }
    gpu.buffers.add(this);
    gpu.alive.buffers++;
    gpu.alive.bytes += this.takes;
    gpu.peak = Math.max(gpu.peak, gpu.alive.bytes);
  }

  /** Its bytes, which are there from the first use on. */
  content(): Uint8Array {
    this.bytes ??= new Uint8Array(this.size);
    return this.bytes;
  }

  async mapAsync(_mode: number, offset = 0, size = this.size - offset): Promise<void> {
    this.gpu.check((this.usage & USAGE.MAP_READ) !== 0, `mapAsync of ${this.label}`);
    this.gpu.check(this.state === 'unmapped', `mapAsync of ${this.label}, which is ${this.state}`);
    this.gpu.check(
      offset % 8 === 0 && size % 4 === 0 && offset + size <= this.size,
      `mapAsync of ${size} at ${offset}`,
    );
    this.state = 'pending';
    await undefined;
    if (this.gpu.isLost || this.destroyed) {
      this.state = 'unmapped';
      throw Object.assign(new Error('the buffer was destroyed or the device lost before mapping was done'), {
        name: 'AbortError',
      });
    }
    this.state = 'mapped';
  }

  getMappedRange(offset = 0, size = this.size - offset): ArrayBuffer {
    if (this.state !== 'mapped') throw new Error(`${this.label} is not mapped`);
    const { buffer, byteOffset } = this.content();
    return (buffer as ArrayBuffer).slice(byteOffset + offset, byteOffset + offset + size);
  }

  unmap(): void {
    this.state = 'unmapped';
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.bytes = undefined;
    this.gpu.buffers.delete(this);
    this.gpu.alive.buffers--;
    this.gpu.alive.bytes -= this.takes;
  }
}

class MockShader {
  readonly messages: { type: 'error'; lineNum: number; linePos: number; message: string }[];

  constructor(
    private readonly code: string,
    readonly label: string,
  ) {
    this.messages = code.split('\n').flatMap((line, i) => {
      const at = line.indexOf('#error');
      return at < 0 ? [] : [{ type: 'error' as const, lineNum: i + 1, linePos: at + 1, message: line.slice(at + 7) }];
    });
  }

  async getCompilationInfo(): Promise<{ messages: MockShader['messages'] }> {
    return { messages: this.messages };
  }

  /** As its text says, by the constants in it; sizes that are computed count as 1. */
  workgroupSize(): number[] {
    const sizes = this.code.match(/@workgroup_size\(([^)]*)\)/)?.[1].split(',') ?? [];
    return sizes.map((s) => {
      const name = s.trim();
      const value = this.code.match(new RegExp(`const ${name}\\s*(?::\\s*u32)?\\s*=\\s*(\\d+)u?;`))?.[1] ?? name;
      return Number.parseInt(value, 10) || 1;
    });
  }
}

interface MockPipeline {
  readonly label: string;
  readonly layout: unknown;
}

interface MockGroup {
  readonly label: string;
  readonly layout: GPUBindGroupLayoutEntry[];
  readonly entries: { buffer: MockBuffer; offset: number; size: number; type: string; dynamic: boolean }[];
}

interface Commands {
  readonly used: Set<MockBuffer>;
  readonly run: (() => void)[];
}

class MockEncoder implements Commands {
  readonly used = new Set<MockBuffer>();
  readonly run: (() => void)[] = [];
  private state: 'open' | 'pass' | 'finished' = 'open';

  constructor(private readonly gpu: MockGpu) {}

  private want(state: MockEncoder['state'], what: string): void {
    this.gpu.check(this.state === state, `${what} on an encoder that is ${this.state}`);
  }

  beginComputePass({ label = 'pass' }: GPUComputePassDescriptor = {}): unknown {
    this.want('open', 'beginComputePass');
    this.state = 'pass';
    const { gpu } = this;
    let pipeline: MockPipeline | null = null;
    let group: MockGroup | null = null;
    return {
      setPipeline: (p: MockPipeline) => {
        pipeline = p;
      },
      setBindGroup: (_index: number, g: MockGroup, offsets?: Uint32Array, start = 0, length = 0) => {
        group = g;
        const dynamic = g.entries.filter((e) => e.dynamic);
        gpu.check(dynamic.length === length, `${g.label}: ${length} of ${dynamic.length} dynamic offsets`);
        dynamic.forEach((e, i) => {
          const at = offsets?.[start + i] ?? 0;
          gpu.check(at % 256 === 0 && e.offset + at + e.size <= e.buffer.size, `${g.label}: dynamic offset ${at}`);
        });
      },
      dispatchWorkgroups: (x: number, y = 1, z = 1) => {
        this.want('pass', 'dispatchWorkgroups');
        const name = pipeline?.label ?? label;
        const most = gpu.limits.maxComputeWorkgroupsPerDimension;
        gpu.check(
          [x, y, z].every((n) => n <= most),
          `${name}: ${x} x ${y} x ${z} workgroups`,
        );
        if (!pipeline || !group) return gpu.fail(`${name}: no pipeline or bind group`);
        const { entries, layout } = group;
        gpu.check(
          (pipeline.layout as { entries: unknown }).entries === layout,
          `${name}: bind group of another layout`,
        );
        for (const e of entries) this.used.add(e.buffer);
        for (const a of entries.filter((e) => e.type === 'storage'))
          for (const b of entries) {
            const apart = a.offset + a.size <= b.offset || b.offset + b.size <= a.offset;
            if (a !== b && a.buffer === b.buffer && !(b.type === 'storage' && apart))
              gpu.fail(`${name}: ${a.buffer.label} is written and bound twice`);
          }
        this.run.push(() => gpu.launches.push({ label: name, workgroups: [x, y, z] }));
      },
      end: () => {
        this.want('pass', 'end');
        this.state = 'open';
      },
    };
  }

  copyBufferToBuffer(from: MockBuffer, fromOffset: number, to: MockBuffer, toOffset: number, bytes: number): void {
    this.want('open', 'copyBufferToBuffer');
    const where = `copy of ${bytes} bytes from ${from.label} at ${fromOffset} to ${to.label} at ${toOffset}`;
    const aligned = [fromOffset, toOffset, bytes].every((n) => n % 4 === 0);
    const inside = fromOffset + bytes <= from.size && toOffset + bytes <= to.size;
    const usage = (from.usage & USAGE.COPY_SRC) !== 0 && (to.usage & USAGE.COPY_DST) !== 0;
    if (!this.gpu.check(aligned && inside && usage && from !== to, where)) return;
    this.used.add(from).add(to);
    this.run.push(() => to.content().set(from.content().subarray(fromOffset, fromOffset + bytes), toOffset));
  }

  clearBuffer(buffer: MockBuffer, offset = 0, size = buffer.size - offset): void {
    this.want('open', 'clearBuffer');
    const fits = offset % 4 === 0 && size % 4 === 0 && offset + size <= buffer.size;
    if (!this.gpu.check(fits, `clear of ${size} at ${offset} of ${buffer.label}`)) return;
    this.used.add(buffer);
    this.run.push(() => buffer.content().fill(0, offset, offset + size));
  }

  resolveQuerySet(): void {
    this.want('open', 'resolveQuerySet');
  }

  finish(): Commands {
    this.want('open', 'finish');
    this.state = 'finished';
    return this;
  }
}

const USAGE = { MAP_READ: 1, COPY_SRC: 4, COPY_DST: 8, UNIFORM: 64, STORAGE: 128, QUERY_RESOLVE: 512 };
const GLOBALS = { GPUBufferUsage: USAGE, GPUShaderStage: { COMPUTE: 4 }, GPUMapMode: { READ: 1, WRITE: 2 } };
