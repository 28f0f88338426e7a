import { extname } from 'node:path';
import { Command } from 'commander';
import { InputError } from '../base/errors';
import type { FacePrediction } from '../train/measures/predict';
import {
  csvHeader,
  csvRow,
  PREDICTION_FORMATS,
  PredictionFile,
  type PredictionFormat,
} from '../train/measures/prediction_file';
import { checkNotOfRun } from '../train/run/files';
import { TRAIN_SETTINGS } from '../train/settings/args';
import { choice, orNone, readSettings, type Settings, text } from '../train/settings/settings';
import { NETWORK_SETTINGS, type NetworkSettings } from '../train/settings/trained_network';
import { decimal, formatTable, percent } from './format';
import { stoppable } from './interrupt';
import { addSettings } from './settings_options';
import { print, printData, say } from './terminal';

type Format = 'table' | PredictionFormat;

/** Milliseconds between two lines that say how far it is. */
const INTERVAL = 10_000;

interface PredictFlags extends NetworkSettings {
  image_dir: string | null;
  format: Format | null;
  out: string | null;
  gpu: string | null;
}

const SETTINGS: Settings<PredictFlags> = {
  ...NETWORK_SETTINGS,
  image_dir: {
    kind: orNone(text('DIR', 'the path of a folder')),
    default: null,
    help: "folder that paths in lists start from and stay in (/ allows any); default: the list's",
  },
  format: {
    kind: orNone(choice('table', ...PREDICTION_FORMATS)),
    default: null,
    help: 'what is written; default: table, or what the name of --out ends in',
  },
  out: {
    kind: orNone(text('FILE', 'the path of a file')),
    default: null,
    help: 'write to this file, row by row; stopped, the same command goes on with it; default: print',
  },
  gpu: TRAIN_SETTINGS.gpu,
};

const EXAMPLE = `
Examples:
  emotion-gcn predict --saved_model run1 face.jpg other.png
  emotion-gcn predict --saved_model run1 --format jsonl photographs/ > faces.jsonl
  emotion-gcn predict --saved_model run1 --out faces.csv photographs/
  emotion-gcn predict --checkpoint original.pth --emb emb.pkl photographs/
  emotion-gcn predict --saved_model run1 --format csv --image_dir AffectNet/Manually_Annotated_Images list.csv

A folder stands for the pictures below it; a .txt for a path a line; a .csv has a column image (or AffectNet's own) and may have face_x,
face_y, face_width, face_height (the face box) and facial_landmarks (68 points x;y;…). Without a box a picture should show one
face and little else. json: an array of {image, expression, probabilities: {NAME: p}, valence, arousal}, null where the model has
none; jsonl: the same, one a line; --json is short for --format json. With --out a run that was stopped or killed is gone on with by the
same command: what the file has is kept, and its last rows are computed once more to see that the network is the same. It computes in f32, whatever the run's --precision.`;

/** `emotion-gcn predict` */
export const predictCommand = (): Command =>
  addSettings(
    new Command('predict')
      .description('say what a trained network sees in pictures of faces')
      .argument('<SOURCE...>', 'picture files, folders, or lists (.txt, .csv)'),
    SETTINGS,
  )
    .option('--json', 'the same as --format json')
    .addHelpText('after', EXAMPLE)
    .action(async (sources: string[], { json, ...options }: { json?: boolean }) => {
      const settings = readSettings(SETTINGS, { ...(json ? { format: 'json' } : {}), ...options });
      const { gpu, image_dir, out } = settings;
      const format = settings.format ?? formatOf(out);
      const { openNetwork } = await import('../train/run/network');
      const run = await openNetwork(settings, say);
      const { predict } = await import('../train/measures/predict');
      const { classes } = run.args;
      if (out !== null) {
        if (format === 'table')
          throw new InputError(`--out expects --format ${PREDICTION_FORMATS.join(', ')}, found table`);
        checkNotOfRun(out);
        const file = new PredictionFile(out, format, classes);
        const done = { rows: file.rows(), file: out };
        const write = async (signal: AbortSignal): Promise<true> => {
          let finished = false;
          let told = performance.now();
          try {
            for await (const prediction of predict(run, sources, { gpu, image_dir, say, done, signal })) {
              await file.add(prediction);
              if (performance.now() - told < INTERVAL) continue;
              told = performance.now();
              say(`${file.length} predictions`);
            }
            finished = true;
          } finally {
            await file.close(finished);
          }
          return true;
        };
        if (await stoppable(write, () => say('stopping'))) say(`${file.length} predictions in ${out}`);
        else say(`stopped; ${file.length} predictions are in ${out}, the same command goes on`);
        return;
      }
      const all: FacePrediction[] = [];
      if (format === 'csv') printData(csvHeader(classes));
      const look = async (signal: AbortSignal): Promise<true> => {
        for await (const prediction of predict(run, sources, { gpu, image_dir, say, signal })) {
          if (format === 'jsonl') printData(JSON.stringify(prediction));
          else if (format === 'csv') printData(csvRow(prediction, classes));
          else all.push(prediction);
        }
        return true;
      };
      if (!(await stoppable(look, () => say('stopping')))) return;
      if (format === 'json') printData(JSON.stringify(all, null, 2));
      if (format === 'table') print(table(all, classes));
    });

/** By the name of the file; without one a table. @throws InputError for another name */
function formatOf(out: string | null): Format {
  if (out === null) return 'table';
  const ending = extname(out).slice(1).toLowerCase();
  const format = PREDICTION_FORMATS.find((name) => name === (ending === 'ndjson' ? 'jsonl' : ending));
  if (!format)
    throw new InputError(`--out ${out}: expected a name that ends in .csv, .json or .jsonl, or --format with it`);
  return format;
}

function table(predictions: readonly FacePrediction[], classes: readonly string[]): string {
  const header = ['image', 'expression', ...classes, 'valence', 'arousal'];
  const rows = predictions.map(({ image, expression, probabilities, valence, arousal }) => {
    const shares = classes.map((name) => (probabilities ? percent(probabilities[name]) : ''));
    return [image, expression ?? '', ...shares, decimal(valence), decimal(arousal)];
  });
  return formatTable([header, ...rows], 2);
}
