/** GPU time of one kernel launch. */
export interface Launch {
  readonly label: string;
  readonly milliseconds: number;
}

const CAPACITY = 2048;

/** Times every launch by its own pair of timestamps (feature `timestamp-query`); launches beyond 2,048 are not timed. */
export class Profiler {
  private readonly queries: GPUQuerySet;
  private readonly resolved: GPUBuffer;
  private readonly staging: GPUBuffer;
  private labels: string[] = [];

  constructor(gpu: GPUDevice) {
    this.queries = gpu.createQuerySet({ label: 'profiler', type: 'timestamp', count: CAPACITY * 2 });
    const size = CAPACITY * 16;
    this.resolved = gpu.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
    this.staging = gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }

  timestampWrites(label: string): GPUComputePassTimestampWrites | undefined {
    if (this.labels.length === CAPACITY) return undefined;
    const i = this.labels.push(label) - 1;
    return { querySet: this.queries, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
  }

  resolve(encoder: GPUCommandEncoder): void {
    if (this.labels.length === 0) return;
    encoder.resolveQuerySet(this.queries, 0, this.labels.length * 2, this.resolved, 0);
    encoder.copyBufferToBuffer(this.resolved, 0, this.staging, 0, this.labels.length * 16);
  }

  /** The launches since the last call, in order. Call after the device was flushed with the profiler still in place. */
  async launches(wait: <T>(p: Promise<T>) => Promise<T>): Promise<Launch[]> {
    if (this.labels.length === 0) return [];
    await wait(this.staging.mapAsync(GPUMapMode.READ));
    const t = new BigUint64Array(this.staging.getMappedRange());
    const out = this.labels.map((label, i) => ({ label, milliseconds: Number(t[2 * i + 1] - t[2 * i]) / 1e6 }));
    this.staging.unmap();
    this.labels = [];
    return out;
  }

  destroy(): void {
    this.queries.destroy();
    this.resolved.destroy();
    this.staging.destroy();
  }
}
