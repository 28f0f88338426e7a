// Annotated pictures, single pictures, and runs.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { InputError } from '../../base/errors';
import {
  type AnnotationSet,
  checkBad,
  classCounts,
  classesOf,
  countWithValenceArousal,
  type Dataset,
  decodeImage,
  ImageError,
  readAffectNet,
  readAnnotations,
  readPicture,
} from '../../data';
import { keepInside } from '../../data/annotations';
import { lookAt } from '../../data/files';
import { ImageRoot } from '../../data/image_root';
import { readRun } from '../run/read_run';
import type { FileKind, Inspection, InspectSettings } from './inspection';

export async function inspectAffectNet(file: string, settings: InspectSettings): Promise<Inspection> {
  const classes = classesOf({ dataset: 'affectnet', num_classes: settings.numClasses });
  const { imageDir } = settings;
  const read = await readAffectNet(file, classes);
  const rows = imageDir === null ? read : keepInside(read, new ImageRoot(imageDir));
  return ofSets('affectnet-csv', { rows }, classes, settings);
}

export async function inspectAnnotations(
  file: string,
  settings: InspectSettings & { readonly dataset: Dataset },
): Promise<Inspection> {
  const { dataset, numClasses, imageDir } = settings;
  const classes = classesOf({ dataset, num_classes: numClasses });
  const { train, val } = await readAnnotations(file, {
    dataset,
    classes,
    imageDir: imageDir ?? (lookAt(file) === 'a folder' ? file : null),
  });
  return ofSets('annotations', val ? { train, val } : { train }, classes, settings);
}

/** Counts of every set, in columns; what is dropped or broken by its kind. */
function ofSets(
  kind: FileKind,
  sets: Readonly<Record<string, AnnotationSet>>,
  classes: readonly string[],
  { imageDir, maxBad }: InspectSettings,
): Inspection {
  const facts: Record<string, string | number> = {};
  for (const [name, set] of Object.entries(sets)) {
    checkBad(set.bad, set.rows, maxBad);
    if (set.samples.length === 0)
      throw new InputError(`${set.file}: expected samples of the classes, found none among ${set.rows}`);
    facts[`${name}: samples`] = set.samples.length;
    for (const [what, n] of set.dropped) facts[`${name}: dropped, ${what}`] = n;
    const without = set.samples.length - countWithValenceArousal(set.samples);
    if (without > 0) facts[`${name}: without valence and arousal`] = `${without} (--model single_task needs none)`;
    facts[`${name}: broken`] = set.bad.length;
    if (set.bad.length > 0) facts[`${name}: first broken`] = `${set.bad[0].where}: ${set.bad[0].reason}`;
    if (set.stretched > 0) facts[`${name}: boxes that are not square`] = set.stretched;
    if (imageDir === null) continue;
    const root = new ImageRoot(imageDir);
    const missing = set.samples.filter(({ image }) => !existsSync(resolve(imageDir, image)));
    const links: string[] = [];
    for (const { where, image } of set.samples) {
      const problem = root.linkProblemOf(resolve(imageDir, image));
      if (problem !== null) links.push(`${where}: ${problem}`);
    }
    if (links.length > 0) facts[`${name}: links that lead out`] = `${links.length}, the first ${links[0]}`;
    facts[`${name}: missing pictures`] = missing.length;
    if (missing.length > 0) facts[`${name}: first missing`] = missing.imageAt(0);
  }
  const columns = Object.values(sets).map(({ samples }) => ({ samples, counts: classCounts(samples, classes) }));
  const share = (n: number, of: number): string => `${n} (${((100 * n) / Math.max(of, 1)).toFixed(1)} %)`;
  const mean = (samples: AnnotationSet['samples'], of: 'valence' | 'arousal'): string => {
    const known = samples.map((s) => s[of]).filter((v) => !Number.isNaN(v));
    return known.length > 0 ? (known.reduce((sum, v) => sum + v, 0) / known.length).toFixed(3) : '';
  };
  return {
    kind,
    facts,
    table: [
      ['class', ...Object.keys(sets)],
      ...classes.map((name, c) => [name, ...columns.map(({ samples, counts }) => share(counts[c], samples.length))]),
      ...(['valence', 'arousal'] as const).map((of) => [`mean ${of}`, ...columns.map((c) => mean(c.samples, of))]),
    ],
  };
}

export async function inspectImage(file: string): Promise<Inspection> {
  try {
    const { width, height, data } = await decodeImage(await readPicture(file));
    const mean = (c: number): string => {
      let sum = 0;
      for (let i = c; i < data.length; i += 3) sum += data[i];
      return ((3 * sum) / data.length).toFixed(1);
    };
    return { kind: 'image', facts: { width, height, 'mean red, green, blue': [0, 1, 2].map(mean).join(', ') } };
  } catch (error) {
    throw error instanceof ImageError ? new InputError(`${file}: ${error.message}`) : error;
  }
}

export async function inspectRun(dir: string): Promise<Inspection> {
  const { args, rows, metrics } = readRun(dir);
  const { model, network, dataset, image_size, classes, epochs } = args;
  return {
    kind: 'run',
    facts: {
      model,
      network,
      dataset,
      image_size,
      classes: classes.join(', '),
      epochs: `${rows.length} of ${epochs}`,
      ...(metrics && {
        'best epoch': metrics.best_epoch,
        accuracy: metrics.accuracy.toFixed(4),
        'macro F1': metrics.macro_f1.toFixed(4),
      }),
    },
    table: [
      ['epoch', 'train loss', 'val loss', 'val accuracy'],
      ...rows.map((r) =>
        [r.epoch, r.train_loss.toFixed(4), r.val_loss?.toFixed(4) ?? '', r.val_accuracy.toFixed(4)].map(String),
      ),
    ],
  };
}
