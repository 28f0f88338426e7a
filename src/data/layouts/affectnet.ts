// AffectNet's annotation files as they are published: one CSV row a face.
import { basename } from 'node:path';
import { InputError } from '../../base/errors';
import { eyeCentres } from '../../base/pixels/align';
import { type CsvRow, readCsv } from '../csv';
import type { FacePose } from '../face';
import { CLASSES } from '../labels';
import { numbersOf } from '../numbers';
import type { Sample } from '../sample_columns';
import { type AnnotationSet, beginSet, endSet, type SetReading } from '../samples';

/** The columns that are read, in any order; others may stand among them. */
export const AFFECTNET_COLUMNS = [
  'subDirectory_filePath',
  'face_x',
  'face_y',
  'face_width',
  'face_height',
  'facial_landmarks',
  'expression',
  'valence',
  'arousal',
] as const;

/** Of these a file may have neither: what is to learn expressions alone needs none. */
const CONTINUOUS: readonly string[] = ['valence', 'arousal'];

/** Broken rows, if they are more than the others, after which a file is not read on. */
const MAX_BAD = 20_000;
/** Classes have small numbers. */
const MAX_CLASS = 1000;

type Row = Record<(typeof AFFECTNET_COLUMNS)[number], string>;

/**
 * Reads one of AffectNet's CSV files, in a stream. Rows whose `expression` is none of the classes' (7 contempt unless there
 * are eight, 8 none, 9 uncertain, 10 no face) are dropped and counted (the original keeps negative ones, which no loss can
 * take); a row that is broken goes to `bad`. A valence or arousal of -2 (AffectNet's mark for none), NaN or an empty one, or
 * a file without both columns, gives NaN.
 *
 * @param classes AffectNet's seven or eight
 * @throws InputError: no such file, no CSV, a missing column, no usable row
 */
export async function readAffectNet(file: string, classes: readonly string[] = CLASSES): Promise<AnnotationSet> {
  const set = beginSet(file);
  const rows = readCsv(file, AFFECTNET_COLUMNS, (header, line) => checkHeader(file, header, line));
  for await (const row of rows) {
    takeRow(set, classes.length, row);
    if (set.bad.length > MAX_BAD && set.bad.length > set.samples.length)
      throw new InputError(`${file}: ${describeNothing(set, classes.length)}`);
  }
  if (set.samples.length === 0) throw new InputError(`${file}: ${describeNothing(set, classes.length)}`);
  return endSet(set);
}

function checkHeader(file: string, header: readonly string[], line: number): void {
  const absent = AFFECTNET_COLUMNS.filter((c) => !header.includes(c));
  const missing = CONTINUOUS.every((c) => !header.includes(c)) ? absent.filter((c) => !CONTINUOUS.includes(c)) : absent;
  if (missing.length === 0) return;
  const found = JSON.stringify(header.join(','));
  throw new InputError(
    `${file}: line ${line}: missing column${missing.length > 1 ? 's' : ''} ${missing.join(', ')}; ` +
      `expected AffectNet's header ${AFFECTNET_COLUMNS.join(',')}, ` +
      `found ${found.length > 200 ? `${found.slice(0, 200)}...` : found}`,
  );
}

function takeRow(set: SetReading, classes: number, { fields, line, problem }: CsvRow): void {
  set.rows++;
  const row = fields as Row;
  try {
    if (problem) throw new RowError(problem);
    const expression = integer(row, 'expression');
    if (Math.abs(expression) > MAX_CLASS) throw new RowError(`expression: expected a class, found ${expression}`);
    if (expression < 0 || expression >= classes) {
      const kind = `expression ${expression}`;
      set.dropped.set(kind, (set.dropped.get(kind) ?? 0) + 1);
      return;
    }
    const sample = parseRow(row, expression);
    const [, , width, height] = sample.pose.box;
    if (Math.trunc(width) !== Math.trunc(height)) set.stretched++;
    set.samples.push(sample, `${basename(set.file).replaceAll('%', '%%')} line %`, line);
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    set.bad.push({
      where: `${basename(set.file)} line ${line}`,
      image: row.subDirectory_filePath,
      reason: error.message,
    });
  }
}

/** Why a row is bad. */
class RowError extends Error {}

function parseRow(row: Row, expression: number): Omit<Sample, 'where'> & { pose: FacePose } {
  if (row.subDirectory_filePath === '') throw new RowError('subDirectory_filePath: expected a path, found nothing');
  const [x, y, width, height] = (['face_x', 'face_y', 'face_width', 'face_height'] as const).map((column) =>
    number(row, column),
  );
  if (width < 1 || height < 1) throw new RowError(`face box: expected a size of 1 or more, found ${width} x ${height}`);
  const landmarks = numbersOf(row.facial_landmarks);
  let usable = 0;
  for (const v of landmarks) if (Math.abs(v) <= FAR) usable++;
  if (landmarks.length !== 136 || usable !== 136) {
    throw new RowError(
      `facial_landmarks: expected 68 points (136 numbers x;y;...), found ${usable} of ${landmarks.length}`,
    );
  }
  const [leftEye, rightEye] = eyeCentres(landmarks);
  if (leftEye[0] === rightEye[0] && leftEye[1] === rightEye[1]) {
    throw new RowError(`facial_landmarks: both eyes (points 36-41 and 42-47) are at ${leftEye.join(', ')}`);
  }
  const [valence, arousal] = [unit(row, 'valence'), unit(row, 'arousal')];
  const pose = { leftEye, rightEye, box: [x, y, width, height] } as const;
  return { image: row.subDirectory_filePath, expression, valence, arousal, pose, group: null };
}

/** Positions beyond this are no pixels of any picture. */
const FAR = 1e6;

function number(row: Row, column: keyof Row): number {
  const value = row[column] === '' ? Number.NaN : Number(row[column]);
  if (!(Math.abs(value) <= FAR))
    throw new RowError(`${column}: expected a number, found ${JSON.stringify(row[column])}`);
  return value;
}

function integer(row: Row, column: keyof Row): number {
  const value = number(row, column);
  if (!Number.isInteger(value)) throw new RowError(`${column}: expected an integer, found ${row[column]}`);
  return value;
}

/** NaN: none. */
function unit(row: Row, column: keyof Row): number {
  if (/^(|-2(\.0*)?|nan)$/i.test(row[column] ?? '')) return Number.NaN;
  const value = number(row, column);
  if (value < -1 || value > 1) throw new RowError(`${column}: expected -1 .. 1, found ${row[column]}`);
  return value;
}

function describeNothing({ rows, samples, bad, dropped }: SetReading, classes: number): string {
  const outside = [...dropped.values()].reduce((a, b) => a + b, 0);
  const first = bad.length > 0 ? `; the first broken one: ${bad[0].where}: ${bad[0].reason}` : '';
  return (
    `expected rows with an expression of 0 to ${classes - 1}, found ${samples.length || 'none'} among ${rows} ` +
    `(${outside} of other classes, ${bad.length} broken)${first}`
  );
}
