// How runs stand: state, time, and what is best so far.
import { useMemo, useState } from 'preact/hooks';
import { Chart, ChartKeys } from '../curves/chart';
import { useCharts } from '../curves/charts';
import { spanOf, within } from '../curves/line';
import { decimals, figures, percent, time, whole } from '../format';
import { paintOf } from '../palette';
import type { Figure } from '../protocol';
import { metricOf, type Standing, standingOf } from '../standing';
import type { ShownRun } from '../state';
import { Swatch } from '../swatch';
import type { View } from './view';

interface Metric {
  readonly title: string;
  readonly of: (run: ShownRun) => Figure;
  readonly format: (value: Figure) => string;
  /** What is better. */
  readonly better: 'higher' | 'lower';
}

/** Of the best epoch, on the validation set. */
const METRICS: readonly Metric[] = [
  { title: 'Accuracy', of: (run) => metricOf(run, 'accuracy'), format: percent, better: 'higher' },
  { title: 'Macro F1', of: (run) => metricOf(run, 'macro_f1'), format: decimals, better: 'higher' },
  { title: 'CCC of valence', of: (run) => metricOf(run, 'ccc_valence'), format: decimals, better: 'higher' },
  { title: 'CCC of arousal', of: (run) => metricOf(run, 'ccc_arousal'), format: decimals, better: 'higher' },
  { title: 'Loss', of: (run) => standingOf(run).best?.val_loss ?? null, format: figures, better: 'lower' },
  { title: 'Calibration error', of: (run) => metricOf(run, 'ece'), format: decimals, better: 'lower' },
];

const STATES: Record<Standing['state'], string> = { running: 'Running', finished: 'Finished', stopped: 'Stopped' };

const word = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '–');

function One({ run, alone }: { run: ShownRun; alone: boolean }) {
  const stands = standingOf(run);
  const { state, epochs, of, done, spent, left, best, since } = stands;
  const metrics = METRICS.map((metric) => ({ ...metric, value: metric.of(run) })).filter(({ value }) => value !== null);
  const facts: [string, string][] = [
    ['Model', `${word(run.args.model)}, ${word(run.args.network)}`],
    ['Batch', whole(run.args.batch_size as Figure)],
    ['Steps', whole(run.table.column('step').at(-1) ?? null)],
    ['Time', time(spent)],
  ];
  return (
    <section class="one" aria-label={run.name}>
      <header>
        <h2>
          {!alone && <Swatch paint={paintOf(run)} />}
          {run.name}
        </h2>
        <span class="pill" data-state={state}>
          {STATES[state]}
        </span>
      </header>
      <div class="progress">
        <span>
          Epoch {whole(epochs)}
          {of !== null && ` of ${whole(of)}`}
        </span>
        {done !== null && state !== 'finished' && (
          <progress value={done} max={1} aria-label={`Trained of ${run.name}`} />
        )}
        {left !== null && <span class="muted">{`about ${time(left)} left`}</span>}
      </div>
      {metrics.length > 0 ? (
        <>
          <p class="muted">
            {state === 'running' ? 'Best so far' : 'Best'}: epoch {word(run.metrics?.best_epoch)}
            {state === 'running' && since > 0 && `, ${since} ago`}, by {word(run.args.best ?? 'accuracy')}
            {best === null && ' (its row is not there)'}. On the validation set:
          </p>
          <dl class="tiles">
            {metrics.map(({ title, value, format }) => (
              <div key={title}>
                <dt>{title}</dt>
                <dd>{format(value)}</dd>
              </div>
            ))}
          </dl>
        </>
      ) : (
        <p class="muted">No epoch has been validated yet.</p>
      )}
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** Loss and accuracy, as far as epochs have ended. */
function Glance({ runs }: { runs: readonly ShownRun[] }) {
  const charts = useCharts(runs, 'epoch', 0).slice(0, 2);
  const [zoom, setZoom] = useState<readonly [number, number] | null>(null);
  const span = spanOf(charts.flatMap((chart) => chart.lines));
  const range = useMemo(() => zoom ?? span ?? ([0, 1] as const), [zoom, ...(span ?? [])]);
  if (!span) return null;
  return (
    <section class="glance" aria-label="Loss and accuracy by epoch">
      <div class="charts">
        {charts.map(({ title, lines, format }) => (
          <Chart
            key={title}
            {...{ title, runs, lines, range, format }}
            by="epoch"
            log={false}
            onRange={(wanted) => setZoom(wanted && within(wanted, span))}
          />
        ))}
      </div>
      <ChartKeys />
    </section>
  );
}

/** Runs below each other, the best of each column marked. */
function Several({ runs }: { runs: readonly ShownRun[] }) {
  const columns = METRICS.map((metric) => {
    const values = runs.map(metric.of);
    const known = values.filter((value) => value !== null);
    const best = known.length > 1 ? Math[metric.better === 'higher' ? 'max' : 'min'](...known) : null;
    return { ...metric, values, best, any: known.length > 0 };
  }).filter((column) => column.any);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <section class="sideways" aria-label="Runs beside each other" tabIndex={0}>
      <table class="several">
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">State</th>
            <th scope="col">Best epoch</th>
            {columns.map(({ title }) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {runs.map((run, i) => {
            const { state, epochs, of } = standingOf(run);
            return (
              <tr key={run.id}>
                <th scope="row">
                  <Swatch paint={paintOf(run)} /> {run.name}
                </th>
                <td>
                  {STATES[state]}, {epochs}
                  {of !== null && ` of ${of}`}
                </td>
                <td>{word(run.metrics?.best_epoch)}</td>
                {columns.map(({ title, values, best, format }) => (
                  <td key={title}>
                    {values[i] !== null && values[i] === best ? (
                      <b title="The best of these runs">
                        {format(values[i])}
                        <span class="hidden"> best</span>
                      </b>
                    ) : (
                      format(values[i])
                    )}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

export const summary: View = {
  id: 'summary',
  title: 'Summary',
  has: () => true,
  Component: ({ runs }) => (
    <>
      {runs.length > 1 && <Several runs={runs} />}
      {runs.length > 1 && <Glance runs={runs} />}
      {runs.map((run) => (
        <One key={run.id} run={run} alone={runs.length === 1} />
      ))}
      {runs.length === 1 && <Glance runs={runs} />}
    </>
  ),
};
