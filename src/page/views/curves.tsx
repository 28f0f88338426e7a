// Losses and metrics by step and by epoch.
import { useMemo, useState } from 'preact/hooks';
import { Chart, ChartKeys } from '../curves/chart';
import { type By, useCharts } from '../curves/charts';
import { spanOf, within } from '../curves/line';
import type { View, ViewProps } from './view';

function Curves({ runs }: ViewProps) {
  const hasSteps = runs.some((run) => run.table.length > 0);
  const [wanted, setBy] = useState<By>('step');
  const by = hasSteps ? wanted : 'epoch';
  const [weight, setWeight] = useState(0.6);
  const [log, setLog] = useState(false);
  const [zoom, setZoom] = useState<readonly [number, number] | null>(null);

  const charts = useCharts(runs, by, weight);
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
      <ChartKeys />
      <div class="charts">
        {charts.map(({ title, lines, format, log: may }) => (
          <Chart key={title} {...{ title, runs, lines, by, range, format }} log={log && may === true} onRange={show} />
        ))}
      </div>
    </>
  );
}

export const curves: View = {
  id: 'curves',
  title: 'Curves',
  has: (runs) => runs.some((run) => run.epochs.length > 0 || run.table.length > 0),
  Component: (props) => <Curves {...props} />,
};
