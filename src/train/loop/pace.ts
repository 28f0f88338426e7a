import { performance } from 'node:perf_hooks';

/** Images a second since it was made. */
export class Pace {
  private readonly start = performance.now();

  constructor(private readonly before: number) {}

  rate(samples: number): number {
    return (1000 * (samples - this.before)) / (performance.now() - this.start);
  }
}
