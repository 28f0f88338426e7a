// The inner loops of the preparation in WebAssembly, sixteen bytes at a time: the same integers as the TypeScript beside them gives.

const PAGE = 2 ** 16;

/** Bytes that a kernel's memory may take, which it never gives back; larger works are done in TypeScript. */
const MOST = 2 ** 26;

/** Rows of a picture that are done at once. */
export const BAND = 16;

let allowed = true;

/**
 * Whether kernels may be used from now on. A WebAssembly memory reserves 10 GB of addresses, however little it holds: where those
 * are limited, that is all there are, or more.
 */
export function allowKernels(may: boolean): void {
  allowed = may;
}

type Functions<Name extends string> = Record<Name, (...args: number[]) => void>;
type Exports<Name extends string> = Functions<Name> & { readonly memory: WebAssembly.Memory };

/** A module with one memory, which is made when it is first needed. */
export class WasmKernel<Name extends string> {
  private exports: Exports<Name> | undefined;

  constructor(private readonly binary: Uint8Array<ArrayBuffer>) {}

  /** Its functions and `bytes` of its memory (until the next call), or null where it cannot have them. */
  open(bytes: number): { readonly run: Functions<Name>; readonly memory: ArrayBuffer } | null {
    if (!allowed || bytes > MOST) return null;
    try {
      this.exports ??= new WebAssembly.Instance(new WebAssembly.Module(this.binary))
        .exports as unknown as Exports<Name>;
      const { memory } = this.exports;
      const lacking = bytes - memory.buffer.byteLength;
      if (lacking > 0) memory.grow(Math.ceil(lacking / PAGE));
      return { run: this.exports, memory: memory.buffer };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return null; // no memory
    }
  }
}
