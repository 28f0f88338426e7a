const SLOT = 256;
const SLOTS_A_PAGE = 1024;

export interface UniformSlot {
  readonly page: number;
  readonly buffer: GPUBuffer;
  readonly offset: number;
}

interface Content {
  readonly words: Uint32Array;
  readonly slot: UniformSlot;
}

/** Content-addressed uniform data: equal bytes share a 256-byte slot that is written once, so a steady step writes none. */
export class Uniforms {
  private readonly slots = new Map<number, Content[]>();
  private readonly pages: GPUBuffer[] = [];
  private used = SLOTS_A_PAGE;

  constructor(private readonly gpu: GPUDevice) {}

  /** @param words what the slot holds, at most 64 of them */
  slot(words: Uint32Array<ArrayBuffer>): UniformSlot {
    const hash = hashOf(words);
    const alike = this.slots.get(hash);
    const found = alike?.find((c) => equal(c.words, words));
    if (found) return found.slot;
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
    const slot = { page, buffer: this.pages[page], offset: SLOT * this.used++ };
    this.gpu.queue.writeBuffer(slot.buffer, slot.offset, words);
    const made = { words: words.slice(), slot };
    if (alike) alike.push(made);
    else this.slots.set(hash, [made]);
    return slot;
  }

  get bytes(): number {
    return this.pages.length * SLOT * SLOTS_A_PAGE;
  }

  destroy(): void {
    for (const p of this.pages) p.destroy();
  }
}

/** FNV-1a, a word at a time. */
function hashOf(words: Uint32Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i], 0x01000193);
  return hash;
}

function equal(a: Uint32Array, b: Uint32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
