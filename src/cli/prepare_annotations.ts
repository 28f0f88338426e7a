// The original's two pickling scripts.
import { join } from 'node:path';
import { Command } from 'commander';
import { writeWhole } from '../data/files';
import { AFFWILD2_CLASSES } from '../data/labels';
import type { Sample } from '../data/sample_columns';
import { type AnnotationSet, classCounts, describeAnnotations, describeBad } from '../data/samples';
import { checkNotOfRun } from '../train/run/files';
import { TRAIN_SETTINGS } from '../train/settings/args';
import { readClasses } from '../train/settings/data';
import { checkFolder } from '../train/settings/places';
import { readSettings, type Settings, text } from '../train/settings/settings';
import { formatTable } from './format';
import { addSettings } from './settings_options';
import { print, say } from './terminal';

const folder = (help: string) => ({ kind: text('DIR', 'the path of a folder'), help });
const out = (preset: string) => ({
  kind: text('FILE', 'the path of a file to write'),
  default: preset,
  help: 'pickle to write',
});

interface AffectNetSettings {
  csv_dir: string;
  num_classes: number | null;
  max_bad: number;
  out: string;
}

const AFFECTNET: Settings<AffectNetSettings> = {
  csv_dir: folder("folder of AffectNet's training.csv and validation.csv"),
  num_classes: TRAIN_SETTINGS.num_classes,
  max_bad: TRAIN_SETTINGS.max_bad,
  out: out('data.pkl'),
};

/** `emotion-gcn prepare affectnet`, the original's pickle_annotations_affectnet.py */
export const prepareAffectNet = (): Command =>
  addSettings(new Command('affectnet').description("AffectNet's two CSV files to an annotation pickle"), AFFECTNET)
    .addHelpText('after', '\nExample:\n  emotion-gcn prepare affectnet --csv_dir AffectNet --out data.pkl')
    .action(async (options: Record<string, unknown>) => {
      const settings = readSettings(AFFECTNET, options);
      checkNotOfRun(settings.out);
      checkFolder('csv_dir', settings.csv_dir);
      const { classes } = readClasses({ ...settings, dataset: 'affectnet', classes: null }, options);
      const { encodeAnnotationPickle, readAffectNet } = await import('../data');
      const train = await readAffectNet(join(settings.csv_dir, 'training.csv'), classes);
      const val = await readAffectNet(join(settings.csv_dir, 'validation.csv'), classes);
      await tell([train, val], classes, settings.max_bad);
      const bytes = encodeAnnotationPickle({ train: train.samples, val: val.samples }, 'affectnet');
      await write(settings.out, bytes, 'AffectNet_annotation', train, val);
    });

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
