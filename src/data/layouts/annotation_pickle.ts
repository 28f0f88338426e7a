// The original's annotation pickles: {'train': [...], 'val': [...]}, a record a sample. Its two scripts write them.
import { basename } from 'node:path';
import { InputError } from '../../base/errors';
import type { Point } from '../../base/pixels/align';
import {
  asFloat64,
  asNdarray,
  describe,
  ndarray,
  type PickleValue,
  PyFloat,
  PyObject,
  readPickle,
  writePickle,
} from '../../formats/pickle';
import type { FacePose } from '../face';
import type { Dataset } from '../labels';
import { placeOf, type Sample, type Samples } from '../sample_columns';
import { type AnnotationSet, beginSet, endSet, type SetReading } from '../samples';

const RECORDS = { affectnet: 'AffectNet_annotation', affwild2: 'Affwild2_annotation' } as const;

type Fields = Map<PickleValue, PickleValue>;

/** Why a record is bad. */
class RecordError extends Error {}

/**
 * The two sets of an annotation pickle. Expressions that are none of the classes' are dropped and counted; a record with a
 * value that cannot be used goes to `bad`.
 *
 * @throws InputError naming the file, and the byte or the record: no such pickle, or one of another data set
 */
export function parseAnnotationPickle(
  bytes: Uint8Array,
  file: string,
  { dataset, classes }: { dataset: Dataset; classes: readonly string[] },
): { train: AnnotationSet; val: AnnotationSet } {
  const value = readPickle(bytes, file);
  if (!(value instanceof Map) || !Array.isArray(value.get('train')) || !Array.isArray(value.get('val'))) {
    throw new InputError(`${file}: expected a dict of two lists, train and val, found ${describe(value)}`);
  }
  const setOf = (part: 'train' | 'val'): AnnotationSet => {
    const records = value.get(part) as readonly PickleValue[];
    const set = { ...beginSet(`${file} (${part})`), rows: records.length };
    for (const [i, record] of records.entries()) {
      const fields = fieldsOf(record, dataset, `${file}: ${part}[${i}]`);
      takeRecord(set, fields, `${basename(file).replaceAll('%', '%%')} ${part}[%]`, i, dataset, classes);
    }
    return endSet(set);
  };
  return { train: setOf('train'), val: setOf('val') };
}

/** The data set that an annotation pickle's first record is of; undefined: of neither. */
export function datasetOfPickle(value: PickleValue): Dataset | undefined {
  const lists = value instanceof Map ? [value.get('train'), value.get('val')] : [];
  const first = lists.flatMap((list) => (Array.isArray(list) ? list.slice(0, 1) : []))[0];
  return (Object.keys(RECORDS) as Dataset[]).find((name) => isRecord(first, name));
}

const isRecord = (record: PickleValue | undefined, dataset: Dataset): boolean =>
  describe(record).endsWith(`.${RECORDS[dataset]}`);

function fieldsOf(record: PickleValue, dataset: Dataset, where: string): Fields {
  const wanted = RECORDS[dataset];
  if (record instanceof PyObject && record.name.endsWith(`.${wanted}`) && record.state instanceof Map)
    return record.state;
  const other = (Object.keys(RECORDS) as Dataset[]).find((name) => isRecord(record, name));
  const advice = other && other !== dataset ? `; these are annotations of ${other}: give --dataset ${other}` : '';
  throw new InputError(`${where}: expected ${wanted}, found ${describe(record)}${advice}`);
}

function takeRecord(
  set: SetReading,
  fields: Fields,
  where: string,
  place: number,
  dataset: Dataset,
  classes: readonly string[],
): void {
  const path = fields.get(dataset === 'affectnet' ? 'image_path' : 'frame_path');
  try {
    if (typeof path !== 'string' || path === '') throw new RecordError(`expected a path, found ${describe(path)}`);
    const expression = number(fields, 'expression', Number.POSITIVE_INFINITY);
    if (!Number.isInteger(expression)) throw new RecordError(`expression: expected an integer, found ${expression}`);
    if (expression < 0 || expression >= classes.length) {
      const kind = `expression ${expression}`;
      set.dropped.set(kind, (set.dropped.get(kind) ?? 0) + 1);
      return;
    }
    const pose = dataset === 'affectnet' ? poseOf(fields) : null;
    if (pose && Math.trunc(pose.box[2]) !== Math.trunc(pose.box[3])) set.stretched++;
    const [valence, arousal] = [unit(fields, 'valence'), unit(fields, 'arousal')];
    set.samples.push({ image: path, expression, valence, arousal, pose, group: null }, where, place);
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    set.bad.push({ where: placeOf(where, place), image: String(path), reason: error.message });
  }
}

function poseOf(fields: Fields): FacePose {
  const [x, y, width, height] = ['face_x', 'face_y', 'face_width', 'face_height'].map((name) => number(fields, name));
  if (!(width >= 1 && height >= 1)) {
    throw new RecordError(`face box: expected a size of 1 or more, found ${width} x ${height}`);
  }
  const [leftEye, rightEye] = [eye(fields, 'left_eye'), eye(fields, 'right_eye')];
  if (leftEye.join() === rightEye.join()) throw new RecordError(`both eyes are at ${leftEye.join(', ')}`);
  return { leftEye, rightEye, box: [x, y, width, height] };
}

/** Positions beyond this are no pixels of any picture. */
const FAR = 1e6;

function number(fields: Fields, name: string, most = FAR): number {
  const value = fields.get(name);
  if (typeof value !== 'number' || !(Math.abs(value) <= most)) {
    const wanted = most === 1 ? 'a number of -1 .. 1' : 'a number';
    throw new RecordError(`${name}: expected ${wanted}, found ${describe(value)}`);
  }
  return value;
}

/** NaN where the file has AffectNet's -2, NaN or None. */
function unit(fields: Fields, name: string): number {
  const value = fields.get(name);
  return value === null || value === -2 || Number.isNaN(value) ? Number.NaN : number(fields, name, 1);
}

function eye(fields: Fields, name: string): Point {
  const value = fields.get(name);
  try {
    const point = asFloat64(asNdarray(value));
    if (point.length === 2 && point.every((v) => Math.abs(v) <= FAR)) return [point[0], point[1]];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
  }
  throw new RecordError(`${name}: expected an array of two numbers, found ${describe(value)}`);
}

/** The pickle that the original's scripts write of these samples; `paths` gives a sample's path in it. */
export function encodeAnnotationPickle(
  sets: { train: Samples; val: Samples },
  dataset: Dataset,
  paths: (sample: Sample) => string = ({ image }) => image,
): Uint8Array {
  const encode = dataset === 'affectnet' ? affectNetRecords : affWild2Records;
  return writePickle(
    new Map<PickleValue, PickleValue>([
      ['train', encode(sets.train, paths)],
      ['val', encode(sets.val, paths)],
    ]),
  );
}

function record(dataset: Dataset, fields: [string, PickleValue][]): PyObject {
  const object = new PyObject(`dataloading.${RECORDS[dataset]}`);
  object.state = new Map<PickleValue, PickleValue>(fields);
  return object;
}

/** The sides of a box are floats where any of the set's is no whole number: pandas types a column as one. */
function affectNetRecords(samples: Samples, paths: (sample: Sample) => string): PyObject[] {
  const names = ['face_x', 'face_y', 'face_width', 'face_height'];
  const fractional = names.map((_, c) => samples.some(({ pose }) => !Number.isInteger((pose as FacePose).box[c])));
  const point = (p: Point) => ndarray(BigInt64Array.from(p, BigInt), [2]);
  return samples.map((sample) => {
    const { box, leftEye, rightEye } = sample.pose as FacePose;
    return record('affectnet', [
      ['image_path', paths(sample)],
      ...names.map((name, c): [string, PickleValue] => [name, fractional[c] ? new PyFloat(box[c]) : box[c]]),
      ...labels(sample),
      ['left_eye', point(leftEye)],
      ['right_eye', point(rightEye)],
    ]);
  });
}

const affWild2Records = (samples: Samples, paths: (sample: Sample) => string): PyObject[] =>
  samples.map((sample) => record('affwild2', [['frame_path', paths(sample)], ...labels(sample)]));

const labels = ({ expression, valence, arousal }: Sample): [string, PickleValue][] => [
  ['expression', expression],
  ['valence', new PyFloat(marked(valence))],
  ['arousal', new PyFloat(marked(arousal))],
];

/** AffectNet's mark for none. */
const marked = (value: number): number => (Number.isNaN(value) ? -2 : value);
