// steps.csv: a row a batch that was trained, appended as the run goes on. No time is in it: a run that was stopped and went on has the same file.
import { formatNumber, parseNumber } from './results';

const COLUMNS = ['step', 'epoch', 'loss', 'cat', 'cont', 'accuracy', 'lr'] as const;

/** A batch: `step` counts those of the run, and `epoch`, from 1; accuracy is of the batch alone, `lr` that of its step. */
export type StepRow = Record<Exclude<(typeof COLUMNS)[number], 'cont'>, number> & {
  /** null where the model has no valence and arousal. */
  readonly cont: number | null;
};

export const STEPS_HEADER = `${COLUMNS.join(',')}\n`;

/** A line of steps.csv. Losses are float32s, which 9 digits tell apart; NaN is `nan`, null an empty field. */
export const formatStep = (row: StepRow): string =>
  `${COLUMNS.map((name) => formatNumber(row[name] === null ? null : Number(row[name].toPrecision(9)))).join(',')}\n`;

/** The batch of a line of steps.csv; null: it is none. */
export function parseStep(line: string): StepRow | null {
  const fields = line.split(',');
  const row = Object.fromEntries(COLUMNS.map((name, c) => [name, parseNumber(fields[c])])) as StepRow;
  const bad = COLUMNS.some((name) => row[name] === undefined || (row[name] === null && name !== 'cont'));
  const counts = [row.step, row.epoch].every((n) => Number.isSafeInteger(n) && n > 0);
  return bad || !counts || fields.length !== COLUMNS.length ? null : row;
}

/** How many bytes of a steps.csv tell of batches up to `step`: what follows is a later batch, or half a line of a program that was killed. */
export function lengthUpTo(bytes: Buffer, step: number): number {
  if (!bytes.subarray(0, STEPS_HEADER.length).equals(Buffer.from(STEPS_HEADER))) return 0;
  let end = bytes.lastIndexOf('\n') + 1;
  while (end > STEPS_HEADER.length) {
    const start = bytes.lastIndexOf('\n', end - 2) + 1;
    if (Number.parseInt(bytes.toString('latin1', start, Math.min(end, start + 20)), 10) <= step) break;
    end = start;
  }
  return end;
}
