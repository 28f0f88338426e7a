import { makeBuffer } from './faults';

const CHUNK = 1 << 20;

/** Bytes of the memory that a read of so many goes through: few sizes, so that it serves the next read as well. */
const readerBytes = (bytes: number): number =>
  bytes > CHUNK ? Math.ceil(bytes / CHUNK) * CHUNK : 2 ** Math.ceil(Math.log2(Math.max(256, bytes)));

interface Chunk {
  readonly buffer: GPUBuffer;
  used: number;
}

/**
 * The way in and out. Uploads are written to staging memory at once and copied by the encoder, so they keep their place
 * among recorded commands; the memory is free again after the submit (queue writes come after it). Readers are kept. What
 * is too small for what is wanted now goes as something larger is made: that one does its work from then on.
 */
export class Staging {
  private chunks: Chunk[] = [];
  private readers: GPUBuffer[] = [];
  /** Readers of reads that are not done. */
  private readonly lent = new Set<GPUBuffer>();
  /** GPU buffers made so far. */
  created = 0;

  constructor(
    private readonly gpu: GPUDevice,
    /** Told when there is no memory. */
    private readonly raise: (error: Error) => void,
  ) {}

  put(data: ArrayBufferView): { buffer: GPUBuffer; offset: number; bytes: number } {
    const bytes = Math.ceil(data.byteLength / 4) * 4;
    let chunk = this.chunks.find((c) => c.buffer.size - c.used >= bytes);
    if (!chunk) {
      for (const c of this.chunks) if (c.used === 0) c.buffer.destroy();
      this.chunks = this.chunks.filter((c) => c.used > 0);
      const size = Math.max(CHUNK, bytes);
      chunk = {
        buffer: this.make({ label: 'upload', size, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST }),
        used: 0,
      };
      this.chunks.push(chunk);
    }
    const offset = chunk.used;
    chunk.used += bytes;
    const whole = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    if (bytes === data.byteLength) this.gpu.queue.writeBuffer(chunk.buffer, offset, whole);
    else {
      const padded = new Uint8Array(bytes);
      padded.set(whole);
      this.gpu.queue.writeBuffer(chunk.buffer, offset, padded);
    }
    return { buffer: chunk.buffer, offset, bytes };
  }

  /** Everything put so far has been submitted: its memory may be written again. */
  submitted(): void {
    for (const c of this.chunks) c.used = 0;
  }

  reader(bytes: number): GPUBuffer {
    const i = this.readers.findIndex((b) => b.size >= bytes);
    const reader = i >= 0 ? this.readers.splice(i, 1)[0] : this.makeReader(bytes);
    this.lent.add(reader);
    return reader;
  }

  readDone(buffer: GPUBuffer): void {
    this.lent.delete(buffer);
    this.readers.push(buffer);
    this.readers.sort((a, b) => a.size - b.size);
  }

  destroy(): void {
    for (const c of this.chunks) c.buffer.destroy();
    for (const b of [...this.readers, ...this.lent]) b.destroy();
  }

  private makeReader(bytes: number): GPUBuffer {
    for (const b of this.readers) b.destroy();
    this.readers = [];
    return this.make({
      label: 'read',
      size: readerBytes(bytes),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  private make(descriptor: GPUBufferDescriptor): GPUBuffer {
    this.created++;
    return makeBuffer(this.gpu, descriptor, (buffer, error) => {
      this.chunks = this.chunks.filter((c) => c.buffer !== buffer);
      this.readers = this.readers.filter((b) => b !== buffer);
      this.lent.delete(buffer);
      buffer.destroy();
      this.raise(error);
    });
  }
}
