// results.csv: one row an epoch.
import { InputError } from '../../base/errors';

const COLUMNS = [
  'epoch',
  'lr',
  'train_loss',
  'train_cat',
  'train_cont',
  'train_accuracy',
  'val_loss',
  'val_cat',
  'val_cont',
  'val_accuracy',
  'val_ccc_valence',
  'val_ccc_arousal',
  'seconds',
  'skipped',
] as const;

/** Those of versions before this one. */
const OLD_COLUMNS = COLUMNS.slice(0, -1);

/**
 * Columns that stay empty: where the model has no valence and arousal, or where it has and validation is of one sample; the time,
 * where it is not known any more.
 */
type Optional = 'train_cont' | 'val_loss' | 'val_cont' | 'val_ccc_valence' | 'val_ccc_arousal' | 'seconds';
const OPTIONAL: ReadonlySet<string> = new Set<Optional>([
  'train_cont',
  'val_loss',
  'val_cont',
  'val_ccc_valence',
  'val_ccc_arousal',
  'seconds',
]);

/**
 * One epoch: losses are means over its batches, but for those that were skipped because their step was not finite; `epoch` counts from
 * 1, `lr` is that of its last step.
 */
export type EpochRow = Record<Exclude<(typeof COLUMNS)[number], Optional>, number> & Record<Optional, number | null>;

/** The text of results.csv. Numbers in full precision; NaN is `nan`, null an empty field. */
export function formatResults(rows: readonly EpochRow[]): string {
  const lines = rows.map((row) => COLUMNS.map((name) => formatNumber(row[name])).join(','));
  return `${[COLUMNS.join(','), ...lines].join('\n')}\n`;
}

/**
 * The rows of results.csv: epochs one after the other, from 1, or from where a run took up a checkpoint.
 * @throws InputError naming file, line and column
 */
export function parseResults(text: string, file: string): EpochRow[] {
  const [header, ...lines] = text.trimEnd().split(/\r?\n/);
  const columns = [COLUMNS, OLD_COLUMNS].find((names) => header === names.join(','));
  if (!columns) {
    throw new InputError(`${file}: line 1: expected ${COLUMNS.join(',')}, found ${show(header)}`);
  }
  const first = Number.parseInt(lines[0] ?? '', 10) || 1;
  return lines.map((line, i) => {
    const fields = line.split(',');
    const numbers = Object.fromEntries(columns.map((name, c) => [name, parseNumber(fields[c])]));
    const row = { skipped: 0, ...numbers } as EpochRow;
    const bad = columns.find((name) => row[name] === undefined || (row[name] === null && !OPTIONAL.has(name)));
    if (bad || fields.length !== columns.length || row.epoch !== first + i) {
      throw new InputError(
        `${file}: line ${i + 2}: expected epoch ${first + i} and ${columns.length} numbers, found ${show(line)}`,
      );
    }
    return row;
  });
}

/** A line of a file, cut to a readable length. */
const show = (line: string): string => JSON.stringify(line.length > 200 ? `${line.slice(0, 200)}…` : line);

/** A number as the run's tables have it: `nan`, `inf`, `-inf`; null is an empty field. */
export function formatNumber(value: number | null): string {
  if (value === null) return '';
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}

/** What `formatNumber` has written; undefined: no number. */
export function parseNumber(field: string | undefined): number | null | undefined {
  if (field === '') return null;
  if (field === 'nan') return Number.NaN;
  const value = Number(field?.replace('inf', 'Infinity'));
  return Number.isNaN(value) ? undefined : value;
}
