// predictions.csv: what a network says of every sample that it was measured on.
import { parse } from 'csv-parse/sync';
import { InputError } from '../../base/errors';
import type { Samples } from '../../data';
import type { Predictions } from './metrics';

/** Predictions, and which samples of a set they are of. */
export interface SamplePredictions extends Predictions {
  /** N places in the set. */
  readonly rows: readonly number[];
}

const COLUMNS = ['image', 'expression', 'predicted', 'valence', 'arousal', 'predicted_valence', 'predicted_arousal'];

/** The text of predictions.csv. Classes by their names; columns stay empty where the model has no valence and arousal. */
export function formatPredictions(samples: Samples, predictions: SamplePredictions): string {
  const { classes, labels, predicted, va, rows } = predictions;
  const lines = Array.from(rows, (row, i) => {
    const numbers = va ? [va.truth, va.predicted].flatMap((v) => [v[2 * i], v[2 * i + 1]]) : ['', '', '', ''];
    return [
      csvField(samples.imageAt(row)),
      csvField(classes[labels[i]]),
      csvField(classes[predicted[i]]),
      ...numbers,
    ].join(',');
  });
  return `${[COLUMNS.join(','), ...lines].join('\n')}\n`;
}

/**
 * Predictions out of predictions.csv, and the images they are of.
 * @param classes the run's, in order
 * @throws InputError naming file and line
 */
export function parsePredictions(
  text: string,
  file: string,
  classes: readonly string[],
): Predictions & { readonly images: readonly string[] } {
  const [header, ...rows] = recordsOf(text, file);
  if (header?.join() !== COLUMNS.join()) throw new InputError(`${file}: line 1: expected ${COLUMNS.join()}`);
  const images: string[] = [];
  const [labels, predicted]: number[][] = [[], []];
  const va = { truth: [] as number[], predicted: [] as number[] };
  for (const [i, fields] of rows.entries()) {
    const [image, ...names] = fields.slice(0, 3);
    const [label, said] = names.map((name) => classes.indexOf(name));
    const numbers = fields.slice(3).map(Number);
    if (fields.length !== COLUMNS.length || label < 0 || said < 0 || numbers.some(Number.isNaN))
      throw new InputError(
        `${file}: line ${i + 2}: expected ${COLUMNS.length} columns, two classes of the run among them and four numbers, ` +
          `found ${fields.join().slice(0, 200)}`,
      );
    images.push(image);
    labels.push(label);
    predicted.push(said);
    if (fields[3] === '') continue;
    va.truth.push(numbers[0], numbers[1]);
    va.predicted.push(numbers[2], numbers[3]);
  }
  const complete = va.truth.length > 0 && va.truth.length === 2 * labels.length;
  return { classes, images, labels, predicted, va: complete ? va : undefined };
}

function recordsOf(text: string, file: string): string[][] {
  try {
    return parse(text, { relax_column_count: true });
  } catch (error) {
    throw new InputError(`${file}: ${(error as Error).message}`);
  }
}

/** A text as a field of CSV. */
export const csvField = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
