// AffectNet's annotation files as they were published, or with columns of one's own: one CSV row a face.

import { basename, join, resolve } from 'node:path';
import { classFinder, isEmotion } from '../../base/emotions';
import { InputError } from '../../base/errors';
import { type CsvRow, readCsv } from '../csv';
import { eyesOf } from '../eyes';
import type { Align, FacePose } from '../face';
import { lookAt } from '../files';
import { CLASSES } from '../labels';
import { numbersOf } from '../numbers';
import { type AnnotationSet, beginSet, endSet, type SetReading } from '../samples';
import { AFFECTNET, type CsvColumns, columnsOf, type Role } from './columns';
import { type AnnotationOptions, type DataLayout, drop, tooFew } from './layout';
import { classNumberOf, numberOf, RowError, unitOf } from './values';

/** AffectNet's columns, which may stand in any order; others may stand among them. */
export const AFFECTNET_COLUMNS = Object.values(AFFECTNET);

/** Of these a file may have neither: what is to learn expressions alone needs none. */
const CONTINUOUS = ['valence', 'arousal'] as const;
const FACE = ['face_x', 'face_y', 'face_width', 'face_height', 'landmarks'] as const;

/** Broken rows, if they are more than the others, after which a file is not read on. */
const MAX_BAD = 20_000;

const AS_THEY_ARE = '--align off takes pictures as they are (faces that are cropped already)';

export const csv: DataLayout = {
  name: 'csv',
  ownPictures: false,
  is: (_, kind) => kind === 'text',
  async read(data, options) {
    ofAffectNet(data, options);
    return {
      train: await readAffectNet(data, options.classes, options),
      val: null,
      sources: [{ path: resolve(data) }],
    };
  },
};

/** AffectNet's folder: both of its files, by their names. */
export const csvFolder: DataLayout = {
  name: 'csv',
  ownPictures: true,
  is: (data, kind) => kind === 'folder' && lookAt(join(data, 'training.csv')) === 'a file',
  async read(data, options) {
    ofAffectNet(data, options);
    const root = options.imageDir ?? data;
    const read = async (name: string) => ({
      ...(await readAffectNet(join(data, name), options.classes, options)),
      root,
    });
    const val = lookAt(join(data, 'validation.csv')) === 'nothing' ? null : await read('validation.csv');
    const sources = ['training.csv', 'validation.csv'].map((name) => ({ path: resolve(data, name) }));
    return { train: await read('training.csv'), val, sources };
  },
};

/** @throws InputError where another data set's classes are asked for */
export function ofAffectNet(data: string, { dataset }: Pick<AnnotationOptions, 'dataset'>): void {
  if (dataset === 'affectnet') return;
  throw new InputError(
    `${data}: expected Aff-Wild2's annotation folder or an annotation pickle, found labels of AffectNet, ` +
      'which go with --dataset affectnet',
  );
}

/**
 * Reads one CSV file, in a stream. Rows whose `expression` is none of the classes', by number (7 contempt unless there
 * are eight, 8 none, 9 uncertain, 10 no face) or by name, are dropped and counted (the original keeps negative ones, which no loss can
 * take); a row that is broken goes to `bad`. A valence or arousal of -2 (AffectNet's mark for none), NaN or an empty one, or
 * a file without both columns, gives NaN. Without `align` nothing is read of where a face is.
 *
 * @param classes AffectNet's seven or eight, or others
 * @param columns see `columnsOf`
 * @throws InputError: no such file, no CSV, a missing column, no usable row
 */
export async function readAffectNet(
  file: string,
  classes: readonly string[] = CLASSES,
  { align = true, columns = null, group = null }: Pick<AnnotationOptions, 'align' | 'columns' | 'group'> = {},
): Promise<AnnotationSet> {
  const set = beginSet(file);
  const names = columnsOf(columns);
  const read = (Object.keys(names) as Role[]).filter((role) => align || !isFace(role)).map((role) => names[role]);
  const all = group === null ? read : [...new Set([...read, group])];
  const rows = readCsv(file, all, (header, line) => {
    checkHeader(file, header, line, names, align);
    if (group !== null && !header.includes(group))
      throw new InputError(`${file}: line ${line}: missing column ${group} (--split_by), found ${header.join(',')}`);
  });
  const place = placeIn(classes);
  const expected = `rows with an expression of 0 to ${classes.length - 1}`;
  for await (const row of rows) {
    takeRow(set, row, names, align, place, group);
    if (set.bad.length > MAX_BAD && set.bad.length > set.samples.length) throw tooFew(set, expected);
  }
  if (set.samples.length === 0) throw tooFew(set, expected);
  return endSet(set);
}

const isFace = (role: Role): boolean => FACE.some((name) => name === role);

function checkHeader(file: string, header: readonly string[], line: number, names: CsvColumns, align: Align): void {
  const roles = Object.keys(names) as Role[];
  const absent = roles.filter((role) => !header.includes(names[role]));
  const given = (role: Role): boolean => names[role] !== AFFECTNET[role];
  const needless = (role: Role): boolean =>
    (!align && isFace(role)) ||
    (CONTINUOUS.some((name) => name === role) && CONTINUOUS.every((name) => absent.includes(name) && !given(name)));
  const missing = absent.filter((role) => !needless(role));
  if (missing.length === 0) return;
  const list = missing.map((role) => (given(role) ? `${names[role]} (--columns ${role}=${names[role]})` : names[role]));
  const advice = missing.some(isFace) ? `; ${AS_THEY_ARE}` : '';
  const found = JSON.stringify(header.join(','));
  throw new InputError(
    `${file}: line ${line}: missing column${missing.length > 1 ? 's' : ''} ${list.join(', ')}; ` +
      `expected AffectNet's header ${AFFECTNET_COLUMNS.join(',')} (or --columns image=...,expression=...), ` +
      `found ${found.length > 200 ? `${found.slice(0, 200)}...` : found}${advice}`,
  );
}

/** The class that a text means, or as what its row is dropped. */
function placeIn(classes: readonly string[]): (text: string) => number | string {
  const find = classFinder(classes);
  return (text) => {
    const named = text !== '' && Number.isNaN(Number(text)) && !/^nan$/i.test(text);
    const place = named ? find(text) : classNumberOf('expression', text);
    if (place >= 0 && place < classes.length) return place;
    if (named && !isEmotion(text))
      throw new RowError(
        `expression: expected a number or one of ${classes.join(', ')}, found ${JSON.stringify(text)}`,
      );
    return `expression ${named ? text.trim() : place}`;
  };
}

function takeRow(
  set: SetReading,
  { fields, line, problem }: CsvRow,
  names: CsvColumns,
  align: Align,
  placeOf: (text: string) => number | string,
  by: string | null,
): void {
  set.rows++;
  const image = fields[names.image];
  try {
    if (problem) throw new RowError(problem);
    const expression = placeOf(fields[names.expression]);
    if (typeof expression === 'string') {
      drop(set, expression);
      return;
    }
    if (image === '') throw new RowError(`${names.image}: expected a path, found nothing`);
    const pose = align ? poseOf(fields, names) : null;
    const [valence, arousal] = CONTINUOUS.map((role) => unitOf(names[role], fields[names[role]]));
    if (pose && Math.trunc(pose.box[2]) !== Math.trunc(pose.box[3])) set.stretched++;
    const group = by && fields[by].trim();
    if (group === '') throw new RowError(`${by}: expected what to split by, found nothing`);
    const sample = { image, expression, valence, arousal, pose, group };
    set.samples.push(sample, `${basename(set.file).replaceAll('%', '%%')} line %`, line);
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    set.bad.push({ where: `${basename(set.file)} line ${line}`, image, reason: error.message });
  }
}

function poseOf(fields: Readonly<Record<string, string>>, names: CsvColumns): FacePose {
  if (FACE.every((role) => fields[names[role]] === ''))
    throw new RowError(`expected a face box and landmarks, found none; ${AS_THEY_ARE}`);
  const [x, y, width, height] = FACE.slice(0, 4).map((role) => numberOf(names[role], fields[names[role]]));
  if (width < 1 || height < 1) throw new RowError(`face box: expected a size of 1 or more, found ${width} x ${height}`);
  const points = numbersOf(fields[names.landmarks]);
  try {
    const [leftEye, rightEye] = eyesOf(points);
    return { leftEye, rightEye, box: [x, y, width, height] };
  } catch (error) {
    throw error instanceof InputError ? new RowError(`${names.landmarks}: ${error.message}`) : error;
  }
}
