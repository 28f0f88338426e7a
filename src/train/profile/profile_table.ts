import type { Launch } from '../../device';
import type { Peaks } from '../../kernels/peaks';

/** What the launches of one op took together. */
export interface OpTime {
  readonly op: string;
  readonly launches: number;
  readonly milliseconds: number;
  /** Of the time of all launches. */
  readonly share: number;
  readonly gflops: number;
  readonly gbps: number;
}

/** Launches by op, those that take longest first. */
export function opTimes(launches: readonly Launch[]): OpTime[] {
  const ops = new Map<string, Launch[]>();
  for (const launch of launches) {
    const op = opOf(launch.label);
    const known = ops.get(op);
    if (known) known.push(launch);
    else ops.set(op, [launch]);
  }
  const total = launches.reduce((sum, l) => sum + l.milliseconds, 0);
  const sum = (of: readonly Launch[], value: (l: Launch) => number) => of.reduce((s, l) => s + value(l), 0);
  return [...ops]
    .map(([op, of]) => {
      const milliseconds = sum(of, (l) => l.milliseconds);
      return {
        op,
        launches: of.length,
        milliseconds,
        share: milliseconds / total,
        gflops: sum(of, (l) => l.flop) / milliseconds / 1e6,
        gbps: sum(of, (l) => l.bytes) / milliseconds / 1e6,
      };
    })
    .sort((a, b) => b.milliseconds - a.milliseconds);
}

/** A label is an op, then a shape; of a convolution the kernel's size belongs to the op. */
export function opOf(label: string): string {
  const [op, shape] = label.split(/[ :]/);
  return op.startsWith('conv2d.') ? `${op} ${shape}` : op;
}

/** The share of the time from the first launch's beginning to the last one's end in which none was under way. */
export function idleShare(launches: readonly Launch[]): number {
  let [busyUntil, idle] = [0, 0];
  for (const { start, milliseconds } of [...launches].sort((a, b) => a.start - b.start)) {
    idle += Math.max(0, start - busyUntil);
    busyUntil = Math.max(busyUntil, start + milliseconds);
  }
  return busyUntil > 0 ? idle / busyUntil : 0;
}

const WIDTHS = [28, 10, 10, 8, 10, 8, 8];
const row = (cells: readonly string[]): string =>
  cells.map((c, i) => (i === 0 ? c.padEnd(WIDTHS[0]) : c.padStart(WIDTHS[i]))).join('');

/**
 * The lines of a table by op. `of peak` is what the roofline leaves: the larger of the two shares, of the peak
 * multiply-add rate and of the copy bandwidth (which work that stays in caches may exceed).
 */
export function opTable(
  times: readonly OpTime[],
  steps: number,
  { gflops, gbps, dispatchMicroseconds }: Peaks,
): string[] {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const rate = (value: number): string => (value > 0 ? value.toPrecision(3) : '');
  const cells = ({ op, launches, milliseconds, share, ...t }: OpTime): string[] => {
    const counts = [(launches / steps).toFixed(0), (milliseconds / steps).toFixed(2)];
    const attained = Math.max(t.gflops / gflops, t.gbps / gbps);
    return [op, ...counts, percent(share), rate(t.gflops), rate(t.gbps), percent(attained)];
  };
  const all = times.reduce((sum, t) => sum + t.milliseconds, 0);
  const launches = times.reduce((sum, t) => sum + t.launches, 0);
  return [
    row(['op', 'launches', 'ms a step', 'share', 'GFLOP/s', 'GB/s', 'of peak']),
    ...times.map((t) => row(cells(t))),
    row([
      'all',
      (launches / steps).toFixed(0),
      (all / steps).toFixed(2),
      percent(times.reduce((s, t) => s + t.share, 0)),
    ]),
    `peaks measured: ${gflops.toFixed(0)} GFLOP/s, ${gbps.toFixed(1)} GB/s, ${dispatchMicroseconds.toFixed(0)} us a launch`,
  ];
}
