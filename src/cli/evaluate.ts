import { Command } from 'commander';
import type { EvaluateSettings } from '../train/measures/evaluate';
import { type Evaluation, TTA } from '../train/measures/evaluation';
import { TRAIN_SETTINGS } from '../train/settings/args';
import { BATCH_SIZE } from '../train/settings/optimization';
import { checkPlaces } from '../train/settings/places';
import { choice, orNone, readSettings, type Settings } from '../train/settings/settings';
import { NETWORK_SETTINGS, type NetworkSettings } from '../train/settings/trained_network';
import { formatMeasured, formatMetrics, formatVideos, measuredCsv, metricsCsv, videosCsv } from './format';
import { stoppable } from './interrupt';
import { addProgress, ProgressView } from './progress';
import { ranks, takeCard } from './ranks';
import { addSettings } from './settings_options';
import { print, printData, say, terminal } from './terminal';

type Format = 'table' | 'json' | 'csv';

const SETTINGS: Settings<Omit<EvaluateSettings, 'ranks'> & NetworkSettings & { format: Format }> = {
  ...NETWORK_SETTINGS,
  image_dir: TRAIN_SETTINGS.image_dir,
  data: {
    ...TRAIN_SETTINGS.data,
    help: 'annotations to evaluate on, of any layout that train takes; of those with two parts the validation part',
  },
  columns: { ...TRAIN_SETTINGS.columns, help: `${TRAIN_SETTINGS.columns.help}; default: the run's` },
  align: {
    kind: orNone(TRAIN_SETTINGS.align.kind),
    default: null,
    help: `${TRAIN_SETTINGS.align.help}; default: as the run does`,
  },
  tta: {
    kind: choice(...TTA),
    default: 'off',
    help: 'test-time augmentation: flip takes the mean scores of each picture and its mirror image',
  },
  workers: TRAIN_SETTINGS.workers,
  batch_size: BATCH_SIZE,
  max_bad: TRAIN_SETTINGS.max_bad,
  gpu: TRAIN_SETTINGS.gpu,
  cache: TRAIN_SETTINGS.cache,
  cache_limit: TRAIN_SETTINGS.cache_limit,
  verify: TRAIN_SETTINGS.verify,
  format: { kind: choice('table', 'json', 'csv'), default: 'table', help: 'what is printed: table, json or csv' },
};

const EXAMPLE = `
Examples:
  emotion-gcn evaluate --saved_model run1 --image_dir AffectNet/Manually_Annotated_Images --data validation.csv
  emotion-gcn evaluate --saved_model run1 --data AffectNet/val_set
  emotion-gcn evaluate --checkpoint original.pth --emb emb.pkl --image_dir AffectNet/Manually_Annotated_Images \\
    --data data_affectnet.pkl

Prints what was measured and the metrics, with 95 % intervals (bootstrap), and how often it is right where it is so sure (reliability;
expected calibration error of 15 bins), and writes them, both pictures and what was
predicted of every image below the run folder (or that of the checkpoint), in evaluate/NAME OF THE CSV (NAME-2, … where
that is of another file of this name). Whatever the run's --precision, it computes in f32.`;

/** `emotion-gcn evaluate` */
export const evaluateCommand = (): Command =>
  addProgress(
    addSettings(new Command('evaluate').description('measure a trained network on annotated images'), SETTINGS),
  )
    .addHelpText('after', EXAMPLE)
    .action(async (options: Record<string, unknown>) => {
      const { format, ...settings } = readSettings(SETTINGS, options);
      const { openNetwork } = await import('../train/run/network');
      const view = new ProgressView();
      const run = await openNetwork(settings, view.onNotice);
      checkPlaces(settings);
      takeCard(settings.gpu);
      const { evaluate } = await import('../train/measures/evaluate');
      try {
        const evaluation = await stoppable(
          (signal) => evaluate(run, { ...settings, ranks: ranks() }, view, signal),
          () => view.onNotice('stopping'),
        );
        if (!evaluation || ranks().rank > 0) return;
        view.stop();
        if (terminal.progress === 'json') terminal.event('result', dataOf(evaluation));
        else (format === 'table' ? print : printData)(shown(evaluation, format));
        const { writeEvaluation } = await import('../train/run/evaluations');
        say(`\nwritten to ${await writeEvaluation(run, settings.data, evaluation)}`);
      } finally {
        view.stop();
      }
    });

const dataOf = ({ metrics, intervals, videos, measured }: Evaluation): object => ({
  ...metrics,
  intervals,
  ...(videos && { videos }),
  measured,
});

function shown(evaluation: Evaluation, format: Format): string {
  if (format === 'json') return JSON.stringify(dataOf(evaluation), null, 2);
  const { metrics, intervals, videos, measured } = evaluation;
  if (format === 'csv')
    return [metricsCsv(metrics, intervals), ...(videos ? videosCsv(videos) : []), ...measuredCsv(measured)].join('\n');
  const tables = [formatMeasured(measured), formatMetrics(metrics, intervals)];
  return [...tables, ...(videos ? [formatVideos(videos)] : [])].join('\n\n');
}
