import { extname } from 'node:path';
import { Command } from 'commander';
import { orAborted } from '../base/abort';
import { InputError } from '../base/errors';
import type { Align } from '../data/face';
import { type FileKind, type Inspection, KINDS } from '../train/inspect/inspection';
import { checkNotOfRun } from '../train/run/files';
import { TRAIN_SETTINGS } from '../train/settings/args';
import { choice, orNone, readSettings, type Settings, text, toggle, whole } from '../train/settings/settings';
import { formatTable } from './format';
import { stoppable } from './interrupt';
import { addProgress, ProgressView } from './progress';
import { addSettings } from './settings_options';
import { print, printData, terminal } from './terminal';

interface Options {
  kind: FileKind | null;
  image_dir: string | null;
  val_data: string | null;
  dataset: 'affectnet' | 'affwild2' | null;
  num_classes: number;
  classes: readonly string[] | null;
  columns: string | null;
  align: Align;
  max_bad: number;
  decode: boolean;
  contact_sheet: string | null;
  format: 'table' | 'json';
}

const SETTINGS: Settings<Options> = {
  kind: {
    kind: orNone(choice(...KINDS)),
    default: null,
    help: `what the file is: ${KINDS.join(', ')}; default: found out by its content`,
  },
  image_dir: {
    kind: orNone(text('DIR', 'the path of a folder')),
    default: null,
    help: 'of annotations: folder of the pictures, to count those that are missing',
  },
  val_data: {
    ...TRAIN_SETTINGS.val_data,
    help: 'of annotations: those of the validation set, where they lie elsewhere',
  },
  dataset: {
    kind: orNone(choice('affectnet', 'affwild2')),
    default: null,
    help: 'of annotations, label graphs and word vectors: whose classes they have; default: found out by the content',
  },
  num_classes: { kind: whole(7, 8), default: 7, help: "classes of AffectNet's files: 8 with contempt" },
  classes: TRAIN_SETTINGS.classes,
  columns: TRAIN_SETTINGS.columns,
  align: TRAIN_SETTINGS.align,
  max_bad: TRAIN_SETTINGS.max_bad,
  decode: {
    kind: toggle,
    default: false,
    help: 'of annotations: decode every picture, as training does; else begin and end of each are looked at, and all where these leave a doubt',
  },
  contact_sheet: {
    kind: orNone(text('FILE', 'the path of a file')),
    default: null,
    help: 'of annotations: picture to write (.png) of faces of each class, as training sees them',
  },
  format: { kind: choice('table', 'json'), default: 'table', help: 'what is printed' },
};

const EXAMPLE = `
Examples:
  emotion-gcn inspect run1
  emotion-gcn inspect AffectNet --contact_sheet faces.png
  emotion-gcn inspect --image_dir AffectNet/Manually_Annotated_Images training.csv
  emotion-gcn inspect --kind adjacency adj.pkl

Reads with the readers that training uses, and executes nothing: what passes here training takes. Of a folder of data (the npy release,
a folder a class, AffectNet's with training.csv, Aff-Wild2's annotations) or a file of annotations: its layout, faces by class, what is
dropped or broken, pictures that are missing or unreadable, their sizes, and pictures that are there twice, in one set or in both.`;

/** `emotion-gcn inspect` */
export const inspectCommand = (): Command =>
  addProgress(
    addSettings(
      new Command('inspect')
        .description('say what a file, a folder of data or a run holds')
        .argument('<PATH>', 'file, or folder of data or of a run'),
      SETTINGS,
    ),
  )
    .addHelpText('after', EXAMPLE)
    .action(async (file: string, options: Record<string, unknown>) => {
      const { image_dir, val_data, num_classes, max_bad, contact_sheet, kind, format, ...settings } = readSettings(
        SETTINGS,
        options,
      );
      if (contact_sheet !== null) {
        if (extname(contact_sheet).toLowerCase() !== '.png')
          throw new InputError(`--contact_sheet expects a file that ends in .png, found ${contact_sheet}`);
        checkNotOfRun(contact_sheet);
      }
      const { inspect } = await import('../train/inspect');
      const view = new ProgressView('looking at pictures');
      try {
        const how = {
          ...settings,
          imageDir: image_dir,
          valData: val_data,
          numClasses: num_classes,
          maxBad: max_bad,
          contactSheet: contact_sheet,
          onProgress: view.onPrepare,
        };
        const inspection = await stoppable(
          (signal) => orAborted(inspect(file, kind, how), signal),
          () => view.onNotice('stopping'),
        );
        if (!inspection) return;
        const { refused, ...found } = inspection;
        view.stop();
        const data = { file, ...found, ...(refused && { refused }) };
        if (terminal.progress === 'json') terminal.event('result', data);
        else if (format === 'json') printData(JSON.stringify(data, null, 2));
        else print(table(found));
        if (refused) throw new InputError(`${file}: ${refused}`);
      } finally {
        view.stop();
      }
    });

function table({ kind, facts, table }: Inspection): string {
  const lines = formatTable([['kind', kind], ...Object.entries(facts).map(([name, v]) => [name, String(v)])], 2);
  return table ? `${lines}\n\n${formatTable(table)}` : lines;
}
