import { Command } from 'commander';
import { readRun } from '../train/run/read_run';
import { TRAIN_SETTINGS, type TrainArgs } from '../train/settings/args';
import { orNone, readSettings, type Settings, whole } from '../train/settings/settings';
import { stoppable } from './interrupt';
import { addProgress, ProgressView } from './progress';
import { addSettings } from './settings_options';
import { printResult } from './terminal';

const SETTINGS: Settings<{ saved_model: string; steps: number | null }> = {
  saved_model: { ...TRAIN_SETTINGS.saved_model, help: 'folder of the run' },
  steps: {
    kind: orNone(whole(1)),
    default: null,
    help: 'run at least so many steps, up to the next row of hashes.csv; default: up to its first after the start',
  },
};

/** Settings of the run that may be others now: read with its own. */
const MOVED = Object.fromEntries(
  (['image_dir', 'data', 'val_data', 'workers', 'gpu', 'cache'] as const).map((name) => {
    const { kind, help } = TRAIN_SETTINGS[name];
    return [name, { kind, help: `${help.replace(/; default:.*/, '')}; default: as the run had it`, default: null }];
  }),
) as unknown as Settings<Pick<TrainArgs, 'image_dir' | 'data' | 'val_data' | 'workers' | 'gpu' | 'cache'>>;

const EXPLANATION = `
Example:
  emotion-gcn reproduce --saved_model run1 --steps 200

Trains the first steps of a run again, by its own settings, label graph, word vectors and kernels, in a folder that is gone
afterwards, and compares the state's hashes with the run's hashes.csv. The same bits: exit 0. Others: exit 1, and what is known to
differ: data, adapter, driver, versions or settings, by manifest.json.`;

/** `emotion-gcn reproduce` */
export const reproduceCommand = (): Command =>
  addProgress(
    addSettings(
      addSettings(
        new Command('reproduce').description('run the first steps of a run again and compare the bits'),
        SETTINGS,
      ),
      MOVED,
    ),
  )
    .addHelpText('after', EXPLANATION)
    .action(async ({ saved_model, steps, ...moved }: Record<string, unknown>) => {
      const settings = readSettings(SETTINGS, { saved_model, steps });
      const run = readRun(settings.saved_model);
      const { reproduce } = await import('../train/loop/reproduce');
      const view = new ProgressView();
      const { onNotice, onPrepare, onStep } = view;
      try {
        const found = await stoppable(
          (signal) => reproduce(run, settings.steps ?? 1, moved, { onNotice, onPrepare, onStep }, signal),
          () => onNotice('stopping after this step; press Ctrl-C again to quit at once'),
        );
        if (!found) return;
        const { equal, different, causes } = found;
        view.stop();
        const step = equal.at(-1)?.step;
        const data = { equal: !different, step: step ?? null, compared: equal.length, different, causes };
        if (!different) {
          printResult(`equal up to step ${step} (hashes compared: ${equal.length})`, data);
          return;
        }
        process.exitCode = 1;
        const { was, is } = different;
        const before = equal.length > 0 ? `; equal up to step ${step}` : '';
        const now = is?.hash ?? 'no hash (epochs have another length)';
        const nothing =
          'of what is recorded nothing differs: annotations, adapter, driver, versions, settings; pictures are not recorded';
        const why = causes.length === 0 ? [nothing] : causes;
        printResult(
          [`different at step ${was.step}: ${now}, the run has ${was.hash}${before}`, ...why].join('\n'),
          data,
        );
      } finally {
        view.stop();
      }
    });
