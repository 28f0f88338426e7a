// How a run stands: what its rows and settings say of where it is, how good, and how long it will take.
import type { Figure, PageEpoch } from './protocol';
import type { ShownRun } from './state';

export interface Standing {
  readonly state: 'running' | 'finished' | 'stopped';
  /** Epochs that are done, and that were asked for; null: it is not known. */
  readonly epochs: number;
  readonly of: number | null;
  /** Of all that was asked for, from 0 to 1. */
  readonly done: number | null;
  /** Seconds of its epochs, and those to come, if all are trained; null: not known, or nothing is to come. */
  readonly spent: number;
  readonly left: number | null;
  /** The row of the best epoch so far. */
  readonly best: PageEpoch | null;
  /** Of the last row behind the best one: epochs without a better one. */
  readonly since: number;
}

const number = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);

/** Epochs by whose time the next ones are judged. */
const LATEST = 3;

export function standingOf({ args, running, epochs, metrics, table }: ShownRun): Standing {
  const of = number(args.epochs);
  const last = epochs.at(-1)?.epoch ?? 0;
  const best = epochs.find((row) => row.epoch === number(metrics?.best_epoch)) ?? null;

  // Batches of the epoch in hand, beside those of one that is done.
  const epoch = table.column('epoch');
  let current = 0;
  while (current < epoch.length && epoch[epoch.length - 1 - current] > last) current++;
  let each = 0;
  for (let i = epoch.length - 1 - current; i >= 0 && epoch[i] === last; i--) each++;
  const within = each > 0 ? Math.min(1, current / each) : 0;

  const seconds = epochs.slice(-LATEST).flatMap((row) => row.seconds ?? []);
  const mean = seconds.length > 0 ? seconds.reduce((a, b) => a + b, 0) / seconds.length : null;
  const rest = of === null ? 0 : Math.max(0, of - last - within);
  return {
    state: running ? 'running' : of !== null && last >= of ? 'finished' : 'stopped',
    epochs: last,
    of,
    done: of ? Math.min(1, (last + within) / of) : null,
    spent: epochs.reduce((sum, row) => sum + (row.seconds ?? 0), 0),
    left: running && mean !== null && rest > 0 ? rest * mean : null,
    best,
    since: best ? last - best.epoch : 0,
  };
}

/** A number of metrics.json. */
export const metricOf = (run: ShownRun, name: string): Figure => number(run.metrics?.[name]);
