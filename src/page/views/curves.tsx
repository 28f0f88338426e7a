// Losses and metrics by step and by epoch.
import { useMemo, useRef, useState } from 'preact/hooks';
import { Chart } from '../curves/chart';
import { type Line, spanOf } from '../curves/line';
import { firstAtLeast, Smoothed } from '../curves/numbers';
import { figures, percent } from '../format';
import type { PageEpoch } from '../protocol';
import type { ShownRun } from '../state';
import type { StepName } from '../steps';
import type { View, ViewProps } from './view';

type By = 'step' | 'epoch';
type Column = Exclude<keyof PageEpoch, 'epoch' | 'skipped' | 'seconds'>;

interface Shown {
  readonly title: string;
  /** Columns of steps.csv and of results.csv. */
  readonly step?: StepName;
  readonly train?: Column;
  readonly validation?: Column;
  readonly format: (value: number | null) => string;
  /** It may be drawn by its logarithm. */
  readonly log?: boolean;
}

const CHARTS: readonly Shown[] = [
  { title: 'Loss', step: 'loss', train: 'train_loss', validation: 'val_loss', format: figures, log: true },
  { title: 'Accuracy', step: 'accuracy', train: 'train_accuracy', validation: 'val_accuracy', format: percent },
  { title: 'Loss of expressions', step: 'cat', train: 'train_cat', validation: 'val_cat', format: figures, log: true },
  {
    title: 'Loss of valence and arousal',
    step: 'cont',
    train: 'train_cont',
    validation: 'val_cont',
    format: figures,
    log: true,
  },
  { title: 'CCC of valence', validation: 'val_ccc_valence', format: figures },
  { title: 'CCC of arousal', validation: 'val_ccc_arousal', format: figures },
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

function Curves({ runs }: ViewProps) {
  const hasSteps = runs.some((run) => run.table.length > 0);
  const [wanted, setBy] = useState<By>('step');
  const by = hasSteps ? wanted : 'epoch';
  const [weight, setWeight] = useState(0.6);
  const [log, setLog] = useState(false);
  const [zoom, setZoom] = useState<readonly [number, number] | null>(null);

  const averages = useRef(new Map<string, { weight: number; cuts: number; of: Smoothed }>());
  const smooth = (run: ShownRun, name: StepName): Float64Array => {
    const key = `${run.id} ${name}`;
    let kept = averages.current.get(key);
    if (kept?.weight !== weight || kept.cuts !== run.table.cuts) {
      kept = { weight, cuts: run.table.cuts, of: new Smoothed(weight) };
      averages.current.set(key, kept);
    }
    return kept.of.of(run.table.column(name));
  };

  const charts = useMemo(() => {
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

  const span = spanOf(charts.flatMap((chart) => chart.lines)) ?? [0, 1];
  const range = useMemo(() => zoom ?? span, [zoom, ...span]);
  const show = (wanted: readonly [number, number] | null): void => setZoom(wanted && within(wanted, span));
  const scale = (by: number): void => {
    const [middle, half] = [(range[0] + range[1]) / 2, (by * (range[1] - range[0])) / 2];
    show([middle - half, middle + half]);
  };

  return (
    <>
      <div class="tools">
        <fieldset class="choice">
          <legend class="hidden">By</legend>
          {(['step', 'epoch'] as const).map((name) => (
            <label key={name}>
              <input
                type="radio"
                name="by"
                checked={by === name}
                disabled={name === 'step' && !hasSteps}
                onChange={() => {
                  setBy(name);
                  setZoom(null);
                }}
              />
              <span>By {name}</span>
            </label>
          ))}
        </fieldset>
        <label>
          Smoothing
          <input
            type="range"
            min="0"
            max="0.99"
            step="0.01"
            value={weight}
            disabled={by !== 'step'}
            onInput={(event) => setWeight(Number(event.currentTarget.value))}
          />
          <output>{weight.toFixed(2)}</output>
        </label>
        <label>
          <input type="checkbox" checked={log} onChange={(event) => setLog(event.currentTarget.checked)} />
          Log scale
        </label>
        <span class="buttons">
          <button type="button" onClick={() => scale(0.5)} aria-label="Zoom in">
            +
          </button>
          <button type="button" onClick={() => scale(2)} aria-label="Zoom out" disabled={!zoom}>
            −
          </button>
          <button type="button" onClick={() => setZoom(null)} disabled={!zoom}>
            Reset zoom
          </button>
        </span>
      </div>
      <p id="chart-keys" class="hint">
        Drag over a chart to zoom; a double click shows all. Keys: arrows move the cursor, with Shift what is seen; +
        and − zoom; Escape shows all.
      </p>
      <div class="charts">
        {charts.map(({ title, lines, format, log: may }) => (
          <Chart key={title} {...{ title, runs, lines, by, range, format }} log={log && may === true} onRange={show} />
        ))}
      </div>
    </>
  );
}

/** A range inside of `span`, not narrower than a few steps; null: all of it. */
function within([low, high]: readonly [number, number], span: readonly [number, number]): [number, number] | null {
  const width = Math.max(high - low, Math.min(4, span[1] - span[0]));
  if (width >= span[1] - span[0]) return null;
  const start = Math.min(Math.max((low + high - width) / 2, span[0]), span[1] - width);
  return [start, start + width];
}

export const curves: View = {
  id: 'curves',
  title: 'Curves',
  has: (runs) => runs.some((run) => run.epochs.length > 0 || run.table.length > 0),
  Component: (props) => <Curves {...props} />,
};
