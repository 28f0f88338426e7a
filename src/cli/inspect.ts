import { Command } from 'commander';
import { type FileKind, type Inspection, KINDS } from '../train/inspect/inspection';
import { TRAIN_SETTINGS } from '../train/settings/args';
import { choice, orNone, readSettings, type Settings, text, whole } from '../train/settings/settings';
import { formatTable } from './format';
import { addSettings } from './settings_options';
import { print, printData } from './terminal';

interface Options {
  kind: FileKind | null;
  image_dir: string | null;
  dataset: 'affectnet' | 'affwild2' | null;
  num_classes: number;
  max_bad: number;
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
  dataset: {
    kind: orNone(choice('affectnet', 'affwild2')),
    default: null,
    help: 'of annotations, label graphs and word vectors: whose classes they have; default: found out by the content',
  },
  num_classes: { kind: whole(7, 8), default: 7, help: "classes of AffectNet's files: 8 with contempt" },
  max_bad: TRAIN_SETTINGS.max_bad,
  format: { kind: choice('table', 'json'), default: 'table', help: 'what is printed' },
};

const EXAMPLE = `
Examples:
  emotion-gcn inspect run1
  emotion-gcn inspect --image_dir AffectNet/Manually_Annotated_Images training.csv
  emotion-gcn inspect --kind adjacency adj.pkl

Reads with the readers that training uses, and executes nothing: what passes here training takes.`;

/** `emotion-gcn inspect` */
export const inspectCommand = (): Command =>
  addSettings(
    new Command('inspect').description('say what a file or run holds').argument('<FILE>', 'file, or folder of a run'),
    SETTINGS,
  )
    .addHelpText('after', EXAMPLE)
    .action(async (file: string, options: Record<string, unknown>) => {
      const { kind, image_dir, dataset, num_classes, max_bad, format } = readSettings(SETTINGS, options);
      const { inspect } = await import('../train/inspect');
      const found = await inspect(file, kind, {
        imageDir: image_dir,
        dataset,
        numClasses: num_classes,
        maxBad: max_bad,
      });
      if (format === 'json') printData(JSON.stringify({ file, ...found }, null, 2));
      else print(table(found));
    });

function table({ kind, facts, table }: Inspection): string {
  const lines = formatTable([['kind', kind], ...Object.entries(facts).map(([name, v]) => [name, String(v)])], 2);
  return table ? `${lines}\n\n${formatTable(table)}` : lines;
}
