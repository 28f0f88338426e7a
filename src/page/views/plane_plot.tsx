// The plot of the plane: axes, points, means of classes, and the face under the pointer or the arrow keys.
import { useMemo } from 'preact/hooks';
import { percent, whole } from '../format';
import type { PagePredictions, PageRun } from '../protocol';
import { classColour, css } from './colours';
import { clip, fileName, signed } from './figures';
import { Photograph, useWidth } from './parts';
import { Dots } from './plane_dots';
import { ahead, beyond, type Centre, nearest, onPlane, type Points } from './points';
import type { ViewProps } from './view';

/** Which of a face's two points is seen. */
export type Show = 'said' | 'truth' | 'both';

/** (-0.25, +0.50) */
export const place = (points: Float32Array, row: number): string =>
  `${signed(points[2 * row])}, ${signed(points[2 * row + 1])}`;

const MARGIN = { left: 40, right: 8, top: 8, bottom: 40 };
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

export function Plot({ run, predictions, points, rows, show, middles, at, look, picture }: PlotProps) {
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
          left={MARGIN.left}
          top={MARGIN.top}
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
