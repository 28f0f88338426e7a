// Which charts there are of runs, and the lines in each.
import { useMemo, useRef } from 'preact/hooks';
import { decimals, figures, percent } from '../format';
import type { PageEpoch } from '../protocol';
import type { ShownRun } from '../state';
import type { StepName, StepTable } from '../steps';
import type { Line } from './line';
import { firstAtLeast, Smoothed } from './numbers';

export type By = 'step' | 'epoch';
type Column = Exclude<keyof PageEpoch, 'epoch' | 'skipped' | 'seconds'>;

interface Plotted {
  readonly title: string;
  /** Columns of steps.csv and of results.csv. */
  readonly step?: StepName;
  readonly train?: Column;
  readonly validation?: Column;
  readonly format: (value: number | null) => string;
  /** It may be drawn by its logarithm. */
  readonly log?: boolean;
}

const CHARTS: readonly Plotted[] = [
  { title: 'Loss', step: 'loss', train: 'train_loss', validation: 'val_loss', format: figures, log: true },
  { title: 'Accuracy', step: 'accuracy', train: 'train_accuracy', validation: 'val_accuracy', format: percent },
  { title: 'Loss of expressions', step: 'cat', train: 'train_cat', validation: 'val_cat', format: figures, log: true },
  {
    title: 'Loss of valence and arousal',
    ...{ step: 'cont', train: 'train_cont', validation: 'val_cont', format: figures, log: true },
  },
  { title: 'CCC of valence', validation: 'val_ccc_valence', format: decimals },
  { title: 'CCC of arousal', validation: 'val_ccc_arousal', format: decimals },
  { title: 'Learning rate', step: 'lr', train: 'lr', format: figures, log: true },
];

const EMPTY = new Float64Array(0);

/** Steps at which a run's epochs ended; NaN: steps.csv does not say. */
function endsOf({ table, epochs }: ShownRun): Float64Array {
  const [step, epoch] = [table.column('step'), table.column('epoch')];
  return Float64Array.from(epochs, (row) => {
    const place = firstAtLeast(epoch, row.epoch + 1) - 1;
    return place >= 0 && epoch[place] === row.epoch ? step[place] : Number.NaN;
  });
}

/** A column of results.csv at `x`, without the rows of which nothing is known. */
function rowsOf({ epochs }: ShownRun, x: Float64Array, name: Column): Pick<Line, 'x' | 'y'> {
  const known = epochs.map((_, i) => i).filter((i) => !Number.isNaN(x[i]));
  return {
    x: Float64Array.from(known, (i) => x[i]),
    y: Float64Array.from(known, (i) => epochs[i][name] ?? Number.NaN),
  };
}

/**
 * The charts that have something to show, each with its lines.
 * @param weight smooths what was measured step by step: see `Smoothed`
 */
export function useCharts(
  runs: readonly ShownRun[],
  by: By,
  weight: number,
): readonly (Plotted & { readonly lines: readonly Line[] })[] {
  const averages = useRef(new Map<string, { table: StepTable; cuts: number; weight: number; of: Smoothed }>());
  const smooth = ({ id, table }: ShownRun, name: StepName): Float64Array => {
    const key = `${id} ${name}`;
    let kept = averages.current.get(key);
    if (kept?.table !== table || kept.cuts !== table.cuts || kept.weight !== weight) {
      kept = { table, cuts: table.cuts, weight, of: new Smoothed(weight) };
      averages.current.set(key, kept);
    }
    return kept.of.of(table.column(name));
  };

  return useMemo(() => {
    const ends = new Map(
      runs.map((run) => [run, by === 'step' ? endsOf(run) : Float64Array.from(run.epochs, (row) => row.epoch)]),
    );
    return CHARTS.map((chart) => ({
      ...chart,
      lines: runs
        .flatMap((run) => {
          const lines: Line[] = [];
          const x = ends.get(run) ?? EMPTY;
          if (by === 'step' && chart.step) {
            const averaged = weight > 0 && chart.step !== 'lr' ? smooth(run, chart.step) : null;
            lines.push({
              run,
              part: 'train',
              x: run.table.column('step'),
              y: run.table.column(chart.step),
              smooth: averaged,
            });
          }
          if (by === 'epoch' && chart.train)
            lines.push({ run, part: 'train', ...rowsOf(run, x, chart.train), smooth: null });
          if (chart.validation)
            lines.push({ run, part: 'validation', ...rowsOf(run, x, chart.validation), smooth: null });
          return lines.filter((line) => line.y.some(Number.isFinite));
        })
        // What is measured seldom lies above.
        .sort((a, b) => Number(a.part === 'validation') - Number(b.part === 'validation')),
    })).filter((chart) => chart.lines.length > 0);
  }, [runs, by, weight]);
}
