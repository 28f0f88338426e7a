// Which class was taken for which, and how well each is recognised.
import { useCallback, useMemo, useState } from 'preact/hooks';
import { percent, whole } from '../format';
import type { PageRun } from '../protocol';
import { samplesAddress } from './address';
import { classColour, css } from './colours';
import { type Cell, type CellFace, Matrix } from './matrix';
import { confusionOf, figureOf, recognitions, total } from './measures';
import { Choice, Dot, SortHead, type Sorting, sorted, useRun } from './parts';
import type { View, ViewProps } from './view';

/** Of at most so many classes all runs' matrices are shown, one below the other; else one, across the page. */
const FEW = 12;

type Unit = 'share' | 'count';

export const confusion: View = {
  id: 'confusion',
  title: 'Confusion matrix',
  has: (runs) => runs.some((run) => confusionOf(run) !== null),
  Component({ runs }: ViewProps) {
    const [unit, setUnit] = useState<Unit>('share');
    const known = runs.filter((run) => confusionOf(run) !== null);
    const [run, control] = useRun(known);
    const all = known.every(({ classes }) => classes.length <= FEW);
    return (
      <>
        <div class="tools">
          <Choice
            label="Squares tell"
            options={[
              ['share', '% of true class'],
              ['count', 'Samples'],
            ]}
            value={unit}
            choose={setUnit}
          />
          {!all && control}
        </div>
        {(all ? known : [run]).map((one) => (
          <OfRun key={one.id} run={one} unit={unit} named={known.length > 1} />
        ))}
      </>
    );
  },
};

function OfRun({ run, unit, named }: { readonly run: PageRun; readonly unit: Unit; readonly named: boolean }) {
  const { classes, metrics, predictions } = run;
  const matrix = useMemo(() => confusionOf(run) ?? [], [classes, metrics, predictions]);
  const squares = useMemo(
    () =>
      matrix.flatMap((row, t) => {
        const support = total(row);
        return row.map((n, p): CellFace => {
          const share = support === 0 ? 0 : n / support;
          const text = unit === 'count' ? whole(n) : support === 0 ? '' : written(share);
          return { text, share, tone: t === p ? 'cool' : 'warm' };
        });
      }),
    [matrix, unit],
  );
  const [at, look] = useState<Cell | null>(null);
  const leads = predictions !== null;
  const open = useCallback(
    ({ row, column }: Cell): void => {
      if (matrix[row][column] > 0) location.hash = samplesAddress({ run: run.id, truth: row, said: column });
    },
    [run.id, matrix],
  );
  const samples = total(matrix.map(total));
  const right = total(matrix.map((row, c) => row[c]));
  const f1 = figureOf(run, 'macro_f1');
  return (
    <section class="of-run">
      {named && <h2 class="name">{run.name}</h2>}
      <p class="muted">
        {whole(samples)} samples, {percent(samples ? right / samples : 0)} right
        {f1 !== null && `, macro F1 ${f1.toFixed(3)}`}
      </p>
      <div class={classes.length <= FEW ? 'split uneven' : 'stack'}>
        <div>
          <Matrix
            label={`Confusion matrix of ${run.name}: true classes are rows, predicted ones columns`}
            rows={classes}
            columns={classes}
            axes={['true', 'predicted']}
            squares={squares}
            look={look}
            open={leads ? open : undefined}
          />
          <p class="hint">{at && matrix[at.row] ? said(classes, matrix, at, leads) : hint(leads)}</p>
        </div>
        <Recognised classes={classes} matrix={matrix} name={run.name} />
      </div>
    </section>
  );
}

const hint = (leads: boolean): string =>
  leads
    ? 'Rows are what faces show, columns what they were taken for. A click or Enter shows the faces of a square.'
    : '';

function said(classes: readonly string[], matrix: readonly (readonly number[])[], at: Cell, leads: boolean) {
  const [n, support] = [matrix[at.row][at.column], total(matrix[at.row])];
  return (
    <>
      <b>{whole(n)}</b> of {whole(support)} {classes[at.row]} {at.row === at.column ? 'recognised' : 'taken for'}{' '}
      {at.row !== at.column && classes[at.column]} ({support ? percent(n / support) : '–'})
      {leads && n > 0 && '. Click or Enter shows them.'}
    </>
  );
}

/** A share in a small square: whole per cents, but what is there is never 0. */
const written = (share: number): string => (share === 0 ? '0' : share < 0.005 ? '<1' : (100 * share).toFixed(0));

type Column = 'class' | 'support' | 'precision' | 'recall' | 'f1';

function Recognised({
  classes,
  matrix,
  name,
}: {
  readonly classes: readonly string[];
  readonly matrix: readonly (readonly number[])[];
  readonly name: string;
}) {
  const [sorting, sort] = useState<Sorting<Column>>({ by: 'class', down: false });
  const rows = useMemo(() => recognitions(matrix).map((scores, c) => ({ c, ...scores })), [matrix]);
  const shown = sorted(rows, (row) => (sorting.by === 'class' ? row.c : row[sorting.by]), sorting.down);
  const head = { sorting, sort };
  return (
    <div class="wide">
      <table class="rows">
        <caption class="hidden">How well each class is recognised: {name}</caption>
        <thead>
          <tr>
            <SortHead column="class" text="Class" first="up" number={false} {...head} />
            <SortHead column="support" text="Samples" {...head} />
            <SortHead column="precision" text="Precision" {...head} />
            <SortHead column="recall" text="Recall" {...head} />
            <SortHead column="f1" text="F1" {...head} />
          </tr>
        </thead>
        <tbody>
          {shown.map(({ c, support, precision, recall, f1 }) => (
            <tr key={c}>
              <th scope="row">
                <span class="class-name" title={classes[c]}>
                  <Dot color={css(classColour(c))} />
                  <span class="name">{classes[c]}</span>
                </span>
              </th>
              <td class="number">{whole(support)}</td>
              {[precision, recall, f1].map((score, column) => (
                <td key={column} class="number">
                  {score === null ? '–' : (100 * score).toFixed(1)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
