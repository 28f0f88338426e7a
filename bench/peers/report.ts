// The rows of bench:peers as a table or JSON lines, and which targets they meet.
import { median } from '../measure';

export interface Row {
  readonly work: string;
  readonly unit: 'ms' | 'MiB';
  readonly ours: number;
  readonly peer: string;
  readonly theirs: number;
}

/** Above 1: ours takes less. */
export const ratio = ({ ours, theirs }: Row): number => theirs / ours;

interface Target {
  readonly title: string;
  readonly of: (row: Row) => boolean;
  /** What the worst ratio must reach. */
  readonly worst: number;
  /** What the median ratio must reach. */
  readonly median?: number;
}

const against = (peer: string, work: RegExp) => (row: Row) => row.peer.startsWith(peer) && work.test(row.work);
const STEP = /^step .* densenet 112 b8$/;
const KERNEL = /^(conv|matmul|batch_norm) /;

const TARGETS: readonly Target[] = [
  { title: 'step, DenseNet, against tfjs', of: against('tfjs', STEP), worst: 20 },
  { title: 'step, BReG-NeXt, against tfjs', of: against('tfjs', /^step .* bregnext/), worst: 20 },
  { title: 'step, DenseNet, against PyTorch, memory kept', of: against('torch cpu, memory kept', STEP), worst: 1 / 3 },
  { title: 'peak memory, against tfjs', of: against('tfjs', /^peak memory/), worst: 10 },
  { title: 'peak memory, against PyTorch', of: against('torch', /^peak memory/), worst: 2 },
  { title: 'kernels, against tfjs', of: against('tfjs', KERNEL), worst: 1, median: 8 },
  { title: 'kernels, against jax-js', of: against('jax-js', KERNEL), worst: 1, median: 5 },
  { title: 'kernels, against the best dense ones', of: against('dense', KERNEL), worst: 0.95 },
  { title: 'inference, against tfjs', of: against('tfjs', /^inference/), worst: 10 },
];

export class Report {
  readonly rows: Row[] = [];

  constructor(
    private readonly json: boolean,
    private readonly adapter: string,
  ) {
    const head = `${'work'.padEnd(52)}${'ours'.padStart(14)}  ${'peer'.padEnd(27)}${'theirs'.padStart(14)}${'ratio'.padStart(9)}`;
    if (!json) console.log(`adapter: ${adapter}\n${head}`);
  }

  add(row: Row): void {
    this.rows.push(row);
    const { work, peer, ours, theirs, unit } = row;
    const key = unit.toLowerCase();
    const line = {
      work,
      adapter: this.adapter,
      [`ours_${key}`]: ours,
      peer,
      [`peer_${key}`]: theirs,
      ratio: ratio(row),
    };
    if (this.json) console.log(JSON.stringify(line));
    else
      console.log(
        `${work.padEnd(52)}${amount(ours, unit).padStart(14)}  ${peer.padEnd(27)}${amount(theirs, unit).padStart(14)}${figure(ratio(row)).padStart(9)}`,
      );
  }

  skip(work: string, peer: string, reason: string): void {
    if (this.json) console.log(JSON.stringify({ work, adapter: this.adapter, peer, skipped: reason }));
    else console.log(`${work.padEnd(66)}  ${peer.padEnd(27)} skipped: ${reason}`);
  }

  /** Every target that has rows, with the median and the worst ratio. */
  close(): void {
    for (const { title, of, worst, median: middle } of TARGETS) {
      const rows = this.rows.filter(of).sort((a, b) => ratio(a) - ratio(b));
      if (rows.length === 0) continue;
      const [least, mid] = [ratio(rows[0]), median(rows.map(ratio))];
      const met = least >= worst && mid >= (middle ?? 0);
      const short = rows.filter((row) => ratio(row) < worst).length;
      if (this.json) {
        const wanted = { worst, median: middle ?? null };
        const line = {
          target: title,
          met,
          wanted,
          rows: rows.length,
          short,
          worst: least,
          median: mid,
          work: rows[0].work,
        };
        console.log(JSON.stringify(line));
        continue;
      }
      const wanted = [`worst ${figure(worst)}`, ...(middle ? [`median ${figure(middle)}`] : [])].join(', ');
      const found = rows.length > 1 ? `median ${figure(mid)}, worst ${figure(least)} (${rows[0].work})` : figure(least);
      const missed = short > 0 && rows.length > 1 ? `; ${short} of ${rows.length} below ${figure(worst)}` : '';
      console.log(`${met ? 'met   ' : 'NOT MET'} ${title}: ${found}${missed}; wanted ${wanted}`);
    }
  }
}

const figure = (v: number): string => v.toFixed(v < 10 ? 2 : 1);
const amount = (v: number, unit: string): string => `${v.toFixed(v < 100 ? 2 : 0)} ${unit}`;
