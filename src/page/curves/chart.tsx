// One chart: title, what its lines say at the cursor, the lines, and the numbers as a table.
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { mark, percent, whole } from '../format';
import { paintOf } from '../palette';
import type { ShownRun } from '../state';
import { Swatch } from '../swatch';
import { onTheme } from '../theme';
import { type Line, lastOf, valueAt } from './line';
import { firstAtLeast } from './numbers';
import { Plot } from './plot';
import { forget, soon } from './schedule';

export interface ChartProps {
  readonly title: string;
  readonly runs: readonly ShownRun[];
  readonly lines: readonly Line[];
  /** Of the x axis: 'step' or 'epoch'. */
  readonly by: string;
  readonly log: boolean;
  readonly range: readonly [low: number, high: number];
  format(value: number | null): string;
  /** Shows another part of the x axis; null: all of it. */
  onRange(range: readonly [low: number, high: number] | null): void;
}

const PARTS = ['train', 'validation'] as const;
const TITLES = { train: 'Train', validation: 'Validation' };
/** Rows of the table of numbers. */
const ROWS = 25;

export function Chart({ title, runs, lines, by, log, range, format, onRange }: ChartProps) {
  const canvas = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const gone = useRef(() => {});
  const [at, setAt] = useState<number | null>(null);
  const [said, say] = useState('');
  const id = useId();
  // What the plot calls is of the last rendering.
  const change = useRef(onRange);
  change.current = onRange;

  const make = (): Plot => {
    const root = canvas.current!;
    const made = new Plot(root, {
      log,
      label: (value) => (format === percent ? `${mark(100 * value)} %` : mark(value)),
      onSelect: (low, high) => change.current([low, high]),
      onReset: () => change.current(null),
      onCursor: setAt,
    });
    const sizes = new ResizeObserver(() => made.resize(root.clientWidth));
    sizes.observe(root);
    const still = onTheme(() => soon(made, () => made.recolor()));
    plot.current = made;
    gone.current = () => {
      plot.current = null;
      forget(made);
      sizes.disconnect();
      still();
      made.destroy();
    };
    return made;
  };
  useEffect(
    () => () => {
      forget(plot);
      if (plot.current) gone.current();
    },
    [log],
  );
  useEffect(
    () =>
      soon(plot, () => {
        // A view that is left may still have its turn.
        if (canvas.current) (plot.current ?? make()).show({ lines, range });
      }),
    [lines, range, log],
  );

  const parts = PARTS.filter((part) => lines.some((line) => line.part === part));
  const of = (run: ShownRun, part: Line['part']): Line | undefined =>
    lines.find((line) => line.run === run && line.part === part);
  const tell = (line: Line | undefined, x: number | null): string =>
    line ? format(x === null ? lastOf(line) : valueAt(line, x)) : '–';

  const keys = (event: KeyboardEvent): void => {
    const [low, high] = range;
    const here = at ?? (low + high) / 2;
    const move = (x: number): void => {
      const to = Math.min(high, Math.max(low, x));
      plot.current?.point(to);
      const words = runs.flatMap((run) =>
        parts.map((part) => `${run.name} ${TITLES[part]} ${tell(of(run, part), to)}`),
      );
      say(`${by} ${whole(to)}: ${words.join(', ')}`);
    };
    const zoom = (by: number): void => onRange([here - (here - low) * by, here + (high - here) * by]);
    const pan = (by: number): void => onRange([low + by * (high - low), high + by * (high - low)]);
    const acts: Record<string, () => void> = {
      ArrowLeft: () => (event.shiftKey ? pan(-0.25) : move(beside(lines, here, -1, (high - low) / 100))),
      ArrowRight: () => (event.shiftKey ? pan(0.25) : move(beside(lines, here, 1, (high - low) / 100))),
      Home: () => move(low),
      End: () => move(high),
      '+': () => zoom(0.5),
      '=': () => zoom(0.5),
      '-': () => zoom(2),
      Escape: () => onRange(null),
      '0': () => onRange(null),
    };
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };

  return (
    <section class="chart" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        <span class="muted">{at === null ? 'latest' : `${by} ${whole(at)}`}</span>
      </header>
      <table class="legend">
        <thead class={parts.length > 1 || parts[0] !== 'train' ? '' : 'hidden'}>
          <tr>
            <th scope="col">
              <span class="hidden">Run</span>
            </th>
            {parts.map((part) => (
              <th key={part} scope="col" class={part}>
                {TITLES[part]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.id}>
              <th scope="row">
                <span>
                  <Swatch paint={paintOf(run)} />
                  <span class="name">{run.name}</span>
                </span>
              </th>
              {parts.map((part) => (
                <td key={part}>{tell(of(run, part), at)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <div
        ref={canvas}
        class="canvas"
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it takes keys
        tabIndex={0}
        aria-label={`${title} by ${by}`}
        aria-describedby="chart-keys"
        onKeyDown={keys}
      />
      <span class="hidden" aria-live="polite">
        {said}
      </span>
      <Numbers title={title} runs={runs} lines={lines} parts={parts} by={by} range={range} format={format} />
    </section>
  );
}

/** What mouse and keys do in every chart of a view: once in it. */
export const ChartKeys = () => (
  <p id="chart-keys" class="hint">
    Drag over a chart to zoom; a double click shows all. Keys: arrows move the cursor, with Shift what is seen; + and −
    zoom; Escape shows all.
  </p>
);

/** The next x that a line has on the left (-1) or right (1) of `here`, at least `least` away. */
function beside(lines: readonly Line[], here: number, way: -1 | 1, least: number): number {
  const found = lines.flatMap(({ x }) => {
    const place = way > 0 ? firstAtLeast(x, here + least) : firstAtLeast(x, here - least + 1e-9 * least) - 1;
    return x[place] ?? [];
  });
  return found.length === 0 ? here : way > 0 ? Math.min(...found) : Math.max(...found);
}

/** What is drawn, as a table of a few rows. */
function Numbers({
  title,
  runs,
  lines,
  parts,
  by,
  range: [low, high],
  format,
}: Omit<ChartProps, 'log' | 'onRange'> & { readonly parts: readonly Line['part'][] }) {
  const [open, setOpen] = useState(false);
  const rows: number[] = [];
  if (open) {
    const each = Math.max(1, Math.ceil((high - low) / (ROWS - 1)));
    for (let x = Math.ceil(low); x <= high; x += each) rows.push(x);
    const end = Math.floor(high);
    if (rows.at(-1) !== end) rows.push(end);
  }
  const columns = runs.flatMap((run) =>
    parts.map((part) => ({ run, part, line: lines.find((line) => line.run === run && line.part === part) })),
  );
  return (
    <details class="numbers" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        Numbers<span class="hidden"> of {title}</span>
      </summary>
      {open && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
        <section class="scroll" aria-label={`Numbers of ${title}`} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">{by}</th>
                {columns.map(({ run, part }) => (
                  <th key={run.id + part} scope="col">
                    {runs.length > 1 && `${run.name} `}
                    {TITLES[part].toLowerCase()}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((x) => (
                <tr key={x}>
                  <th scope="row">{whole(x)}</th>
                  {columns.map(({ run, part, line }) => (
                    <td key={run.id + part}>{format(line ? valueAt(line, x) : null)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </details>
  );
}
