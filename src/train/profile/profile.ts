import { performance } from 'node:perf_hooks';
import type { GroupDone } from '../../data/crops/image_worker';
import type { Device, Launch } from '../../device';
import type { Peaks } from '../../kernels/peaks';
import { toJson } from '../run/write';
import { idleShare, opTable, opTimes } from './profile_table';
import { type Lane, Trace } from './trace';

/** Steps that are profiled: enough for stable shares, few enough for a trace that a browser opens at once. */
const STEPS = 16;
/** Steps before them: kernels compile, memory settles. */
const WARM_UP = 10;
/** An epoch with fewer steps left is passed over, unless it is the last. */
const LEAST = 8;

interface Step {
  /** From 1, in its epoch. */
  readonly number: number;
  /** Launches of the profile before it and with it. */
  readonly from: number;
  to: number;
  /** When its result was there. */
  done: number;
}

/** A trace with the CPU's lanes, in the order to show them. */
export function cpuTrace(): Trace {
  const trace = new Trace();
  for (const name of ['JavaScript', 'waits', 'loader']) trace.lane('CPU', name);
  return trace;
}

/** Traces what a thread decoded, aligned and cropped, or found in the cache, before the training began. */
export function traceGroup(trace: Trace, { results, start, end }: GroupDone, thread: number): void {
  const made = results.filter((r) => 'made' in r && r.made).length;
  const [from, to] = [start, end].map((t) => t - performance.timeOrigin);
  trace.span(trace.lane('CPU', `image worker ${thread + 1}`), 'prepare faces', from, to, {
    pictures: results.length,
    made,
  });
}

/** Profiles some steps in the middle of a training: what the CPU did, lane by lane, and every kernel launch. */
export class Profile {
  private readonly steps: Step[] = [];
  private window: { first: number; last: number } | null = null;
  private state: 'before' | 'during' | 'after' = 'before';
  private epoch = 0;
  private launched = 0;
  private launches: Launch[] = [];

  constructor(
    private readonly device: Device,
    private readonly trace: Trace,
  ) {}

  /** An epoch begins (or is taken up), with steps `next` to `last` ahead, counted from 1. */
  plan(epoch: number, next: number, last: number, lastEpoch: boolean): void {
    const left = last - next + 1;
    if (this.state !== 'before' || left === 0 || (left < LEAST && !lastEpoch)) return;
    const first = next + Math.min(WARM_UP, left >> 1);
    this.epoch = epoch;
    this.window = { first, last: Math.min(last, first + STEPS - 1) };
  }

  /** Records a step by `work`. */
  step<T>(number: number, work: () => T): T {
    const { device, window } = this;
    if (this.state === 'before' && number === window?.first) {
      device.beginProfile();
      this.state = 'during';
      this.launched = device.stats().dispatches;
    }
    if (this.state !== 'during') return work();
    const count = () => device.stats().dispatches - this.launched;
    const step = { number, from: count(), to: 0, done: 0 };
    this.steps.push(step);
    const result = this.span(`record step ${number}`, work);
    step.to = count();
    return result;
  }

  /** A part of what JavaScript does. */
  readonly span = <T>(name: string, work: () => T): T => {
    if (this.state !== 'during') return work();
    const start = performance.now();
    try {
      return work();
    } finally {
      this.trace.span(this.cpu('JavaScript'), name, start, performance.now());
    }
  };

  /** Time until a promise settles, which it returns. */
  readonly until = <T>(lane: 'waits' | 'loader', name: string, promise: Promise<T>): Promise<T> => {
    const start = performance.now();
    const end = () => {
      if (this.state === 'during') this.trace.span(this.cpu(lane), name, start, performance.now());
    };
    promise.then(end, end);
    return promise;
  };

  /** Items, with the waiting for each timed. */
  async *each<T>(name: string, items: AsyncGenerator<T>): AsyncGenerator<T> {
    try {
      for (;;) {
        const next = await this.until('waits', name, items.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await items.return(undefined);
    }
  }

  /** The result of a step is there. */
  stepDone(number: number): void {
    const step = this.steps.find((s) => s.number === number);
    if (step) step.done = performance.now();
  }

  /** True once the last step was recorded: look at its result, then `end`. */
  get full(): boolean {
    return this.state === 'during' && this.steps.at(-1)?.number === this.window?.last;
  }

  /** Reads the GPU's times, once all results of profiled steps are there. */
  async end(): Promise<void> {
    if (this.state !== 'during') return;
    this.state = 'after';
    this.launches = await this.device.endProfile();
    if (this.launches.length > 0) this.traceLaunches();
  }

  /** The trace file, or null when no step was profiled. */
  traceJson(): string | null {
    return this.steps.length > 0 ? this.trace.toJson() : null;
  }

  /** profile.json, what the table says: which steps, their ops (`OpTime`, of all these steps together), peaks; null where no launch was timed. */
  opsJson(peaks: Peaks): string | null {
    const { epoch, steps, launches } = this;
    if (launches.length === 0) return null;
    const numbers = steps.map(({ number }) => number);
    return toJson({ epoch, steps: numbers, idle: idleShare(launches), peaks, ops: opTimes(launches) });
  }

  /** What to tell, line by line. */
  report(peaks: Peaks): string[] {
    const { steps, launches, epoch } = this;
    if (steps.length === 0) return ['profile: no step was left to look at'];
    const which = `steps ${steps[0].number} to ${steps[steps.length - 1].number} of epoch ${epoch}`;
    if (launches.length === 0)
      return [`profile of ${which}: this adapter has no timestamps, so there are the CPU's lanes alone`];
    const last = launches[launches.length - 1];
    const each = ((last.start + last.milliseconds) / steps.length).toFixed(1);
    const idle = (100 * idleShare(launches)).toFixed(1);
    return [
      `profile of ${which}: ${each} ms a step, the GPU idle for ${idle} % of it`,
      ...opTable(opTimes(launches), steps.length, peaks),
    ];
  }

  /**
   * GPU and CPU have clocks of their own. A step's result is there at the earliest when its last launch ends, and the wait
   * that was shortest came within about a millisecond of it.
   */
  private traceLaunches(): void {
    const { launches, steps, trace, device } = this;
    const endOf = ({ start, milliseconds }: Launch): number => start + milliseconds;
    const offset = Math.min(...steps.map((s) => s.done - endOf(launches[s.to - 1])));
    const lane = trace.lane(`GPU: ${device.info.description || device.info.device}`, 'launches');
    let free = 0;
    for (const { number, from, to } of steps) {
      const own = launches.slice(from, to);
      const start = Math.max(free, own[0].start);
      const end = Math.max(...own.map(endOf));
      trace.span(lane, `step ${number}`, start + offset, end + offset);
      free = start;
      for (const launch of own) {
        // Launches that do not depend on one another may overlap, spans of a lane may not.
        const begin = Math.max(free, launch.start);
        free = Math.max(begin, endOf(launch));
        const { label, flop, bytes } = launch;
        trace.span(lane, label, begin + offset, free + offset, { flop, bytes });
      }
      free = end;
    }
  }

  private cpu(thread: string): Lane {
    return this.trace.lane('CPU', thread);
  }
}
