// Layers after an epoch: gradients' norms along the network, dead units, how weights, gradients and activations are spread.
import { Fragment } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { percent } from '../format';
import type { PageLayers, PageRun, PageSpread } from '../protocol';
import { clip, significant } from './figures';
import { useInFrames } from './frames';
import { Bar, SortHead, type Sorting, sorted, useRun, useWidth } from './parts';
import { commonRange, decades, drawable, type Health, healths, outline } from './spreads';
import type { View, ViewProps } from './view';

type Layer = PageLayers['layers'][number];

const hasLayers = ({ layers }: PageRun): boolean => layers.some((line) => line.layers.length > 0);

export const layers: View = {
  id: 'layers',
  title: 'Layers',
  has: (runs) => runs.some(hasLayers),
  Component({ runs }: ViewProps) {
    const [run, control] = useRun(runs.filter(hasLayers));
    return <OfRun key={run.id} lines={run.layers} control={control} />;
  },
};

function OfRun({
  lines,
  control,
}: {
  readonly lines: readonly PageLayers[];
  readonly control: preact.ComponentChildren;
}) {
  const [wanted, choose] = useState<number | null>(null);
  // The latest, as long as nobody chose another: it moves on with the run.
  const at = Math.min(wanted ?? lines.length - 1, lines.length - 1);
  const { epoch, layers } = lines[at];
  const states = useMemo(() => healths(layers), [layers]);
  const odd = states.filter(Boolean).length;
  const dead = layers.filter((layer) => (layer.dead ?? 0) >= MANY).length;
  return (
    <>
      <div class="tools">
        {control}
        {lines.length > 1 && (
          <label class="slider">
            <span>Epoch</span>
            <input
              type="range"
              min={0}
              max={lines.length - 1}
              value={at}
              aria-valuetext={`epoch ${epoch}`}
              onInput={(event) => choose(Number(event.currentTarget.value))}
            />
            <output>{epoch}</output>
          </label>
        )}
      </div>
      <p class="muted" role="status">
        {epoch === 0 ? 'Before training' : `After epoch ${epoch}`}: {layers.length} layers,{' '}
        {odd === 0 ? 'none stands out by its gradient' : `${odd} with a gradient that stands out`}
        {dead > 0 && `, ${dead} with many dead units`}.
      </p>
      <Norms lines={lines} at={at} states={states} />
      <Table lines={lines} at={at} states={states} />
    </>
  );
}

/** A path that may break behind its dots. */
const breakable = (name: string) =>
  name.split(/(?<=[./])/).flatMap((part, i) => (i === 0 ? [part] : [<wbr key={i} />, part]));

/** From this fraction of dead units on there are many. */
const MANY = 0.25;

const HIGH = 160;
const LEFT = 44;

/** Gradients' norms from the first layer to the last: the chosen epoch over the others. */
function Norms({
  lines,
  at,
  states,
}: {
  readonly lines: readonly PageLayers[];
  readonly at: number;
  readonly states: readonly Health[];
}) {
  const [ref, width] = useWidth<HTMLElement>();
  const all = useMemo(
    () => lines.flatMap(({ layers }) => layers.flatMap(({ gradient_norm }) => gradient_norm ?? [])),
    [lines],
  );
  const [low, high] = decades(all);
  const y = (norm: number): number => 8 + (HIGH * (high - Math.log10(norm))) / (high - low);
  const x = (i: number, n: number): number => LEFT + ((i + 0.5) / n) * Math.max(40, width - LEFT - 8);
  const path = (layers: readonly Layer[]): string => {
    let drawn = '';
    let pen = 'M';
    for (const [i, { gradient_norm: norm }] of layers.entries()) {
      if (norm === null || norm <= 0) {
        pen = 'M';
        continue;
      }
      drawn += `${pen}${x(i, layers.length).toFixed(1)} ${y(norm).toFixed(1)}`;
      pen = 'L';
    }
    return drawn;
  };
  const others = useMemo(() => lines.map(({ layers }) => path(layers)), [lines, width]);
  if (!all.some((norm) => norm > 0)) return null;
  const ticks = Array.from({ length: high - low + 1 }, (_, k) => low + k);
  const each = Math.ceil(ticks.length / 6);
  const { layers } = lines[at];
  return (
    <figure class="norms" ref={ref}>
      <figcaption>Gradient norm, from the first layer to the last</figcaption>
      <svg
        width={Math.max(1, width)}
        height={HIGH + 32}
        role="img"
        aria-label="Gradient norms by layer; the table below has them"
      >
        {ticks.map((tick, k) => (
          <g key={tick}>
            <line class="grid" x1={LEFT} x2={width - 8} y1={y(10 ** tick)} y2={y(10 ** tick)} />
            {k % each === 0 && (
              <text class="tick" x={LEFT - 8} y={y(10 ** tick) + 4} text-anchor="end">
                {`1e${tick}`.replace('-', '−')}
              </text>
            )}
          </g>
        ))}
        {others.map((d, k) => k !== at && <path key={lines[k].epoch} class="other" d={d} />)}
        <path class="chosen" d={others[at]} />
        {layers.map(
          ({ name, gradient_norm: norm }, i) =>
            norm !== null &&
            norm > 0 &&
            (states[i] !== null || layers.length <= 40) && (
              <circle
                key={name}
                class={states[i] ? 'odd' : undefined}
                cx={x(i, layers.length)}
                cy={y(norm)}
                r={states[i] ? 4 : 2.5}
              />
            ),
        )}
        <text class="tick" x={LEFT} y={HIGH + 26}>
          {clip(layers[0].name, 22)}
        </text>
        <text class="tick" x={width - 8} y={HIGH + 26} text-anchor="end">
          {layers.length > 1 && clip(layers[layers.length - 1].name, 22)}
        </text>
      </svg>
    </figure>
  );
}

type Column = 'place' | 'norm' | 'dead';

/** Rows that are made in a frame. */
const AT_ONCE = 8;

function Table({
  lines,
  at,
  states,
}: {
  readonly lines: readonly PageLayers[];
  readonly at: number;
  readonly states: readonly Health[];
}) {
  const [sorting, sort] = useState<Sorting<Column>>({ by: 'place', down: false });
  const [open, setOpen] = useState<string | null>(null);
  const { layers } = lines[at];
  const wanted = useMemo(() => {
    const [low, high] = decades(layers.flatMap(({ gradient_norm }) => gradient_norm ?? []));
    const bar = (norm: number | null): number => (norm ? (Math.log10(norm) - low + 0.02) / (high - low + 0.02) : 0);
    const rows = layers.map((layer, i) => ({ layer, i, health: states[i], bar: bar(layer.gradient_norm) }));
    return sorted(
      rows,
      ({ i, layer }) => ({ place: i, norm: layer.gradient_norm, dead: layer.dead })[sorting.by],
      sorting.down,
    );
  }, [lines, layers, states, sorting]);
  const shown = useMemo(() => ({ wanted }), [wanted, open]);
  const body = useInFrames(Math.ceil(wanted.length / AT_ONCE), shown, (piece) => (
    <Fragment key={piece}>
      {wanted.slice(piece * AT_ONCE, (piece + 1) * AT_ONCE).map(({ layer, i, health, bar }) => (
        <tbody key={i}>
          <tr>
            <th scope="row">
              <button
                type="button"
                class="link expand"
                aria-expanded={open === layer.name}
                title={layer.name}
                onClick={() => setOpen(open === layer.name ? null : layer.name)}
              >
                <span aria-hidden="true">{open === layer.name ? '▾' : '▸'}</span>{' '}
                <span class="layer-name">{breakable(layer.name)}</span>
              </button>
            </th>
            <td class="number norm">
              {health && <span class="word bad">{health}</span>}
              <Bar share={bar} color={health ? 'var(--bad)' : undefined} />
              {significant(layer.gradient_norm)}
            </td>
            <td class="number">
              {(layer.dead ?? 0) >= MANY && <span class="word warn">many</span>}
              {percent(layer.dead, layer.dead && layer.dead < 0.01 ? 1 : 0)}
            </td>
            <Spread spread={layer.weights} kind="weights" />
            <Spread spread={layer.gradients} kind="gradients" />
            <Spread spread={layer.activations} kind="activations" />
          </tr>
          {open === layer.name && (
            <tr class="detail">
              <td colSpan={6}>
                <Ridges lines={lines} name={layer.name} at={at} />
              </td>
            </tr>
          )}
        </tbody>
      ))}
    </Fragment>
  ));
  const head = { sorting, sort };
  return (
    <div class="wide">
      <table class="rows layers-table">
        <caption class="hidden">Layers; a layer’s name opens how it changed from epoch to epoch</caption>
        <thead>
          <tr>
            <SortHead column="place" text="Layer" first="up" number={false} {...head} />
            <SortHead column="norm" text="Gradient norm" {...head} />
            <SortHead column="dead" text="Dead units" {...head} />
            <th scope="col">Weights</th>
            <th scope="col">Gradients</th>
            <th scope="col">Activations</th>
          </tr>
        </thead>
        {body}
      </table>
    </div>
  );
}

const SMALL = { width: 112, height: 24 };

function Spread({ spread, kind }: { readonly spread: PageSpread | null; readonly kind: string }) {
  if (!drawable(spread)) return <td class="muted">–</td>;
  return (
    <td class="spread" title={`from ${significant(spread.from)} to ${significant(spread.to)}`}>
      <svg class={kind} width={SMALL.width} height={SMALL.height} aria-hidden="true">
        <path d={outline(spread, SMALL.width, SMALL.height)} />
      </svg>
      <span>{`${significant(spread.mean)} ± ${significant(spread.std)}`}</span>
    </td>
  );
}

const RIDGE = { width: 240, step: 18, height: 40 };
const KINDS = [
  ['weights', 'Weights'],
  ['gradients', 'Gradients'],
  ['activations', 'Activations'],
] as const;

/** One layer from epoch to epoch: histograms one behind the other, on one scale. */
function Ridges({
  lines,
  name,
  at,
}: {
  readonly lines: readonly PageLayers[];
  readonly name: string;
  readonly at: number;
}) {
  const own = lines.map(({ epoch, layers }) => ({ epoch, layer: layers.find((layer) => layer.name === name) }));
  const { width, step, height } = RIDGE;
  const floor = (k: number): number => height + k * step;
  return (
    <div class="ridges">
      {KINDS.map(([kind, title]) => {
        const range = commonRange(own.map(({ layer }) => layer?.[kind] ?? null));
        return (
          <figure key={kind}>
            <figcaption>{title}</figcaption>
            {range ? (
              <svg
                class={kind}
                width={width + 40}
                height={floor(own.length - 1) + 24}
                role="img"
                aria-label={`${title} of ${name} from epoch to epoch`}
              >
                {own.map(({ epoch, layer }, k) => {
                  const spread = layer?.[kind] ?? null;
                  return (
                    <g key={epoch} transform={`translate(36 ${floor(k) - height})`} class={k === at ? 'at' : undefined}>
                      {drawable(spread) && <path d={outline(spread, width, height, range)} />}
                      <text class="tick" x={-8} y={height} text-anchor="end">
                        {epoch}
                      </text>
                    </g>
                  );
                })}
                <text class="tick" x={36} y={floor(own.length - 1) + 18}>
                  {significant(range.from)}
                </text>
                <text class="tick" x={36 + width} y={floor(own.length - 1) + 18} text-anchor="end">
                  {significant(range.to)}
                </text>
              </svg>
            ) : (
              <p class="muted">None were taken.</p>
            )}
          </figure>
        );
      })}
    </div>
  );
}
