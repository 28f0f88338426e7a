// The label graph: its edges, and how much each label's classifier takes from each neighbour, before and after training.
import { useMemo, useState } from 'preact/hooks';
import { percent } from '../format';
import type { PageGraph, PageRun } from '../protocol';
import { clip } from './figures';
import { type Cell, type CellFace, Matrix } from './matrix';
import { Choice, Select, sorted, useRun, useWidth } from './parts';
import { edgePath, edgesOf, spots } from './ring';
import type { View, ViewProps } from './view';

type Form = 'graph' | 'matrix';

export const graph: View = {
  id: 'graph',
  title: 'Label graph',
  has: (runs) => runs.some(hasGraph),
  Component({ runs }: ViewProps) {
    const [form, setForm] = useState<Form>('graph');
    const [run, control] = useRun(runs.filter(hasGraph));
    const label = run.graph as PageGraph;
    return (
      <>
        <div class="tools">
          {control}
          <Choice
            label="Shown as"
            options={[
              ['graph', 'Graph'],
              ['matrix', 'Matrix'],
            ]}
            value={form}
            choose={setForm}
          />
        </div>
        {form === 'graph' ? <AsGraph graph={label} /> : <AsMatrix graph={label} name={run.name} />}
      </>
    );
  },
};

const hasGraph = ({ graph }: PageRun): boolean =>
  graph !== null && graph.nodes.length > 0 && graph.A.length === graph.nodes.length ** 2;

/** Shares of a square; null: not known, or of another graph. */
const sharesOf = ({ nodes, before, after }: PageGraph) => {
  const fit = (share: readonly number[] | undefined) => (share?.length === nodes.length ** 2 ? share : null);
  return { before: fit(before?.share), after: fit(after?.share) };
};

/** Nodes whose names stand around the circle level; of more they stand out from it. */
const LEVEL = 20;
/** Edges that are drawn where no node is chosen. */
const MOST_EDGES = 160;
/** Weights that are told apart by how strong an edge is drawn. */
const KINDS = 5;

function AsGraph({ graph }: { readonly graph: PageGraph }) {
  const { nodes, A } = graph;
  const n = nodes.length;
  const [ref, width] = useWidth<HTMLDivElement>();
  const [wanted, choose] = useState(0);
  const chosen = Math.min(wanted, n - 1);
  const [near, setNear] = useState<number | null>(null);
  const room = width < 480 ? 78 : 104;
  const size = Math.max(240, Math.min(640, width));
  const radius = size / 2 - room;
  const tall = n > LEVEL ? size / 2 : radius + 36;
  const places = useMemo(() => spots(n, radius), [n, radius]);
  const edges = useMemo(() => edgesOf(A, n), [A, n]);
  const heaviest = Math.abs(edges.at(-1)?.weight ?? 1);
  const node = Math.max(4, Math.min(9, (radius * 2) / n));
  const meant = near ?? chosen;
  // Edges of about the same weight are one path: hundreds are drawn as quickly as a few.
  const lines = useMemo(() => {
    const kinds = Array.from({ length: KINDS }, () => ({ line: '', head: '' }));
    for (const { from, to, weight } of edges.slice(-MOST_EDGES)) {
      const [line, head] = edgePath(places[from], places[to], node + 3, 9);
      const kind = kinds[Math.min(KINDS - 1, Math.floor((KINDS * Math.abs(weight)) / heaviest))];
      kind.line += line;
      kind.head += head;
    }
    return kinds.map(({ line, head }, k) => (
      <g key={k}>
        <path class="line" d={line} stroke-opacity={(k + 2) / (KINDS + 1)} stroke-width={strokeOf(k + 0.5, KINDS)} />
        <path class="head" d={head} fill-opacity={(k + 2) / (KINDS + 1)} />
      </g>
    ));
  }, [edges, places]);
  const own = edges.filter(({ from, to }) => from === meant || to === meant);
  const press = (event: KeyboardEvent): void => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const next = (chosen + by + n) % n;
    choose(next);
    const nodes = (event.currentTarget as Element).querySelectorAll<SVGElement>('[role="radio"]');
    nodes[next]?.focus();
  };
  return (
    <div class="split">
      <div ref={ref} class="ring">
        <svg
          width={size}
          height={2 * tall}
          viewBox={`${-size / 2} ${-tall} ${size} ${2 * tall}`}
          // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: its nodes are radio buttons
          role="radiogroup"
          aria-label="Labels of the graph"
          onKeyDown={press}
        >
          <g class="edges">{lines}</g>
          <g class="own">
            {own.map(({ from, to, weight }) => {
              const [line, head] = edgePath(places[from], places[to], node + 3, 9);
              return (
                <g key={`${from} ${to}`} class={to === meant ? 'takes' : 'gives'}>
                  <path class="line" d={line} stroke-width={strokeOf(weight, heaviest)} />
                  <path class="head" d={head} />
                </g>
              );
            })}
          </g>
          {places.map(({ x, y, ux, uy }, i) => (
            // biome-ignore lint/a11y/useSemanticElements: a radio button that is drawn
            <g
              key={i}
              class="node"
              role="radio"
              aria-checked={i === chosen}
              aria-label={nodes[i]}
              tabindex={i === chosen ? 0 : -1}
              onClick={() => choose(i)}
              onPointerEnter={() => setNear(i)}
              onPointerLeave={() => setNear(null)}
            >
              <title>{nodes[i]}</title>
              <circle class="reach" cx={x} cy={y} r={Math.max(12, node + 4)} />
              <circle class="spot" cx={x} cy={y} r={node} />
              {n > LEVEL ? (
                <text
                  transform={`translate(${x + ux * (node + 6)} ${y + uy * (node + 6)}) rotate(${(Math.atan2(uy, ux) * 180) / Math.PI + (ux < -1e-6 ? 180 : 0)})`}
                  text-anchor={ux < -1e-6 ? 'end' : 'start'}
                  dy="0.35em"
                >
                  {clip(nodes[i], width < 480 ? 10 : 14)}
                </text>
              ) : (
                <text
                  x={x + ux * (node + 8)}
                  y={y + uy * (node + 14)}
                  text-anchor={Math.abs(ux) < 0.3 ? 'middle' : ux > 0 ? 'start' : 'end'}
                  dy="0.35em"
                >
                  {clip(nodes[i], width < 480 ? 10 : 14)}
                </text>
              )}
            </g>
          ))}
        </svg>
        <p class="key">
          <span class="takes">what {nodes[meant]} takes</span>
          <span class="gives">what it gives</span>
        </p>
      </div>
      <Takes graph={graph} node={chosen} choose={choose} />
    </div>
  );
}

const strokeOf = (weight: number, heaviest: number): string => (1 + (4 * Math.abs(weight)) / heaviest).toFixed(1);

/** What a label's classifier is put together from, before and after. */
function Takes({
  graph,
  node,
  choose,
}: {
  readonly graph: PageGraph;
  readonly node: number;
  choose(node: number): void;
}) {
  const { nodes, A } = graph;
  const n = nodes.length;
  const { before, after } = sharesOf(graph);
  const of = (share: readonly number[] | null, j: number): number | null => (share ? share[node * n + j] : null);
  const rows = nodes
    .map((name, j) => ({ name, j, before: of(before, j), after: of(after, j), weight: A[j * n + node] }))
    .filter((row) => row.before || row.after || row.weight);
  const shown = sorted(rows, (row) => row.after ?? row.before ?? row.weight, true);
  const known = before ?? after;
  const values = rows.flatMap((row) => [row.before ?? 0, row.after ?? 0]);
  const [low, high] = [Math.min(0, ...values), Math.max(0.01, ...values)];
  const bar = (value: number, kind: string) => (
    <span
      class={`take ${kind}`}
      style={{
        left: `${(100 * (Math.min(0, value) - low)) / (high - low)}%`,
        width: `${(100 * Math.abs(value)) / (high - low)}%`,
      }}
    />
  );
  return (
    <section>
      <Select
        label="Label"
        options={nodes.map((name, i) => [String(i), name])}
        value={String(node)}
        choose={(i) => choose(Number(i))}
      />
      <p class="muted">
        {known
          ? `How much of its classifier comes from each label${graph.after && graph.before ? `: before training, and at epoch ${graph.after.epoch}` : ''}. A row of shares adds up to 100 %.`
          : 'How much it takes in training is not known of this run; edges have their weights.'}
      </p>
      <div class="wide">
        <table class="rows takes-table">
          <caption class="hidden">What the classifier of {nodes[node]} takes</caption>
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col" class="number">
                Edge
              </th>
              {known && (
                <>
                  <td class="bars" />
                  <th scope="col" class="number">
                    Before
                  </th>
                  <th scope="col" class="number">
                    After
                  </th>
                </>
              )}
            </tr>
          </thead>
          <tbody aria-live="polite">
            {shown.map((row) => (
              <tr key={row.j}>
                <th scope="row" title={row.name}>
                  <span class="name">{row.j === node ? 'itself' : row.name}</span>
                </th>
                <td class="number">{row.weight.toFixed(3)}</td>
                {known && (
                  <>
                    <td class="bars" aria-hidden="true">
                      <span>
                        {row.before !== null && bar(row.before, 'before')}
                        {row.after !== null && bar(row.after, 'after')}
                      </span>
                    </td>
                    <td class="number">{row.before === null ? '–' : percent(row.before)}</td>
                    <td class="number">{row.after === null ? '–' : percent(row.after)}</td>
                  </>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

type Table = 'A' | 'before' | 'after';

function AsMatrix({ graph, name }: { readonly graph: PageGraph; readonly name: string }) {
  const { nodes, A } = graph;
  const n = nodes.length;
  const shares = sharesOf(graph);
  const tables: (readonly [Table, string, readonly number[]])[] = [['A', 'Edges', A]];
  if (shares.before) tables.push(['before', 'Shares before', shares.before]);
  if (shares.after) tables.push(['after', 'Shares after', shares.after]);
  const [wanted, choose] = useState<Table>('A');
  const [table, title, values] = tables.find(([one]) => one === wanted) ?? tables[0];
  const squares = useMemo(() => {
    const most = Math.max(1e-9, ...values.map(Math.abs).filter(Number.isFinite));
    return values.map(
      (value): CellFace => ({
        text: !Number.isFinite(value)
          ? '–'
          : value === 0
            ? '0'
            : table === 'A'
              ? value.toFixed(2)
              : (100 * value).toFixed(0),
        share: Math.abs(value) / most || 0,
        tone: value < 0 ? 'warm' : 'cool',
      }),
    );
  }, [values, table]);
  const [at, look] = useState<Cell | null>(null);
  const value = at && values[at.row * n + at.column];
  return (
    <>
      <div class="tools">
        <Choice label="Table" options={tables.map(([one, text]) => [one, text])} value={table} choose={choose} />
      </div>
      <Matrix
        label={`${title} of the label graph of ${name}`}
        rows={nodes}
        columns={nodes}
        axes={table === 'A' ? ['from', 'to'] : ['label', 'takes from']}
        squares={squares}
        look={look}
      />
      <p class="hint">
        {at && value !== null && Number.isFinite(value)
          ? table === 'A'
            ? `${nodes[at.row]} → ${nodes[at.column]}: ${value.toFixed(4)}`
            : `${nodes[at.row]} takes ${percent(value)} of its classifier from ${at.row === at.column ? 'itself' : nodes[at.column]}`
          : table === 'A'
            ? 'A row’s label gives to those of the columns.'
            : 'Per cent of a row’s classifier; a row adds up to 100.'}
      </p>
    </>
  );
}
