const SLOT = 256;
const SLOTS_A_PAGE = 1024;

export interface UniformSlot {
  readonly page: number;
  readonly buffer: GPUBuffer;
  readonly offset: number;
}

/** Content-addressed uniform data: equal bytes share a 256-byte slot that is written once, so a steady step writes none. */
export class Uniforms {
  private readonly slots = new Map<string, UniformSlot>();
  private readonly pages: GPUBuffer[] = [];
  private used = SLOTS_A_PAGE;

  constructor(private readonly gpu: GPUDevice) {}

  slot(bytes: Uint8Array<ArrayBuffer>): UniformSlot {
    const key = String.fromCharCode(...new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1));
    let found = this.slots.get(key);
    if (!found) {
      if (this.used === SLOTS_A_PAGE) {
        this.used = 0;
        this.pages.push(
          this.gpu.createBuffer({
            label: `uniforms:${this.pages.length}`,
            size: SLOT * SLOTS_A_PAGE,
            usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
          }),
        );
      }
      const page = this.pages.length - 1;
      found = { page, buffer: this.pages[page], offset: SLOT * this.used++ };
      this.gpu.queue.writeBuffer(found.buffer, found.offset, bytes);
      this.slots.set(key, found);
    }
    return found;
  }

  get bytes(): number {
    return this.pages.length * SLOT * SLOTS_A_PAGE;
  }

  destroy(): void {
    for (const p of this.pages) p.destroy();
  }
}
