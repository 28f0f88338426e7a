// Annotated sets, whatever their layout: what they hold, and what training would make of them.

import { InputError } from '../../base/errors';
import {
  type AnnotationSet,
  absentClasses,
  type BadItem,
  checkBad,
  classCounts,
  classesOf,
  countWithValenceArousal,
  type Dataset,
  layoutOf,
  readAffectNet,
  readAnnotations,
} from '../../data';
import { keepInside, ownFolderClasses } from '../../data/annotations';
import { canvasOf } from '../../data/face';
import { ImageRoot } from '../../data/image_root';
import { validationOf } from '../loop/run_data';
import type { FileKind, Inspection, InspectSettings } from './inspection';
import { lookAtPictures } from './pictures';

export async function inspectAffectNet(file: string, settings: InspectSettings): Promise<Inspection> {
  const classes = settings.classes ?? classesOf({ dataset: 'affectnet', num_classes: settings.numClasses });
  const { imageDir } = settings;
  const read = await readAffectNet(file, classes, settings);
  const rows = imageDir === null ? read : keepInside({ ...read, root: imageDir }, new ImageRoot(imageDir));
  return ofSets('affectnet-csv', {}, { rows }, classes, settings);
}

export async function inspectAnnotations(
  data: string,
  settings: InspectSettings & { readonly dataset: Dataset },
): Promise<Inspection> {
  const { dataset, imageDir } = settings;
  const { name } = await layoutOf(data);
  const classes =
    settings.classes ?? ownFolderClasses(data) ?? classesOf({ dataset, num_classes: settings.numClasses });
  const options = { ...settings, classes, imageDir: imageDir ?? (name === 'affwild2' ? data : null) };
  const { train, val: own } = await readAnnotations(data, options);
  const val = settings.valData ? validationOf(await readAnnotations(settings.valData, options)) : own;
  const facts = {
    layout: name,
    ...(name === 'folders' && { classes: classes.join(',') }),
    ...(!val && { validation: 'a part of it, split off (--val_fraction), or --val_data' }),
  };
  return ofSets('annotations', facts, val ? { train, val } : { train }, classes, settings);
}

/** Counts of every set, in columns; what is dropped or broken by its kind. */
async function ofSets(
  kind: FileKind,
  facts: Record<string, string | number>,
  sets: Readonly<Record<string, AnnotationSet>>,
  classes: readonly string[],
  settings: InspectSettings,
): Promise<Inspection> {
  for (const set of Object.values(sets)) {
    if (set.samples.length > 0) continue;
    checkBad(set.bad, set.rows, settings.maxBad);
    throw new InputError(`${set.file}: expected samples of the classes, found none among ${set.rows}`);
  }
  if (settings.contactSheet && Object.values(sets).every(({ root }) => root === null))
    throw new InputError(`--contact_sheet ${settings.contactSheet}: there are no pictures without --image_dir DIR`);
  const pictures = await lookAtPictures(sets, { decode: settings.decode ?? false, onProgress: settings.onProgress });
  const said = { ...facts };
  let refused: string | undefined;
  for (const [name, set] of Object.entries(sets)) {
    const of = pictures.of[name];
    for (const [what, value] of Object.entries({ ...ofRows(set, classes), ...of?.facts }))
      said[`${name}: ${what}`] = value;
    refused ??= tooManyBad(set, [...set.bad, ...(of?.shown ?? [])], set.bad.length + (of?.bad ?? 0), settings.maxBad);
  }
  if (settings.contactSheet) {
    const { writeContactSheet } = await import('./contact_sheet');
    await writeContactSheet(settings.contactSheet, sets, classes, canvasOf(settings.align ?? true));
    said['contact sheet'] = settings.contactSheet;
  }
  return { kind, facts: { ...said, ...pictures.both }, table: tableOf(sets, classes), refused };
}

/** The reason of a reader for a valence or arousal that is none. */
const OUTSIDE = /expected (a number of )?-1 \.\. 1/;
/** Kinds of broken rows that are named. */
const KINDS = 5;

/** What is said of a set without its pictures. */
function ofRows(set: AnnotationSet, classes: readonly string[]): Record<string, string | number> {
  const { samples, rows, dropped, bad, stretched } = set;
  const facts: Record<string, string | number> = {
    samples: rows === samples.length ? rows : `${samples.length} of ${rows}`,
  };
  for (const [what, n] of dropped) facts[`dropped, ${what}`] = n;
  const absent = absentClasses(samples, classes);
  if (absent.length > 0) facts['no face of'] = absent.join(', ');
  const without = samples.length - countWithValenceArousal(samples);
  if (without > 0) facts['without valence and arousal'] = `${without} (--model single_task needs none)`;
  facts.broken = bad.length;
  const outside = bad.filter(({ reason }) => OUTSIDE.test(reason)).length;
  if (outside > 0) facts['broken, valence or arousal outside -1 .. 1'] = outside;
  // What differs in numbers and names alone is of one kind.
  const kinds = new Map<string, { n: number; first: BadItem }>();
  for (const item of bad) {
    const key = item.reason.slice(0, 300).replace(/[\w./-]*\d[\w./-]*|"[^"]*"/g, '#');
    const known = kinds.get(key);
    if (known) known.n++;
    else kinds.set(key, { n: 1, first: item });
  }
  const most = [...kinds.values()].sort((a, b) => b.n - a.n).slice(0, KINDS);
  if (bad.length > 0)
    facts['broken, such as'] = most
      .map(({ n, first: { where, image, reason } }) => `${n} as ${where}${image ? `: ${image}` : ''}: ${reason}`)
      .join('; ');
  if (stretched > 0) facts['boxes that are not square'] = stretched;
  return facts;
}

/** The message that training would end with. */
function tooManyBad(
  { samples, bad }: AnnotationSet,
  shown: readonly BadItem[],
  n: number,
  maxBad: number,
): string | undefined {
  const rows = samples.length + bad.length;
  if (n <= Math.floor(maxBad * rows)) return undefined;
  const { where, image, reason } = shown[0];
  return (
    `${n} of ${rows} rows and images cannot be used, more than ${100 * maxBad} % (--max_bad ${maxBad}): training would not begin; ` +
    `the first: ${where}: ${image}: ${reason}`
  );
}

function tableOf(sets: Readonly<Record<string, AnnotationSet>>, classes: readonly string[]): string[][] {
  const columns = Object.values(sets).map(({ samples }) => ({ samples, counts: classCounts(samples, classes) }));
  const share = (n: number, of: number): string => `${n} (${((100 * n) / Math.max(of, 1)).toFixed(1)} %)`;
  const mean = (samples: AnnotationSet['samples'], valueAt: (i: number) => number): string => {
    let [sum, n] = [0, 0];
    for (let i = 0; i < samples.length; i++) {
      const value = valueAt(i);
      if (Number.isNaN(value)) continue;
      sum += value;
      n++;
    }
    return n > 0 ? (sum / n).toFixed(3) : '';
  };
  return [
    ['class', ...Object.keys(sets)],
    ...classes.map((name, c) => [name, ...columns.map(({ samples, counts }) => share(counts[c], samples.length))]),
    ['mean valence', ...columns.map(({ samples }) => mean(samples, (i) => samples.valenceAt(i)))],
    ['mean arousal', ...columns.map(({ samples }) => mean(samples, (i) => samples.arousalAt(i)))],
  ];
}
