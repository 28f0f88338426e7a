// A run made to fit into a file that can be sent: curves keep their outline, long lists lose their middle, what is too long goes.
import type { PageLayers, PageRun } from '../../../page/protocol';
import { stepsAt, thinned } from './columns';
import { evenly, fewer } from './faces';
import { inScript } from './html';

/** Of more than these nothing would be seen: points of a curve, faces of the plane, lines of the log. */
const [STEPS, FACES, LINES] = [4000, 4000, 500];

/** Parts that can be made shorter, down to nothing. */
const SHORTER: { readonly [K in keyof PageRun]?: (part: PageRun[K]) => PageRun[K] } = {
  steps: (steps) => (steps.step.length > 8 ? thinned(steps, Math.floor(steps.step.length / 2)) : stepsAt(steps, [])),
  predictions: (of) => of && (of.image.length > 8 ? fewer(of, of.image.length >> 1) : null),
  layers: (layers) => halved<PageLayers>(layers),
  epochs: (epochs) => halved(epochs),
  log: (log) => log.slice(Math.ceil(log.length / 2)),
  problems: (problems) => problems.slice(0, Math.floor(problems.length / 2)),
  profile: (ops) => ops && (ops.length > 1 ? ops.slice(0, ops.length >> 1) : null),
  args: () => ({}),
  manifest: () => null,
  metrics: () => null,
  graph: () => null,
  classes: () => [],
  name: (name) => name.slice(0, name.length >> 1),
};

/**
 * A run that takes at most `most` bytes in the page's <script>: whatever takes most of it is made shorter, again and again. What had to go is
 * told in `problems`.
 */
export function fitted(run: PageRun, most: number): PageRun {
  const { steps, predictions, log } = run;
  let found: PageRun = {
    ...run,
    steps: thinned(steps, STEPS),
    predictions: predictions && fewer(predictions, FACES),
    log: log.slice(-LINES),
  };
  const names = Object.keys(SHORTER) as (keyof PageRun)[];
  const sizes = new Map(names.map((name) => [name, sizeOf(found[name])]));
  const gone = new Set<string>();
  const spare = most - 4096;
  for (;;) {
    const all = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    if (all <= spare) break;
    const name = names.reduce((a, b) => ((sizes.get(a) ?? 0) >= (sizes.get(b) ?? 0) ? a : b));
    const shorter = SHORTER[name] as (part: unknown) => unknown;
    found = { ...found, [name]: shorter(found[name]) };
    sizes.set(name, sizeOf(found[name]));
    gone.add(name);
  }
  const told = [...gone].map((name) => `${name}: shortened, or left out, to fit into a report`);
  return { ...found, problems: [...found.problems, ...told] };
}

const sizeOf = (value: unknown): number => Buffer.byteLength(inScript(value));

const halved = <T>(list: readonly T[]): readonly T[] =>
  list.length > 1 ? evenly(list.length, list.length / 2).map((i) => list[i]) : [];
