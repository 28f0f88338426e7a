// predictions.csv: what a network says of every sample that it was measured on.
import { parse } from 'csv-parse/sync';
import { InputError } from '../../base/errors';
import type { Samples } from '../../data';
import type { Predictions } from './metrics';

/** Predictions, and which samples of a set they are of. */
export interface SamplePredictions extends Predictions {
  /** N places in the set. */
  readonly rows: readonly number[];
  /** N probabilities of what was predicted, and of the true classes. */
  readonly confidence: ArrayLike<number>;
  readonly likelihood: ArrayLike<number>;
}

/** Predictions as they are read. */
export interface ReadPredictions extends Predictions {
  readonly images: readonly string[];
  /** Of before 0.2.0 these are not known. */
  readonly confidence?: readonly number[];
  readonly likelihood?: readonly number[];
}

/** Those of versions before 0.2.0. */
const OLD_COLUMNS = [
  'image',
  'expression',
  'predicted',
  'valence',
  'arousal',
  'predicted_valence',
  'predicted_arousal',
];
const COLUMNS = [...OLD_COLUMNS, 'confidence', 'likelihood'];

/** The text of predictions.csv. Classes by their names; four columns stay empty where the model has no valence and arousal. */
export function formatPredictions(samples: Samples, predictions: SamplePredictions): string {
  const { classes, labels, predicted, va, confidence, likelihood, rows } = predictions;
  const lines = Array.from(rows, (row, i) => {
    const numbers = va ? [va.truth, va.predicted].flatMap((v) => [v[2 * i], v[2 * i + 1]]) : ['', '', '', ''];
    return [
      csvField(samples.imageAt(row)),
      csvField(classes[labels[i]]),
      csvField(classes[predicted[i]]),
      ...numbers,
      confidence[i],
      likelihood[i],
    ].join(',');
  });
  return `${[COLUMNS.join(','), ...lines].join('\n')}\n`;
}

/**
 * Predictions out of predictions.csv, and the images they are of.
 * @param classes the run's, in order
 * @throws InputError naming file and line
 */
export function parsePredictions(text: string, file: string, classes: readonly string[]): ReadPredictions {
  const [header, ...rows] = recordsOf(text, file);
  const columns = [COLUMNS, OLD_COLUMNS].find((names) => names.join() === header?.join());
  if (!columns) throw new InputError(`${file}: line 1: expected ${COLUMNS.join()}`);
  const images: string[] = [];
  const [labels, predicted, confidence, likelihood]: number[][] = [[], [], [], []];
  const va = { truth: [] as number[], predicted: [] as number[] };
  for (const [i, fields] of rows.entries()) {
    const [image, ...names] = fields.slice(0, 3);
    const [label, said] = names.map((name) => classes.indexOf(name));
    const numbers = fields.slice(3).map(Number);
    const known = numbers.slice(4).every((p, j) => fields[7 + j] !== '' && p >= 0 && p <= 1);
    if (fields.length !== columns.length || label < 0 || said < 0 || numbers.some(Number.isNaN) || !known)
      throw new InputError(
        `${file}: line ${i + 2}: expected ${columns.length} columns, two classes of the run among them, four numbers ` +
          `${columns === COLUMNS ? 'and two probabilities, ' : ''}found ${fields.join().slice(0, 200)}`,
      );
    images.push(image);
    labels.push(label);
    predicted.push(said);
    confidence.push(numbers[4]);
    likelihood.push(numbers[5]);
    if (fields[3] === '') continue;
    va.truth.push(numbers[0], numbers[1]);
    va.predicted.push(numbers[2], numbers[3]);
  }
  const complete = va.truth.length > 0 && va.truth.length === 2 * labels.length;
  const probabilities = columns === COLUMNS ? { confidence, likelihood } : {};
  return { classes, images, labels, predicted, va: complete ? va : undefined, ...probabilities };
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
