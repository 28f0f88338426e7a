const SLOT = 256;
const SLOTS_A_PAGE = 1024;
/**
 * A generation of contents. It must be larger than what a steady step uses, and than what a submit has launches: then a slot that two
 * generations pass by is in no command that is still to be submitted, and may be written anew.
 */
const GENERATION = 8192;

export interface UniformSlot {
  readonly page: number;
  readonly buffer: GPUBuffer;
  readonly offset: number;
}

interface Content {
  readonly words: Uint32Array;
  readonly slot: UniformSlot;
}

type Contents = Map<number, Content[]>;

/**
 * Content-addressed uniform data: equal bytes share a 256-byte slot that is written once, so a steady step writes none. What
 * was asked for lately is kept, in two generations; the slots of what was not serve new contents.
 */
export class Uniforms {
  private young: Contents = new Map();
  private old: Contents = new Map();
  private count = 0;
  private readonly idle: UniformSlot[] = [];
  private readonly pages: GPUBuffer[] = [];

  constructor(private readonly gpu: GPUDevice) {}

  /** @param words what the slot holds, at most 64 of them */
  slot(words: Uint32Array<ArrayBuffer>): UniformSlot {
    const hash = hashOf(words);
    const alike = this.young.get(hash);
    const found = alike?.find((c) => equal(c.words, words));
    if (found) return found.slot;
    const content = this.takeOld(hash, words) ?? this.make(words);
    if (alike) alike.push(content);
    else this.young.set(hash, [content]);
    if (++this.count === GENERATION) this.turn();
    return content.slot;
  }

  get bytes(): number {
    return this.pages.length * SLOT * SLOTS_A_PAGE;
  }

  destroy(): void {
    for (const p of this.pages) p.destroy();
  }

  private takeOld(hash: number, words: Uint32Array): Content | undefined {
    const alike = this.old.get(hash) ?? [];
    const i = alike.findIndex((c) => equal(c.words, words));
    return i < 0 ? undefined : alike.splice(i, 1)[0];
  }

  private make(words: Uint32Array<ArrayBuffer>): Content {
    if (this.idle.length === 0) this.addPage();
    const slot = this.idle.pop() as UniformSlot;
    this.gpu.queue.writeBuffer(slot.buffer, slot.offset, words);
    return { words: words.slice(), slot };
  }

  private turn(): void {
    for (const alike of this.old.values()) for (const { slot } of alike) this.idle.push(slot);
    this.old = this.young;
    this.young = new Map();
    this.count = 0;
  }

  private addPage(): void {
    const page = this.pages.length;
    const buffer = this.gpu.createBuffer({
      label: `uniforms:${page}`,
      size: SLOT * SLOTS_A_PAGE,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.pages.push(buffer);
    for (let i = SLOTS_A_PAGE - 1; i >= 0; i--) this.idle.push({ page, buffer, offset: SLOT * i });
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
