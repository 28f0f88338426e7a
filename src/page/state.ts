// What the page knows: runs, and what an event makes of them.
import type { PageEvent, PageRun } from './protocol';
import { NO_STEPS, type StepColumns, StepTable } from './steps';

/** A run as views get it: its steps are in `table`, and `steps` is empty. */
export interface ShownRun extends PageRun {
  readonly table: StepTable;
}

/** A run as it came. */
export const shown = (run: Omit<PageRun, 'steps'> & { readonly steps: StepColumns }): ShownRun => ({
  ...run,
  steps: NO_STEPS,
  table: new StepTable(run.steps),
});

/**
 * Runs after an event. A run that it changes is a new object, but for the table of its steps, which grows in place.
 * @returns null: the event builds on what the page does not have; all is to be asked for anew
 */
export function after(runs: readonly ShownRun[], event: PageEvent): readonly ShownRun[] | null {
  const at = runs.findIndex((run) => run.id === event.id);
  if (at < 0) return null;
  const run = runs[at];
  if ('steps' in event && !run.table.put(event.after, event.steps)) return null;
  const changed: ShownRun =
    'set' in event
      ? { ...run, ...event.set }
      : 'log' in event
        ? { ...run, log: [...run.log, ...event.log].slice(-MOST_LINES) }
        : { ...run };
  return runs.with(at, changed);
}

/** Lines of a log that are kept. */
const MOST_LINES = 2000;

/** Lines that `log` does not end with yet. */
export function newLines(log: readonly string[], lines: readonly string[]): readonly string[] {
  for (let n = Math.min(log.length, lines.length); n > 0; n--)
    if (lines.slice(0, n).every((line, i) => line === log[log.length - n + i])) return lines.slice(n);
  return lines;
}
