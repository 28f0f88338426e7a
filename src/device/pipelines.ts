import { type Constants, type Kernel, specialise } from './kernel';
import type { Storage } from './storage';
import type { UniformSlot } from './uniforms';

export interface Pipeline {
  readonly id: number;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** Pipelines by kernel and constants, and bind groups by pipeline and memory: each is made once. */
export class Pipelines {
  private readonly made = new Map<Kernel, Map<string, Pipeline>>();
  /** Pipelines made so far. */
  count = 0;
  private readonly groups = new Map<string, GPUBindGroup>();

  constructor(
    private readonly gpu: GPUDevice,
    private readonly bufferOf: (storage: Storage) => GPUBuffer,
  ) {}

  get bindGroups(): number {
    return this.groups.size;
  }

  pipeline(kernel: Kernel, constants: Constants): Pipeline {
    let ofKernel = this.made.get(kernel);
    if (!ofKernel) {
      ofKernel = new Map();
      this.made.set(kernel, ofKernel);
    }
    let key = '';
    for (const name in constants) key += `${name}=${constants[name]} `;
    let found = ofKernel.get(key);
    if (!found) {
      const label = `${kernel.name} ${key}`;
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
      found = { id: this.count++, pipeline, layout };
      ofKernel.set(key, found);
    }
    return found;
  }

  /** @throws Error when a buffer is missing, or one launch would write memory that it also binds elsewhere. */
  bindGroup(
    kernel: Kernel,
    pipeline: Pipeline,
    buffers: Readonly<Record<string, Storage>>,
    slot: UniformSlot | undefined,
  ): GPUBindGroup {
    let key = `${pipeline.id}/${slot?.page ?? ''}`;
    for (const b of kernel.bindings) {
      if (b.type === 'uniform') continue;
      const s = buffers[b.name];
      if (!s) throw new Error(`kernel ${kernel.name}: no buffer for ${b.name}`);
      key += s.key;
    }
    let group = this.groups.get(key);
    if (!group) {
      refuseAliases(kernel, buffers);
      group = this.gpu.createBindGroup({
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
      this.groups.set(key, group);
    }
    return group;
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
