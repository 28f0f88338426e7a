// Several runs side by side: which settings differ, how good each is, and how long it took.
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrap, type Intervals } from '../measures/bootstrap';
import { confusionMatrix } from '../measures/metrics';
import { parsePredictions } from '../measures/predictions';
import { type Run, type RunArgs, type RunMetrics, readRun, readText } from '../run/read_run';
import type { EpochRow } from '../run/results';

/** One run of a comparison. */
export interface ComparedRun {
  /** As it was named. */
  readonly run: string;
  /** Its values of the settings in which not all runs are the same. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** A row of each epoch that is done. */
  readonly rows: readonly EpochRow[];
  /** Epochs that it is to have. */
  readonly epochs: number;
  /** Of its best weights on its validation set; null: no epoch is done. */
  readonly metrics: RunMetrics | null;
  /** 95 % of the figures (see `bootstrap`): none where the run has no predictions, or those of another epoch. */
  readonly intervals: Intervals;
  /** That its epochs took in all; null where it is not known of every one. */
  readonly seconds: number | null;
}

/** Most bytes of a predictions.csv: a line for each of a million validation faces. */
const MOST = 2 ** 28;

/**
 * Compares runs, each once, in the order that they are named in.
 * @param notice is told of runs whose figures are of other faces than those of the first run with figures
 * @throws InputError naming the file: a folder without a run, or a damaged one
 */
export function compareRuns(dirs: readonly string[], notice: (line: string) => void = () => {}): ComparedRun[] {
  const places = dirs.map((dir) => (existsSync(dir) ? realpathSync(dir) : dir));
  const names = dirs.filter((_, i) => places.indexOf(places[i]) === i);
  const runs = names.map((name) => ({ name, run: readRun(name, 'compare') }));
  const differ = settingsThatDiffer(runs.map(({ run }) => run.args));
  let first: { readonly name: string; readonly faces: string } | null = null;
  return runs.map(({ name, run }) => {
    const predictions = predictionsOf(run);
    if (predictions) {
      const faces = JSON.stringify([predictions.images, predictions.labels]);
      first ??= { name, faces };
      if (faces !== first.faces)
        notice(`${name} was validated on other faces than ${first.name}: their figures do not compare`);
    }
    return {
      run: name,
      settings: Object.fromEntries(differ.map((setting) => [setting, run.args[setting]])),
      rows: run.rows,
      epochs: run.args.epochs,
      metrics: run.metrics,
      intervals: predictions ? bootstrap(predictions) : {},
      seconds: run.rows.reduce<number | null>(
        (sum, { seconds }) => (sum === null || seconds === null ? null : sum + seconds),
        0,
      ),
    };
  });
}

/** But for the folder itself, and what is no setting: the kernels that were measured, the version. */
function settingsThatDiffer(all: readonly RunArgs[]): (keyof RunArgs)[] {
  const { saved_model: _, kernels: __, format_version: ___, ...settings } = all[0];
  return (Object.keys(settings) as (keyof RunArgs)[]).filter(
    (name) => new Set(all.map((args) => JSON.stringify(args[name]))).size > 1,
  );
}

/** What the run's best weights said of its validation set. Of a run that was killed between two files they may be another epoch's. */
function predictionsOf({ dir, args, metrics }: Run): ReturnType<typeof parsePredictions> | null {
  const file = join(dir, 'predictions.csv');
  if (!metrics || !existsSync(file)) return null;
  const found = parsePredictions(readText(file, MOST), file, args.classes);
  const confusion = confusionMatrix(found.labels, found.predicted, args.classes.length);
  return JSON.stringify(confusion) === JSON.stringify(metrics.confusion) ? found : null;
}
