import { join } from 'node:path';
import { Command } from 'commander';
import { REPORT } from '../train/run/files';
import { readRun } from '../train/run/read_run';
import { TRAIN_SETTINGS } from '../train/settings/args';
import { readSettings, type Settings } from '../train/settings/settings';
import { formatMetrics } from './format';
import { addSettings } from './settings_options';
import { print, say } from './terminal';

const SETTINGS: Settings<{ saved_model: string }> = {
  saved_model: { ...TRAIN_SETTINGS.saved_model, help: 'folder of the run' },
};

const EXPLANATION = `
Example:
  emotion-gcn report --saved_model run1

Draws, as SVG and PNG in the run folder: results (curves), confusion_matrix, valence_arousal (true and predicted) and
label_graph, where the model has them; and writes report.html, one page of less than 3 MB that shows all of the run and can be
sent to somebody else. Training does so at its end; this is for runs that have not come to it, or with pictures.`;

/** `emotion-gcn report` */
export const reportCommand = (): Command =>
  addSettings(new Command('report').description('print the metrics of a run and draw its pictures'), SETTINGS)
    .option('--pictures', 'small pictures of validation faces in report.html')
    .addHelpText('after', EXPLANATION)
    .action(async ({ pictures, ...options }: Record<string, unknown>) => {
      const run = readRun(readSettings(SETTINGS, options).saved_model);
      const { report } = await import('../train/reports/report');
      const { writeReport } = await import('../train/reports/page/report');
      const names = await report(run);
      await writeReport(run, pictures === true);
      if (run.metrics) print(formatMetrics(run.metrics));
      say(`\ndrawn in ${run.dir}, as .svg and .png: ${names.join(', ')}; all on a page: ${join(run.dir, REPORT)}`);
    });
