import { Command } from 'commander';
import { COMMON, TRAIN_SETTINGS } from '../train/args';
import type { FacePrediction } from '../train/predict';
import { readRun } from '../train/run_folder';
import { readSettings, type Settings } from '../train/settings';
import { decimal, formatTable, percent } from './format';
import { addSettings } from './settings_options';

const SETTINGS: Settings<{ saved_model: string; gpu: string | null }> = {
  saved_model: { ...TRAIN_SETTINGS.saved_model, help: 'folder of the run; its best weights are taken' },
  gpu: COMMON.gpu,
};

const EXAMPLE = `
Examples:
  emotion-gcn predict --saved_model run1 face.jpg other.png
  emotion-gcn predict --saved_model run1 --json *.jpg > faces.json

The picture should show one face and little else. With --json: an array of
{image, expression, probabilities: {NAME: p}, valence, arousal}, null where the model has none.`;

/** `emotion-gcn predict` */
export const predictCommand = (): Command =>
  addSettings(
    new Command('predict')
      .description('say what a trained network sees in pictures of faces')
      .argument('<IMAGE...>', 'picture files'),
    SETTINGS,
  )
    .option('--json', 'print JSON in place of a table')
    .addHelpText('after', EXAMPLE)
    .action(async (images: string[], { json, ...options }: { json?: boolean }) => {
      const { saved_model, gpu } = readSettings(SETTINGS, options);
      const run = readRun(saved_model);
      const { predict } = await import('../train/predict');
      const say = (line: string): void => void process.stderr.write(`${line}\n`);
      const predictions = await predict(run, images, { gpu, say });
      const text = json ? JSON.stringify(predictions, null, 2) : table(predictions, run.args.classes);
      process.stdout.write(`${text}\n`);
    });

function table(predictions: readonly FacePrediction[], classes: readonly string[]): string {
  const header = ['image', 'expression', ...classes, 'valence', 'arousal'];
  const rows = predictions.map(({ image, expression, probabilities, valence, arousal }) => {
    const shares = classes.map((name) => percent(probabilities[name]));
    return [image, expression, ...shares, decimal(valence), decimal(arousal)];
  });
  return formatTable([header, ...rows], 2);
}
