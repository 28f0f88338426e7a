import { type Constants, type Kernel, specialise } from './kernel';
import { BOUND, type Storage } from './storage';
import { Trie } from './trie';
import type { UniformSlot } from './uniforms';

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
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
  /** Made so far. */
  count = 0;
  bindGroups = 0;

  constructor(
    private readonly gpu: GPUDevice,
    private readonly bufferOf: (storage: Storage) => GPUBuffer,
  ) {}

  pipeline(kernel: Kernel, constants: Constants): Pipeline {
    let place = this.made.at(kernel);
    for (const name in constants) place = place.at(name).at(constants[name]);
    place.value ??= this.make(kernel, constants);
    return place.value;
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

  private make(kernel: Kernel, constants: Constants): Pipeline {
    const label = `${kernel.name} ${JSON.stringify(constants)}`;
    const layout = this.gpu.createBindGroupLayout({
      label,
      entries: kernel.bindings.map((b) => ({
        binding: b.index,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: b.type, hasDynamicOffset: b.type === 'uniform' },
      })),
    });
    const module = this.gpu.createShaderModule({ label, code: specialise(kernel, constants) });
    const pipeline = this.gpu.createComputePipeline({
      label,
      layout: this.gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    });
    this.count++;
    return { pipeline, layout };
  }
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
