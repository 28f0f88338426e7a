import { Command } from 'commander';
import type { FacePrediction } from '../train/measures/predict';
import { csvField } from '../train/measures/predictions';
import { TRAIN_SETTINGS } from '../train/settings/args';
import { choice, orNone, readSettings, type Settings, text } from '../train/settings/settings';
import { NETWORK_SETTINGS, type NetworkSettings } from '../train/settings/trained_network';
import { decimal, formatTable, percent } from './format';
import { stoppable } from './interrupt';
import { addSettings } from './settings_options';
import { print, printData, say } from './terminal';

type Format = 'table' | 'json' | 'jsonl' | 'csv';

interface PredictFlags extends NetworkSettings {
  image_dir: string | null;
  format: Format;
  gpu: string | null;
}

const SETTINGS: Settings<PredictFlags> = {
  ...NETWORK_SETTINGS,
  image_dir: {
    kind: orNone(text('DIR', 'the path of a folder')),
    default: null,
    help: "folder that paths in lists start from and stay in (/ allows any); default: the list's",
  },
  format: { kind: choice('table', 'json', 'jsonl', 'csv'), default: 'table', help: 'what is printed' },
  gpu: TRAIN_SETTINGS.gpu,
};

const EXAMPLE = `
Examples:
  emotion-gcn predict --saved_model run1 face.jpg other.png
  emotion-gcn predict --saved_model run1 --format jsonl photographs/ > faces.jsonl
  emotion-gcn predict --checkpoint original.pth --emb emb.pkl photographs/
  emotion-gcn predict --saved_model run1 --format csv --image_dir AffectNet/Manually_Annotated_Images list.csv

A folder stands for the pictures below it; a .txt for a path a line; a .csv has a column image (or AffectNet's own) and may have face_x,
face_y, face_width, face_height (the face box) and facial_landmarks (68 points x;y;…). Without a box a picture should show one
face and little else. json: an array of {image, expression, probabilities: {NAME: p}, valence, arousal}, null where the model has
none; jsonl: the same, one a line; --json is short for --format json. It computes in f32, whatever the run's --precision.`;

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
      const { format, gpu, image_dir } = settings;
      const { openNetwork } = await import('../train/run/network');
      const run = await openNetwork(settings, say);
      const { predict } = await import('../train/measures/predict');
      const { classes } = run.args;
      const all: FacePrediction[] = [];
      if (format === 'csv') printData(['image', 'expression', ...classes, 'valence', 'arousal'].join(','));
      const look = async (signal: AbortSignal): Promise<true> => {
        for await (const prediction of predict(run, sources, { gpu, image_dir, say, signal })) {
          if (format === 'jsonl') printData(JSON.stringify(prediction));
          else if (format === 'csv') printData(csvLine(prediction, classes));
          else all.push(prediction);
        }
        return true;
      };
      if (!(await stoppable(look, () => say('stopping')))) return;
      if (format === 'json') printData(JSON.stringify(all, null, 2));
      if (format === 'table') print(table(all, classes));
    });

function csvLine(
  { image, expression, probabilities, valence, arousal }: FacePrediction,
  classes: readonly string[],
): string {
  const shares = classes.map((name) => probabilities[name]);
  return [csvField(image), csvField(expression), ...shares, valence ?? '', arousal ?? ''].join(',');
}

function table(predictions: readonly FacePrediction[], classes: readonly string[]): string {
  const header = ['image', 'expression', ...classes, 'valence', 'arousal'];
  const rows = predictions.map(({ image, expression, probabilities, valence, arousal }) => {
    const shares = classes.map((name) => percent(probabilities[name]));
    return [image, expression, ...shares, decimal(valence), decimal(arousal)];
  });
  return formatTable([header, ...rows], 2);
}
