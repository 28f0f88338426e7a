// A trace file in the Chrome trace event format, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

export interface Lane {
  readonly pid: number;
  readonly tid: number;
}

/** Collects spans of time in lanes: threads of processes, by their names. */
export class Trace {
  private readonly events: object[] = [];
  private readonly threads: string[][] = [];
  private readonly processes: string[] = [];

  /** The lane of this name, made at its first mention; lanes are shown in that order. */
  lane(process: string, thread: string): Lane {
    let p = this.processes.indexOf(process);
    if (p < 0) {
      p = this.processes.push(process) - 1;
      this.threads.push([]);
      this.name('process', { pid: p + 1, tid: 0 }, process, p);
    }
    let t = this.threads[p].indexOf(thread);
    if (t < 0) {
      t = this.threads[p].push(thread) - 1;
      this.name('thread', { pid: p + 1, tid: t + 1 }, thread, t);
    }
    return { pid: p + 1, tid: t + 1 };
  }

  /** A span from `start` to `end`, in milliseconds. Spans of a lane must lie apart or inside one another. */
  span(lane: Lane, name: string, start: number, end: number, args?: Readonly<Record<string, unknown>>): void {
    const { pid, tid } = lane;
    this.events.push({ name, ph: 'X', pid, tid, ts: 1000 * start, dur: 1000 * Math.max(0, end - start), args });
  }

  toJson(): string {
    return `{"displayTimeUnit":"ms","traceEvents":[\n${this.events.map((e) => JSON.stringify(e)).join(',\n')}\n]}\n`;
  }

  private name(kind: 'process' | 'thread', { pid, tid }: Lane, name: string, order: number): void {
    this.events.push({ name: `${kind}_name`, ph: 'M', pid, tid, args: { name } });
    this.events.push({ name: `${kind}_sort_index`, ph: 'M', pid, tid, args: { sort_index: order } });
  }
}
