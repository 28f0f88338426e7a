import { type Constants, explain, type Kernel, specialise } from './kernel';
import { BOUND, type Storage } from './storage';
import { Trie } from './trie';
import type { UniformSlot } from './uniforms';

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Why it is none. */
  error?: Error;
}

interface Wanted {
  readonly kernel: Kernel;
  readonly constants: Constants;
}

/** A generation of bind groups: more than a steady step has launches. */
const GENERATION = 8192;

/**
 * Pipelines by kernel and constants, each made once; bind groups by pipeline and memory. Of those the ones that were wanted lately
 * are kept, in two generations: what memory that is gone had leaves with the older.
 */
export class Pipelines {
  /** By kernel, then names and values of the constants. */
  private readonly made = new Trie<Pipeline>();
  /** By pipeline, the uniforms' page and the place of every buffer, in the bindings' order. */
  private young = new Trie<GPUBindGroup>();
  private old = new Trie<GPUBindGroup>();
  private youngGroups = 0;
  private readonly wanted = new Map<Trie<Pipeline>, Wanted>();
  private readonly checks = new Set<Promise<void>>();
  /** Made so far. */
  count = 0;
  bindGroups = 0;

  constructor(
    private readonly gpu: GPUDevice,
    private readonly bufferOf: (storage: Storage) => GPUBuffer,
    /** Told what turned out later: why a kernel does not compile. */
    private readonly raise: (error: Error) => void,
  ) {}

  /** @throws Error when it is known that the kernel does not compile. */
  pipeline(kernel: Kernel, constants: Constants): Pipeline {
    const place = this.placeOf(kernel, constants);
    place.value ??= this.make(kernel, constants);
    if (place.value.error) throw place.value.error;
    return place.value;
  }

  /** Notes a pipeline that a dry run would have used, for `prepare`. */
  want(kernel: Kernel, constants: Constants): void {
    const place = this.placeOf(kernel, constants);
    if (!place.value) this.wanted.set(place, { kernel, constants });
  }

  /** Another dry run begins. */
  forgetWanted(): void {
    this.wanted.clear();
  }

  /** Makes all that is wanted, side by side. @throws Error with file, line and text where one does not compile. */
  async prepare(): Promise<void> {
    const wanted = [...this.wanted];
    this.wanted.clear();
    const made = wanted.map(async ([place, { kernel, constants }]) => {
      const pipeline = await this.makeAside(kernel, constants);
      place.value ??= pipeline;
    });
    for (const result of await Promise.allSettled(made)) if (result.status === 'rejected') throw result.reason;
  }

  /** Waits until it is known of every pipeline whether it compiles. */
  async settled(): Promise<void> {
    while (this.checks.size > 0) await Promise.all(this.checks);
  }

  private placeOf(kernel: Kernel, constants: Constants): Trie<Pipeline> {
    let place = this.made.at(kernel);
    for (const name in constants) place = place.at(name).at(constants[name]);
    return place;
  }

  /** @throws Error when a buffer is missing, or one launch would write memory that it also binds elsewhere. */
  bindGroup(
    kernel: Kernel,
    pipeline: Pipeline,
    buffers: Readonly<Record<string, Storage>>,
    slot: UniformSlot | undefined,
  ): GPUBindGroup {
    let place = this.young.at(pipeline).at(slot?.page);
    for (const b of kernel.bindings) {
      if (b.type === 'uniform') continue;
      const s = buffers[b.name];
      if (!s) throw new Error(`kernel ${kernel.name}: no buffer for ${b.name}`);
      place = place.at(s.place);
    }
    return place.value ?? this.enter(place, kernel, pipeline, buffers, slot);
  }

  /** Fills a new place among the young: with the old generation's bind group, or a new one. */
  private enter(
    place: Trie<GPUBindGroup>,
    kernel: Kernel,
    pipeline: Pipeline,
    buffers: Readonly<Record<string, Storage>>,
    slot: UniformSlot | undefined,
  ): GPUBindGroup {
    let before = this.old.find(pipeline)?.find(slot?.page);
    for (const b of kernel.bindings) if (b.type !== 'uniform') before = before?.find(buffers[b.name].place);
    const group = before?.value ?? this.makeGroup(kernel, pipeline, buffers, slot);
    place.value = group;
    if (++this.youngGroups === GENERATION) {
      this.old = this.young;
      this.young = new Trie();
      this.youngGroups = 0;
    }
    return group;
  }

  private makeGroup(
    kernel: Kernel,
    { layout }: Pipeline,
    buffers: Readonly<Record<string, Storage>>,
    slot: UniformSlot | undefined,
  ): GPUBindGroup {
    refuseAliases(kernel, buffers);
    this.bindGroups++;
    return this.gpu.createBindGroup({
      label: kernel.name,
      layout,
      entries: kernel.bindings.map((b) => {
        if (b.type === 'uniform')
          return { binding: b.index, resource: { buffer: slot?.buffer as GPUBuffer, size: 256 } };
        const s = buffers[b.name];
        const size = Math.ceil(s.bytes / BOUND) * BOUND;
        return { binding: b.index, resource: { buffer: this.bufferOf(s), offset: s.offset, size } };
      }),
    });
  }

  /** At once. That it does not compile is told later: by `raise`, and to whoever wants it again. */
  private make(kernel: Kernel, constants: Constants): Pipeline {
    this.gpu.pushErrorScope('validation');
    const { code, layout, descriptor } = this.describe(kernel, constants);
    const made: Pipeline = { pipeline: this.gpu.createComputePipeline(descriptor), layout };
    const check = this.gpu
      .popErrorScope()
      .then(async (error) => {
        if (!error) return;
        made.error = await whyNot(kernel, code, descriptor, error.message);
        this.raise(made.error);
      })
      .catch(() => {}) // the device is gone, which others say
      .finally(() => this.checks.delete(check));
    this.checks.add(check);
    this.count++;
    return made;
  }

  /** Beside others, by the driver's own threads. */
  private async makeAside(kernel: Kernel, constants: Constants): Promise<Pipeline> {
    this.gpu.pushErrorScope('validation');
    const { code, layout, descriptor } = this.describe(kernel, constants);
    const invalid = this.gpu.popErrorScope();
    try {
      const pipeline = await this.gpu.createComputePipelineAsync(descriptor);
      this.count++;
      return { pipeline, layout };
    } catch (error) {
      throw await whyNot(kernel, code, descriptor, (error as Error).message);
    } finally {
      await invalid.catch(() => null); // says the same of the module alone
    }
  }

  private describe(kernel: Kernel, constants: Constants) {
    const label = `${kernel.name} ${JSON.stringify(constants)}`;
    const code = specialise(kernel, constants);
    const layout = this.gpu.createBindGroupLayout({
      label,
      entries: kernel.bindings.map((b) => ({
        binding: b.index,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: b.type, hasDynamicOffset: b.type === 'uniform' },
      })),
    });
    const descriptor: GPUComputePipelineDescriptor = {
      label,
      layout: this.gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: this.gpu.createShaderModule({ label, code }), entryPoint: 'main' },
    };
    return { code, layout, descriptor };
  }
}

/** Why a kernel has no pipeline: what the compiler says of its text, or else what the device says. */
async function whyNot(
  kernel: Kernel,
  code: string,
  { compute: { module } }: GPUComputePipelineDescriptor,
  message: string,
): Promise<Error> {
  const { messages } = await module.getCompilationInfo();
  const errors = messages.filter((m) => m.type === 'error');
  return errors.length > 0
    ? explain(kernel, code, errors)
    : new Error(`kernel ${kernel.name} makes no pipeline: ${message}`);
}

/** WebGPU forbids what is checked here, but says so later, without a name, and drops all commands that it came with. */
function refuseAliases(kernel: Kernel, buffers: Readonly<Record<string, Storage>>): void {
  const bound = kernel.bindings.filter((b) => b.type !== 'uniform');
  for (const written of bound.filter((b) => b.type === 'storage')) {
    const to = buffers[written.name];
    for (const other of bound) {
      const from = buffers[other.name];
      if (other === written || from.block !== to.block) continue;
      const apart = from.offset + from.bytes <= to.offset || to.offset + to.bytes <= from.offset;
      if (other.type === 'storage' && apart) continue;
      throw new Error(
        `${kernel.name}: ${written.name} (${to.label}) is written and lies in the same memory as ${other.name} (${from.label}); let the result go to other memory`,
      );
    }
  }
}
