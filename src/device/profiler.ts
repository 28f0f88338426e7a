/** What a launch does, for the profile. */
export interface LaunchWork {
  readonly label: string;
  /** Operations, a multiply-add being two; 0 where they do not matter. */
  readonly flop: number;
  /** Bytes read and written at least. */
  readonly bytes: number;
}

/** One kernel launch as the GPU's clock saw it. */
export interface Launch extends LaunchWork {
  /** When it began, in milliseconds after the first launch of the profile. */
  readonly start: number;
  readonly milliseconds: number;
}

interface Page {
  readonly queries: GPUQuerySet;
  readonly resolved: GPUBuffer;
  readonly staging: GPUBuffer;
  readonly works: LaunchWork[];
}

/** Times every launch by its own pair of timestamps (feature `timestamp-query`), in pages of as many as a submit has. */
export class Profiler {
  private readonly pages: Page[] = [];
  private resolvedPages = 0;

  constructor(
    private readonly gpu: GPUDevice,
    private readonly launchesAPage: number,
  ) {}

  timestampWrites(work: LaunchWork): GPUComputePassTimestampWrites {
    let page = this.pages.at(-1);
    if (!page || this.resolvedPages === this.pages.length || page.works.length === this.launchesAPage) {
      page = this.newPage();
      this.pages.push(page);
    }
    const i = page.works.push(work) - 1;
    return { querySet: page.queries, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
  }

  /** Records the read-out of the launches since the last call. */
  resolve(encoder: GPUCommandEncoder): void {
    for (; this.resolvedPages < this.pages.length; this.resolvedPages++) {
      const { queries, resolved, staging, works } = this.pages[this.resolvedPages];
      encoder.resolveQuerySet(queries, 0, works.length * 2, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, works.length * 16);
    }
  }

  /** All launches, in order. Call after everything was resolved and submitted. */
  async launches(wait: <T>(p: Promise<T>) => Promise<T>): Promise<Launch[]> {
    const launches: Launch[] = [];
    let origin: bigint | undefined;
    for (const { staging, works } of this.pages) {
      await wait(staging.mapAsync(GPUMapMode.READ));
      const t = new BigUint64Array(staging.getMappedRange());
      works.forEach((work, i) => {
        const [begin, end] = [t[2 * i], t[2 * i + 1]];
        origin ??= begin;
        launches.push({ ...work, start: Number(begin - origin) / 1e6, milliseconds: Number(end - begin) / 1e6 });
      });
      staging.unmap();
    }
    return launches;
  }

  destroy(): void {
    for (const { queries, resolved, staging } of this.pages) for (const o of [queries, resolved, staging]) o.destroy();
  }

  private newPage(): Page {
    const { gpu, launchesAPage: n } = this;
    return {
      queries: gpu.createQuerySet({ label: 'profiler', type: 'timestamp', count: n * 2 }),
      resolved: gpu.createBuffer({ size: n * 16, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC }),
      staging: gpu.createBuffer({ size: n * 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST }),
      works: [],
    };
  }
}
