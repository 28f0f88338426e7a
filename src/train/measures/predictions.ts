// predictions.csv: what a network says of every sample that it was measured on.
import { parse } from 'csv-parse/sync';
import { InputError } from '../../base/errors';
import type { Sample } from '../../data';
import type { Predictions } from './metrics';

/** Predictions, and which samples of a set they are of. */
export interface SamplePredictions extends Predictions {
  /** N places in the set. */
  readonly rows: readonly number[];
}

const COLUMNS = ['image', 'expression', 'predicted', 'valence', 'arousal', 'predicted_valence', 'predicted_arousal'];

/** The text of predictions.csv. Classes by their names; columns stay empty where the model has no valence and arousal. */
export function formatPredictions(samples: readonly Sample[], predictions: SamplePredictions): string {
  const { classes, labels, predicted, va, rows } = predictions;
  const lines = Array.from(rows, (row, i) => {
    const numbers = va ? [va.truth, va.predicted].flatMap((v) => [v[2 * i], v[2 * i + 1]]) : ['', '', '', ''];
    return [
      csvField(samples[row].image),
      csvField(classes[labels[i]]),
      csvField(classes[predicted[i]]),
      ...numbers,
    ].join(',');
  });
  return `${[COLUMNS.join(','), ...lines].join('\n')}\n`;
}

/** True and predicted valence and arousal, each N x 2, out of predictions.csv; null where the model has none. */
export function parseValenceArousal(text: string, file: string): { truth: number[]; predicted: number[] } | null {
  const [header, ...rows]: string[][] = parse(text, { relax_column_count: true });
  if (header?.join() !== COLUMNS.join()) throw new InputError(`${file}: line 1: expected ${COLUMNS.join()}`);
  const va = { truth: [] as number[], predicted: [] as number[] };
  for (const [i, fields] of rows.entries()) {
    const numbers = fields.slice(3).map(Number);
    if (fields.length !== COLUMNS.length || numbers.some(Number.isNaN))
      throw new InputError(
        `${file}: line ${i + 2}: expected ${COLUMNS.length} columns, four of numbers, found ${fields}`,
      );
    if (fields[3] === '') return null;
    va.truth.push(numbers[0], numbers[1]);
    va.predicted.push(numbers[2], numbers[3]);
  }
  return va;
}

/** A text as a field of CSV. */
export const csvField = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
