// The original's two pickling scripts.
import { dirname, join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import { InputError } from '../base/errors';
import { writeWhole } from '../data/files';
import { AFFWILD2_CLASSES } from '../data/labels';
import { type Sample, Samples } from '../data/sample_columns';
import { type AnnotationSet, classCounts, describeAnnotations, describeBad } from '../data/samples';
import { checkNotOfRun } from '../train/run/files';
import { TRAIN_SETTINGS, type TrainArgs } from '../train/settings/args';
import { readClasses } from '../train/settings/data';
import { checkAnnotations, checkFolder } from '../train/settings/places';
import { orNone, readSettings, type Settings, text } from '../train/settings/settings';
import { formatTable } from './format';
import { addSettings } from './settings_options';
import { print, say } from './terminal';

const folder = (help: string) => ({ kind: text('DIR', 'the path of a folder'), help });
const out = (preset: string) => ({
  kind: text('FILE', 'the path of a file to write'),
  default: preset,
  help: 'pickle to write',
});

interface AffectNetSettings
  extends Pick<TrainArgs, 'image_dir' | 'val_data' | 'columns' | 'align' | 'num_classes' | 'max_bad'> {
  csv_dir: string | null;
  data: string | null;
  out: string;
}

const AFFECTNET: Settings<AffectNetSettings> = {
  csv_dir: {
    kind: orNone(text('DIR', 'the path of a folder')),
    default: null,
    help: "folder of AffectNet's training.csv and validation.csv",
  },
  data: {
    kind: orNone(TRAIN_SETTINGS.data.kind),
    default: null,
    help: 'in its place: annotations of any layout that train takes',
  },
  val_data: { ...TRAIN_SETTINGS.val_data, help: 'validation annotations; default: those in --data' },
  image_dir: { ...TRAIN_SETTINGS.image_dir, help: 'folder that the paths in the pickle start from' },
  columns: TRAIN_SETTINGS.columns,
  align: TRAIN_SETTINGS.align,
  num_classes: TRAIN_SETTINGS.num_classes,
  max_bad: TRAIN_SETTINGS.max_bad,
  out: out('data.pkl'),
};

const AFFECTNET_NOTE = `
Where the annotations have no face boxes (the npy release, a folder a class) the picture is the box. The eyes are those of the landmarks;
without landmarks, and with --align off, they are level, so that the original takes the picture as it is.

Examples:
  emotion-gcn prepare affectnet --csv_dir AffectNet --out data.pkl
  emotion-gcn prepare affectnet --data AffectNet_npy --out data.pkl`;

/** `emotion-gcn prepare affectnet`, the original's pickle_annotations_affectnet.py */
export const prepareAffectNet = (): Command =>
  addSettings(new Command('affectnet').description("AffectNet's annotations to the original's pickle"), AFFECTNET)
    .addHelpText('after', AFFECTNET_NOTE)
    .action(async (options: Record<string, unknown>) => {
      const settings = readSettings(AFFECTNET, options);
      const { csv_dir, val_data, image_dir: imageDir, columns, align } = settings;
      checkNotOfRun(settings.out);
      if ((csv_dir === null) === (settings.data === null))
        throw new InputError('missing: --csv_dir DIR, or in its place --data PATH');
      if (csv_dir !== null) checkFolder('csv_dir', csv_dir);
      const data = csv_dir ?? (settings.data as string);
      const { classes } = readClasses(
        { dataset: 'affectnet', num_classes: settings.num_classes, classes: null },
        options,
      );
      checkAnnotations('data', data);
      if (val_data !== null) checkAnnotations('val_data', val_data);
      const { encodeAnnotationPickle, readAnnotations } = await import('../data');
      const { withPoses } = await import('../data/whole_poses');
      const how = { dataset: 'affectnet', classes, imageDir, columns, align } as const;
      const given = await readAnnotations(data, how);
      const others = val_data === null ? given : await readAnnotations(val_data, how);
      const second = val_data === null ? given.val : (others.val ?? others.train);
      if (!second)
        throw new InputError(`${data}: expected a training and a validation set, found one; give --val_data`);
      const [train, val] = [await withPoses(given.train), await withPoses(second)];
      await tell([train, val], classes, settings.max_bad);
      const root = rootOfBoth(train, val);
      const below = ({ samples, root: own }: AnnotationSet): Samples =>
        root === null || own === null || resolve(own) === root
          ? samples
          : Samples.of(samples.map((sample) => ({ ...sample, image: join(relative(root, own), sample.image) })));
      const bytes = encodeAnnotationPickle({ train: below(train), val: below(val) }, 'affectnet');
      await write(settings.out, bytes, 'AffectNet_annotation', train, val);
      if (csv_dir === null && root !== null) print(`paths in it start from ${root}: the original's --image_dir`);
    });

/** The folder that holds the pictures of both sets; null: one is not known. */
function rootOfBoth({ root: a }: AnnotationSet, { root: b }: AnnotationSet): string | null {
  if (a === null || b === null) return null;
  let root = resolve(a);
  while (relative(root, resolve(b)).startsWith('..')) root = dirname(root);
  return root;
}

interface AffWild2Settings {
  annotations_dir: string;
  videos_dir: string;
  max_bad: number;
  out: string;
}

const AFFWILD2: Settings<AffWild2Settings> = {
  annotations_dir: folder('folder of EXPR_Set and VA_Set'),
  videos_dir: folder("folder of the videos' folders; the frames' paths begin with it"),
  max_bad: TRAIN_SETTINGS.max_bad,
  out: out('data_affwild2.pkl'),
};

/** `emotion-gcn prepare affwild2`, the original's pickle_annotations_affwild2.py */
export const prepareAffWild2 = (): Command =>
  addSettings(
    new Command('affwild2').description("Aff-Wild2's text files and frames to an annotation pickle"),
    AFFWILD2,
  )
    .addHelpText(
      'after',
      '\nExample:\n  emotion-gcn prepare affwild2 --annotations_dir annotations --videos_dir cropped_aligned',
    )
    .action(async (options: Record<string, unknown>) => {
      const { annotations_dir, videos_dir, max_bad, out } = readSettings(AFFWILD2, options);
      checkNotOfRun(out);
      checkFolder('annotations_dir', annotations_dir);
      checkFolder('videos_dir', videos_dir);
      const { encodeAnnotationPickle, readAnnotations } = await import('../data');
      const { train, val } = await readAnnotations(annotations_dir, {
        dataset: 'affwild2',
        classes: AFFWILD2_CLASSES,
        imageDir: videos_dir,
      });
      if (!val) throw new Error('no validation set'); // Aff-Wild2's folder has one
      await tell([train, val], AFFWILD2_CLASSES, max_bad);
      const path = ({ image }: Sample) => `${videos_dir.replace(/\/$/, '')}/${image}`;
      const bytes = encodeAnnotationPickle({ train: train.samples, val: val.samples }, 'affwild2', path);
      await write(out, bytes, 'Affwild2_annotation', train, val);
    });

/** Says what was read and left out. @throws InputError if more is broken than `maxBad` allows */
async function tell(sets: readonly AnnotationSet[], classes: readonly string[], maxBad: number): Promise<void> {
  const { checkBad } = await import('../data');
  for (const set of sets) {
    say(describeAnnotations(set));
    checkBad(set.bad, set.rows, maxBad);
    for (const item of set.bad) say(`left out: ${describeBad(item)}`);
  }
  const counts = sets.map(({ samples }) => classCounts(samples, classes).map(String));
  print(
    formatTable([
      ['', ...classes],
      ['train', ...counts[0]],
      ['val', ...counts[1]],
    ]),
  );
}

async function write(
  out: string,
  bytes: Uint8Array,
  name: string,
  train: AnnotationSet,
  val: AnnotationSet,
): Promise<void> {
  await writeWhole(out, bytes);
  const sizes = `'train': ${train.samples.length}, 'val': ${val.samples.length}`;
  print(`\nwritten to ${out}: a dict of two lists of dataloading.${name} (${sizes})`);
}
