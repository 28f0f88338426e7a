import { type Constants, type Kernel, specialise } from './kernel';
import type { Storage } from './storage';
import { Trie } from './trie';
import type { UniformSlot } from './uniforms';

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** By the uniforms' page and the place of every buffer, in the bindings' order. */
  readonly groups: Trie<GPUBindGroup>;
}

/** Pipelines by kernel and constants, and bind groups by pipeline and memory: each is made once. */
export class Pipelines {
  /** By kernel, then names and values of the constants. */
  private readonly made = new Trie<Pipeline>();
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
    let place = pipeline.groups.at(slot?.page);
    for (const b of kernel.bindings) {
      if (b.type === 'uniform') continue;
      const s = buffers[b.name];
      if (!s) throw new Error(`kernel ${kernel.name}: no buffer for ${b.name}`);
      place = place.at(s.place);
    }
    if (!place.value) {
      refuseAliases(kernel, buffers);
      place.value = this.gpu.createBindGroup({
        label: kernel.name,
        layout: pipeline.layout,
        entries: kernel.bindings.map((b) => {
          if (b.type === 'uniform')
            return { binding: b.index, resource: { buffer: slot?.buffer as GPUBuffer, size: 256 } };
          const s = buffers[b.name];
          const size = Math.ceil(s.bytes / 16) * 16;
          return { binding: b.index, resource: { buffer: this.bufferOf(s), offset: s.offset, size } };
        }),
      });
      this.bindGroups++;
    }
    return place.value;
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
    return { pipeline, layout, groups: new Trie() };
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
