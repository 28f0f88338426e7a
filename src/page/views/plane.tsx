// The plane of valence and arousal: where each face lies, and where the network says it does.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { percent, whole } from '../format';
import type { PagePredictions, PageRun } from '../protocol';
import { onTheme } from '../theme';
import { classColour, css } from './colours';
import { clip, fileName, signed } from './figures';
import { figureOf } from './measures';
import { Choice, Dot, Photograph, useRun, useWidth } from './parts';
import {
  ahead,
  beyond,
  type Centre,
  centres,
  distance,
  farthest,
  nearest,
  onPlane,
  type Points,
  pointsOf,
  rowsOf,
} from './points';
import type { View, ViewProps } from './view';

type Show = 'said' | 'truth' | 'both';

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

/** (-0.25, +0.50) */
const place = (points: Float32Array, row: number): string =>
  `${signed(points[2 * row])}, ${signed(points[2 * row + 1])}`;

const MARGIN = { left: 40, right: 8, top: 8, bottom: 40 };
/** So far the canvas goes beyond the plane, so that points on its edge are whole. */
const PAD = 6;
/** Points that are drawn at once: a frame each, so that a hundred thousand do not hold the page up. */
const AT_ONCE = 2000;
/** CSS pixels within which a point is meant. */
const REACH = 16;

interface PlotProps extends Pick<ViewProps, 'picture'> {
  readonly run: PageRun;
  readonly predictions: PagePredictions;
  readonly points: Points;
  readonly rows: Uint32Array;
  readonly show: Show;
  readonly middles: readonly Centre[];
  readonly at: number | null;
  look(row: number | null): void;
}

function Plot({ run, predictions, points, rows, show, middles, at, look, picture }: PlotProps) {
  const [ref, width] = useWidth<HTMLDivElement>();
  const side = Math.max(120, Math.min(640, width) - MARGIN.left - MARGIN.right);
  const drawn = useMemo(() => onPlane(points), [points]);
  const outside = useMemo(() => beyond(points, rows), [points, rows]);
  const sets = useMemo(
    () => ({ said: [drawn.said], truth: [drawn.truth], both: [drawn.said, drawn.truth] })[show],
    [drawn, show],
  );
  const within = (v: number): number => Math.max(-1, Math.min(1, v));
  const x = (v: number): number => ((within(v) + 1) / 2) * side;
  const y = (v: number): number => ((1 - within(v)) / 2) * side;
  const point = (event: PointerEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const [px, py] = [event.clientX - box.left - MARGIN.left, event.clientY - box.top - MARGIN.top];
    const found = nearest(sets, rows, (2 * px) / side - 1, 1 - (2 * py) / side, (2 * REACH) / side);
    if (found !== at) look(found);
  };
  const press = (event: KeyboardEvent): void => {
    const direction = DIRECTIONS[event.key];
    if (event.key === 'Escape') look(null);
    if (!direction || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const main = sets[0];
    const next =
      at === null
        ? nearest([main], rows, 0, 0, 9)
        : ahead(main, rows, [main[2 * at], main[2 * at + 1]], direction, event.shiftKey ? 0.3 : 0.05);
    if (next !== null) look(next);
  };
  const tip = (style?: Record<string, string>) => (
    <div class="tip" style={style}>
      <Photograph key={at} address={picture(run, at as number)} image={predictions.image[at as number]} />
      <span>{told}</span>
    </div>
  );
  const told = at === null ? '' : tell(run, predictions, points, at);
  const colour = at === null ? '' : css(classColour(predictions.expression[at]));
  return (
    <div class="plane" ref={ref}>
      <div
        class="plot"
        style={{ width: MARGIN.left + side + MARGIN.right, height: MARGIN.top + side + MARGIN.bottom }}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys walk over its points
        tabIndex={0}
        role="application"
        aria-label={`${whole(rows.length)} faces on the plane of valence and arousal. Arrow keys go from face to face, with Shift in long steps.`}
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={(event) => event.pointerType === 'mouse' && look(null)}
        onKeyDown={press}
      >
        <svg width={MARGIN.left + side + MARGIN.right} height={MARGIN.top + side + MARGIN.bottom} aria-hidden="true">
          <g transform={`translate(${MARGIN.left} ${MARGIN.top})`}>
            {[-1, -0.5, 0, 0.5, 1].map((tick) => (
              <g key={tick}>
                <line class={tick === 0 ? 'axis' : 'grid'} x1={x(tick)} x2={x(tick)} y1={0} y2={side} />
                <line class={tick === 0 ? 'axis' : 'grid'} x1={0} x2={side} y1={y(tick)} y2={y(tick)} />
                <text class="tick" x={x(tick)} y={side + 16} text-anchor={tick === 1 ? 'end' : 'middle'}>
                  {tick === 0 ? '0' : signed(tick, 1)}
                </text>
                <text class="tick" x={-8} y={y(tick) + (tick === 1 ? 10 : 4)} text-anchor="end">
                  {tick === 0 ? '0' : signed(tick, 1)}
                </text>
              </g>
            ))}
            <text class="axis-name" x={side / 2} y={side + 34} text-anchor="middle">
              valence
            </text>
            <text class="axis-name" transform={`translate(-28 ${side / 2}) rotate(-90)`} text-anchor="middle">
              arousal
            </text>
          </g>
        </svg>
        <Dots
          predictions={predictions}
          sets={sets}
          rows={rows}
          side={side}
          classes={run.classes.length}
          hollow={show === 'both'}
        />
        <svg
          class="over"
          width={MARGIN.left + side + MARGIN.right}
          height={MARGIN.top + side + MARGIN.bottom}
          aria-hidden="true"
        >
          <g transform={`translate(${MARGIN.left} ${MARGIN.top})`}>
            {QUADRANTS.map(([name, right, up]) => (
              <text
                key={name}
                class="quadrant"
                x={right ? side - 8 : 8}
                y={up ? 18 : side - 10}
                text-anchor={right ? 'end' : 'start'}
              >
                {name}
              </text>
            ))}
            {middles.map(({ c, truth, said }) => (
              <g key={c} class="mean">
                <path class="halo" d={arrow(x(truth[0]), y(truth[1]), x(said[0]), y(said[1]))} />
                <path stroke={css(classColour(c))} d={arrow(x(truth[0]), y(truth[1]), x(said[0]), y(said[1]))} />
                <circle cx={x(truth[0])} cy={y(truth[1])} r={4} fill={css(classColour(c))} />
                <text x={x(truth[0])} y={y(truth[1]) - 9} text-anchor="middle">
                  {clip(run.classes[c], 16)}
                </text>
              </g>
            ))}
            {at !== null && (
              <g class="cursor">
                <line
                  class="halo"
                  x1={x(points.truth[2 * at])}
                  y1={y(points.truth[2 * at + 1])}
                  x2={x(points.said[2 * at])}
                  y2={y(points.said[2 * at + 1])}
                />
                <line
                  x1={x(points.truth[2 * at])}
                  y1={y(points.truth[2 * at + 1])}
                  x2={x(points.said[2 * at])}
                  y2={y(points.said[2 * at + 1])}
                />
                <circle
                  class="true"
                  cx={x(points.truth[2 * at])}
                  cy={y(points.truth[2 * at + 1])}
                  r={6}
                  style={{ stroke: colour }}
                />
                <circle
                  class="said"
                  cx={x(points.said[2 * at])}
                  cy={y(points.said[2 * at + 1])}
                  r={6}
                  style={{ fill: colour }}
                />
              </g>
            )}
          </g>
        </svg>
        {at !== null &&
          width >= NARROW &&
          tip(tipPlace(MARGIN.left + x(points.said[2 * at]), MARGIN.top + y(points.said[2 * at + 1]), side))}
      </div>
      {width > 0 && width < NARROW && (
        <div class="tip-below">{at === null ? <p class="hint">A tap on a point shows its face.</p> : tip()}</div>
      )}
      <p class="key" aria-hidden="true">
        <svg width="64" height="16" aria-hidden="true">
          <circle class="true" cx="8" cy="8" r="5" />
          <line x1="13" x2="50" y1="8" y2="8" />
          <circle class="said" cx="56" cy="8" r="5" />
        </svg>
        from true to predicted
      </p>
      {outside > 0 && (
        <p class="hint">
          {outside === 1 ? '1 prediction lies' : `${whole(outside)} predictions lie`} beyond −1 to +1 and{' '}
          {outside === 1 ? 'is' : 'are'} drawn on the edge.
        </p>
      )}
      <p class="hidden" aria-live="polite">
        {told}
      </p>
    </div>
  );
}

const DIRECTIONS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

/** The circumplex of affect (Russell 1980). */
const QUADRANTS = [
  ['tense', false, true],
  ['excited', true, true],
  ['depressed', false, false],
  ['calm', true, false],
] as const;

/** A line with a head at its end, if it is long enough for one. */
function arrow(x1: number, y1: number, x2: number, y2: number): string {
  const long = Math.hypot(x2 - x1, y2 - y1);
  if (!(long > 1)) return '';
  const [ux, uy] = [(x2 - x1) / long, (y2 - y1) / long];
  const head = Math.min(7, long);
  const wing = (side: number): string =>
    `M${x2} ${y2}L${x2 - head * ux + side * head * 0.55 * uy} ${y2 - head * uy - side * head * 0.55 * ux}`;
  return `M${x1} ${y1}L${x2} ${y2}${wing(1)}${wing(-1)}`;
}

const TIP = { width: 152, gap: 16 };
/** A plot as narrow as that has its photograph below: it would cover the points. */
const NARROW = 480;

/** Beside the point, on the side where there is more room. */
function tipPlace(x: number, y: number, side: number): Record<string, string> {
  const [right, bottom] = [MARGIN.left + side, MARGIN.top + side];
  return {
    left: `${Math.max(0, x > right / 2 ? x - TIP.width - TIP.gap : Math.min(x + TIP.gap, right - TIP.width))}px`,
    ...(y > bottom / 2 ? { bottom: `calc(100% - ${y}px)` } : { top: `${y}px` }),
  };
}

function tell({ classes }: PageRun, p: PagePredictions, points: Points, row: number): string {
  const [truth, said] = [classes[p.expression[row]] ?? '?', classes[p.predicted[row]] ?? '?'];
  const sure = p.confidence ? ` (${percent(p.confidence[row], 0)})` : '';
  return (
    `${fileName(p.image[row])}: ${truth}, ${truth === said ? 'recognised' : `taken for ${said}`}${sure}; ` +
    `true ${place(points.truth, row)}, predicted ${place(points.said, row)}`
  );
}

interface DotsProps {
  readonly predictions: PagePredictions;
  readonly sets: readonly Float32Array[];
  readonly rows: Uint32Array;
  readonly side: number;
  readonly classes: number;
  /** Rings for the second set. */
  readonly hollow: boolean;
}

/** The points, on a canvas, some thousands a frame. */
function Dots({ predictions, sets, rows, side, classes, hollow }: DotsProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let frame = 0;
    const draw = (): void => {
      cancelAnimationFrame(frame);
      const context = canvas.current?.getContext('2d');
      if (!canvas.current || !context) return;
      const scale = devicePixelRatio || 1;
      const pixels = side * scale;
      canvas.current.width = canvas.current.height = Math.round(pixels + 2 * PAD * scale);
      const radius = scale * (rows.length <= 300 ? 4 : rows.length <= 3000 ? 3 : rows.length <= 20000 ? 2 : 1.25);
      const alpha = rows.length <= 300 ? 0.85 : rows.length <= 3000 ? 0.6 : 0.45;
      const stamps = sets.map((_, s) =>
        Array.from({ length: classes }, (_, c) =>
          stamp(colourOn(canvas.current!, c), radius, alpha, hollow && s === 1),
        ),
      );
      let next = 0;
      const some = (): void => {
        const end = Math.min(rows.length, next + AT_ONCE / sets.length);
        for (; next < end; next++) {
          const row = rows[next];
          for (const [s, points] of sets.entries()) {
            const dot = stamps[s][predictions.expression[row]];
            const [vx, vy] = [points[2 * row], points[2 * row + 1]];
            if (!dot || Number.isNaN(vx) || Number.isNaN(vy)) continue;
            const shift = PAD * scale - dot.width / 2;
            context.drawImage(dot, ((vx + 1) / 2) * pixels + shift, ((1 - vy) / 2) * pixels + shift);
          }
        }
        if (next < rows.length) frame = requestAnimationFrame(some);
      };
      some();
    };
    draw();
    const end = onTheme(draw);
    return () => {
      cancelAnimationFrame(frame);
      end();
    };
  }, [predictions, sets, rows, side, classes, hollow]);
  return (
    <canvas
      ref={canvas}
      style={{
        left: `${MARGIN.left - PAD}px`,
        top: `${MARGIN.top - PAD}px`,
        width: `${side + 2 * PAD}px`,
        height: `${side + 2 * PAD}px`,
      }}
    />
  );
}

/** A class's colour as the theme that holds there has it. */
function colourOn(element: HTMLElement, c: number): string {
  element.style.color = css(classColour(c));
  return getComputedStyle(element).color;
}

/** A dot, drawn once. */
function stamp(colour: string, radius: number, alpha: number, ring: boolean): HTMLCanvasElement {
  const dot = document.createElement('canvas');
  dot.width = dot.height = 2 * Math.ceil(radius + 1);
  const context = dot.getContext('2d')!;
  context.globalAlpha = alpha;
  context.fillStyle = context.strokeStyle = colour;
  context.beginPath();
  context.arc(dot.width / 2, dot.width / 2, radius, 0, 2 * Math.PI);
  if (ring) context.stroke();
  else context.fill();
  return dot;
}
