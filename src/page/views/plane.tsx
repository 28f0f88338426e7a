// The plane of valence and arousal: where each face lies, and where the network says it does.
import { useMemo, useState } from 'preact/hooks';
import { whole } from '../format';
import type { PagePredictions, PageRun } from '../protocol';
import { classColour, css } from './colours';
import { fileName } from './figures';
import { figureOf } from './measures';
import { Choice, Dot, useRun } from './parts';
import { Plot, place, type Show } from './plane_plot';
import { centres, distance, farthest, type Points, pointsOf, rowsOf } from './points';
import type { View, ViewProps } from './view';

export const plane: View = {
  id: 'plane',
  title: 'Valence and arousal',
  has: (runs) => runs.some(hasPlane),
  Component({ runs, picture }: ViewProps) {
    const known = runs.filter(hasPlane);
    const [run, control] = useRun(known);
    return (
      <OfRun
        key={run.id}
        run={run}
        predictions={run.predictions as PagePredictions}
        control={control}
        picture={picture}
      />
    );
  },
};

const hasPlane = ({ predictions }: PageRun): boolean =>
  !!predictions?.valence && !!predictions.arousal && predictions.expression.length > 0;

/** Most classes whose means have room with their names. */
const NAMED = 12;
/** Rows of the table of those that are farthest off. */
const LISTED = 10;

interface OfRunProps extends Pick<ViewProps, 'picture'> {
  readonly run: PageRun;
  readonly predictions: PagePredictions;
  readonly control: preact.ComponentChildren;
}

function OfRun({ run, predictions, control, picture }: OfRunProps) {
  const { classes } = run;
  const [show, setShow] = useState<Show>('said');
  const [means, setMeans] = useState(true);
  const [only, setOnly] = useState<ReadonlySet<number>>(new Set());
  const [at, setAt] = useState<number | null>(null);
  const points = useMemo(() => pointsOf(predictions) as Points, [predictions]);
  const middles = useMemo(() => centres(points, predictions.expression, classes.length), [points, classes]);
  const rows = useMemo(() => rowsOf(predictions.expression, only), [predictions, only]);
  const worst = useMemo(() => farthest(points, rows, LISTED), [points, rows]);
  const seen = at !== null && at < predictions.expression.length && rows.includes(at) ? at : null;
  const named = middles.filter(({ c }) => only.size === 0 || only.has(c));
  const few = named.length <= NAMED;
  const toggle = (c: number): void => {
    const next = new Set(only);
    if (!next.delete(c)) next.add(c);
    setOnly(next);
  };
  const figures = (['valence', 'arousal'] as const).map((name) => {
    const [ccc, rmse] = [figureOf(run, `ccc_${name}`), figureOf(run, `rmse_${name}`)];
    return ccc === null ? null : `${name}: CCC ${ccc.toFixed(3)}${rmse === null ? '' : `, RMSE ${rmse.toFixed(3)}`}`;
  });
  return (
    <>
      <div class="tools">
        {control}
        <Choice
          label="Points show"
          options={[
            ['said', 'Predicted'],
            ['truth', 'True'],
            ['both', 'Both'],
          ]}
          value={show}
          choose={setShow}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={means && few}
            disabled={!few}
            onChange={(event) => setMeans(event.currentTarget.checked)}
          />
          {few ? 'Means of classes' : `Means, of at most ${NAMED} classes`}
        </label>
      </div>
      {figures.some(Boolean) && <p class="muted">{figures.filter(Boolean).join('; ')}</p>}
      {/* biome-ignore lint/a11y/useSemanticElements: chips in a row, no fields of a form */}
      <div class="chips" role="group" aria-label="Classes that are shown">
        <button type="button" class="chip" aria-pressed={only.size === 0} onClick={() => setOnly(new Set())}>
          All
        </button>
        {middles.map(({ c, samples }) => (
          <button
            key={c}
            type="button"
            class="chip"
            aria-pressed={only.has(c)}
            onClick={() => toggle(c)}
            title={classes[c]}
          >
            <Dot color={css(classColour(c))} />
            <span class="name">{classes[c]}</span>
            <span class="muted">{whole(samples)}</span>
          </button>
        ))}
      </div>
      <div class="split plane-split">
        <Plot
          run={run}
          predictions={predictions}
          points={points}
          rows={rows}
          show={show}
          middles={means && few ? named : []}
          at={seen}
          look={setAt}
          picture={picture}
        />
        <section>
          <h2>Farthest from the truth</h2>
          <div class="wide">
            <table class="rows">
              <thead>
                <tr>
                  <th scope="col">Face</th>
                  <th scope="col" class="number">
                    True
                  </th>
                  <th scope="col" class="number">
                    Predicted
                  </th>
                  <th scope="col" class="number">
                    Apart
                  </th>
                </tr>
              </thead>
              <tbody>
                {worst.map((row) => (
                  <tr key={row} class={row === seen ? 'at' : undefined} onPointerEnter={() => setAt(row)}>
                    <th scope="row">
                      <button
                        type="button"
                        class="link"
                        onFocus={() => setAt(row)}
                        onClick={() => setAt(row)}
                        title={predictions.image[row]}
                      >
                        {fileName(predictions.image[row])}
                      </button>
                    </th>
                    <td class="number">{place(points.truth, row)}</td>
                    <td class="number">{place(points.said, row)}</td>
                    <td class="number">{distance(points, row).toFixed(2)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      </div>
    </>
  );
}
