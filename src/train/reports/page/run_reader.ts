// A run folder as the page is told of it. Every file is read on its own, and again when it has changed: one that is broken, missing or no
// file of ours becomes a line in `problems`, whatever it holds.
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InputError } from '../../../base/errors';
import { printable } from '../../../base/printable';
import { nodesOf } from '../../../data';
import { lookAt } from '../../../data/files';
import { ImageRoot } from '../../../data/image_root';
import { readSafetensors } from '../../../formats/safetensors';
import type { PageEpoch, PageEvent, PageOp, PagePredictions, PageRun } from '../../../page/protocol';
import { parsePredictions, type ReadPredictions } from '../../measures/predictions';
import { ARGS, LAYERS, STEPS } from '../../run/files';
import { isWritten } from '../../run/lock';
import { isObject, parseMetrics, readJson, readText } from '../../run/read_run';
import { parseResults } from '../../run/results';
import { parseStep, STEPS_HEADER, type StepRow } from '../../run/steps';
import { columnsOf, figure, joined, sameRows, stepsFrom, thinned } from './columns';
import { fewer } from './faces';
import { type ReadLayers, readLayers } from './layers';
import { Tail } from './tail';

/** Most bytes of predictions.csv and of the label graph. */
const [MOST_TEXT, MOST_GRAPH] = [2 ** 26, 2 ** 24];
/** Most rows of predictions, of steps, and lines of the log that the page is given; most characters of a line. */
const [MOST_FACES, MOST_STEPS, MOST_LINES, LONGEST] = [20_000, 200_000, 2000, 2000];
const LOG = 'run.log';
/** Bytes at its end that are looked at. */
const LOG_END = 2 ** 20;

/** What each file gives. */
interface Read {
  [ARGS]: Pick<PageRun, 'args' | 'classes'>;
  'manifest.json': PageRun['manifest'];
  'results.csv': readonly PageEpoch[];
  'metrics.json': PageRun['metrics'];
  'predictions.csv': PagePredictions | null;
  'adj.safetensors': readonly number[] | null;
  [LAYERS]: ReadLayers;
  'profile.json': readonly PageOp[] | null;
}

const NOTHING: Read = {
  [ARGS]: { args: {}, classes: [] },
  'manifest.json': null,
  'results.csv': [],
  'metrics.json': null,
  'predictions.csv': null,
  'adj.safetensors': null,
  [LAYERS]: { layers: [], before: null, after: null },
  'profile.json': null,
};

/** What follows from another file too: read again with it. */
const FOLLOWS: Partial<Record<keyof Read, readonly (keyof Read)[]>> = {
  [ARGS]: ['predictions.csv', 'adj.safetensors', LAYERS],
  'metrics.json': ['predictions.csv', 'adj.safetensors', LAYERS],
};

/** A run folder that is looked at again and again. */
export class RunReader {
  /** As it was when it was last looked at. */
  run: PageRun;
  readonly dir: string;
  private readonly read: Read = { ...NOTHING };
  private readonly stamps = new Map<string, string>();
  private readonly wrong = new Map<string, string>();
  private readonly tails: { readonly steps: Tail; readonly log: Tail };
  /** Lines of steps.csv that were read. */
  private lines = 0;

  /** @param name as the folder was named @param id see `PageRun` */
  constructor(dir: string, name: string, id: string) {
    this.dir = resolve(dir);
    this.tails = { steps: new Tail(join(this.dir, STEPS)), log: new Tail(join(this.dir, LOG), LOG_END) };
    this.run = {
      ...{ id, name: printable(name), running: false, args: {}, manifest: null, classes: [], steps: columnsOf([]) },
      ...{ epochs: [], metrics: null, predictions: null, graph: null, layers: [], profile: null, log: [] },
      ...{ problems: [], pictures: null },
    };
  }

  /** Looks what has changed. @returns what leads from what `run` was to what it is now */
  look(): PageEvent[] {
    const before = this.run;
    const changed = new Set<string>([...PARTS, STEPS, LOG].filter((name) => this.hasChanged(name)));
    for (const name of [...changed]) for (const other of FOLLOWS[name as keyof Read] ?? []) changed.add(other);
    // Classes come first.
    for (const name of PARTS) if (changed.has(name)) this.take(name);
    const parts = PARTS.some((name) => changed.has(name)) ? this.changedParts() : {};
    const after = changed.has(STEPS) ? this.takeSteps() : null;
    const lines = changed.has(LOG) ? this.takeLog() : [];
    const running = isWritten(this.dir);
    this.run = { ...this.run, ...parts, running };
    const problems = this.problems();
    this.run = { ...this.run, problems };

    const { id } = this.run;
    const events: PageEvent[] = [];
    if (after !== null) events.push({ id, after, steps: stepsFrom(this.run.steps, after) });
    if (lines.length > 0) events.push({ id, log: lines });
    const set = {
      ...parts,
      ...(running !== before.running && { running }),
      ...(problems.join('\n') !== before.problems.join('\n') && { problems }),
    };
    if (Object.keys(set).length > 0) events.push({ id, set });
    return events;
  }

  private hasChanged(name: string): boolean {
    const stamp = stampOf(join(this.dir, name));
    if (this.stamps.get(name) === stamp) return false;
    this.stamps.set(name, stamp);
    return true;
  }

  private isThere(name: string): boolean {
    return this.stamps.get(name) !== NONE;
  }

  /** Reads a file with `work`; what is wrong with it is kept, and `otherwise` is what it then gives, as where it is not there. */
  private attempt<T>(name: string, work: (file: string) => T, otherwise: T): T {
    this.wrong.delete(name);
    if (!this.isThere(name)) return otherwise;
    const file = join(this.dir, name);
    try {
      const found = lookAt(file);
      if (found !== 'a file') throw new InputError(`expected a file, found ${found}`);
      const outside = new ImageRoot(this.dir).linkProblemOf(file);
      if (outside) throw new InputError(`a link that leads out of the run's folder`);
      return work(file);
    } catch (error) {
      const message = (error as Error).message.replaceAll(`${file}: `, '');
      this.wrong.set(name, printable(`${name}: ${message}`).slice(0, 500));
      return otherwise;
    }
  }

  private take<K extends keyof Read>(name: K): void {
    this.read[name] = this.attempt(name, (file) => READERS[name](file, this.read), NOTHING[name]);
  }

  /** What is another than before. */
  private changedParts(): Partial<PageRun> {
    const { read, run } = this;
    const { layers, before, after } = read[LAYERS];
    const A = read['adj.safetensors'];
    const classes = classesIn(read);
    const sameGraph = run.graph?.A === A && run.graph?.before === before && run.graph?.after === after;
    const parts: Partial<PageRun> = {
      args: read[ARGS].args,
      classes,
      manifest: read['manifest.json'],
      epochs: read['results.csv'],
      metrics: read['metrics.json'],
      predictions: read['predictions.csv'],
      graph: sameGraph ? run.graph : A && { nodes: nodesOf(classes), A, before, after },
      layers,
      profile: read['profile.json'],
    };
    return Object.fromEntries(Object.entries(parts).filter(([name, part]) => part !== run[name as keyof PageRun]));
  }

  /** @returns the place from which on the steps are others; null: they are not */
  private takeSteps(): number | null {
    const { steps } = this.run;
    const wrong = this.wrong.get(STEPS);
    const more = this.attempt(
      STEPS,
      () => {
        const { lines, anew } = this.tails.steps.read();
        if (anew) this.lines = 0;
        const rows: StepRow[] = [];
        for (const line of lines) {
          if (++this.lines === 1 && `${line}\n` === STEPS_HEADER) continue;
          const row = this.lines > 1 ? parseStep(line) : null;
          const last = rows.at(-1)?.step ?? (anew ? 0 : steps.step.at(-1)) ?? 0;
          if (row && row.step > last) rows.push(row);
          else if (!this.wrong.has(STEPS)) this.wrong.set(STEPS, wrongStep(this.lines, line));
        }
        return { rows: columnsOf(rows), anew };
      },
      { rows: columnsOf([]), anew: true },
    );
    // A line that was wrong still is, as long as lines are added.
    if (!more.anew && wrong !== undefined) this.wrong.set(STEPS, wrong);
    const { length } = steps.step;
    const all = more.anew ? more.rows : joined(steps, length, more.rows);
    if (all.step.length > MOST_STEPS) {
      this.run = { ...this.run, steps: thinned(all, MOST_STEPS / 2) };
      return 0;
    }
    const after = more.anew ? sameRows(steps, all) : length;
    if (after === length && all.step.length === length) return null;
    this.run = { ...this.run, steps: all };
    return after;
  }

  /** @returns the lines that are new */
  private takeLog(): readonly string[] {
    const lines = this.attempt(LOG, () => this.tails.log.read().lines, [])
      .slice(-MOST_LINES)
      .map((line) => printable(line.slice(0, LONGEST)));
    this.run = { ...this.run, log: [...this.run.log, ...lines].slice(-MOST_LINES) };
    return lines;
  }

  /** What is wrong with files, and which are missing. A run that is being begun, or is at the end of an epoch, has some yet to come. */
  private problems(): string[] {
    const { args, epochs, metrics, running } = this.run;
    if (running && !this.isThere(ARGS)) return [];
    const ended = epochs.length > 0 || metrics !== null;
    const wanted = [
      ...[ARGS, 'manifest.json', LOG],
      ...(ended ? ['results.csv', STEPS, 'metrics.json', 'predictions.csv'] : []),
      ...(args.model === 'emotion_gcn' ? ['adj.safetensors'] : []),
    ];
    const missing = running ? [] : wanted.filter((name) => !this.isThere(name)).map((name) => `${name}: not there`);
    return [...this.wrong.values(), ...missing];
  }
}

const wrongStep = (line: number, found: string): string =>
  printable(
    `${STEPS}: line ${line}: expected ${line === 1 ? STEPS_HEADER.trim() : 'a batch behind the one before'}, ` +
      `found ${JSON.stringify(found.slice(0, 200))}`,
  );

const NONE = 'none';

/** Tells a file from what it was. */
function stampOf(file: string): string {
  try {
    const found = statSync(file, { throwIfNoEntry: false, bigint: true });
    return found ? `${found.ino} ${found.size} ${found.mtimeNs}` : NONE;
  } catch (error) {
    return `not to be read: ${(error as NodeJS.ErrnoException).code}`;
  }
}

/** Those of args.json; where that does not tell, of metrics.json. */
const classesIn = (read: Read): readonly string[] =>
  read[ARGS].classes.length > 0 ? read[ARGS].classes : ((read['metrics.json']?.classes as string[] | undefined) ?? []);

const READERS: { readonly [K in keyof Read]: (file: string, read: Read) => Read[K] } = {
  [ARGS]: (file) => {
    const args = readJson(file);
    const { classes } = args;
    if (!Array.isArray(classes) || classes.length > 1000 || !classes.every((name) => typeof name === 'string'))
      throw new InputError("expected the classes' names as classes");
    return { args, classes };
  },
  'metrics.json': (file) => ({ ...parseMetrics(readJson(file), file) }),
  'manifest.json': (file) => readJson(file),
  'results.csv': (file) =>
    parseResults(readText(file), file).map(
      (row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, figure(value)])) as unknown as PageEpoch,
    ),
  'predictions.csv': (file, read) => predictionsOf(parsePredictions(readText(file, MOST_TEXT), file, classesIn(read))),
  'adj.safetensors': (file, read) => {
    if (statSync(file).size > MOST_GRAPH) throw new InputError(`expected at most ${MOST_GRAPH} bytes`);
    const nodes = nodesOf(classesIn(read));
    const { tensors, metadata } = readSafetensors(readFileSync(file), file);
    const { shape, data } = tensors.get('A') ?? { shape: [], data: null };
    const isMatrix = shape.join() === `${nodes.length},${nodes.length}`;
    const isFloat = data instanceof Float32Array || data instanceof Float64Array;
    if (!isMatrix || !isFloat || (metadata.nodes ?? nodes.join()) !== nodes.join())
      throw new InputError(`expected a tensor A of ${nodes.length} x ${nodes.length} numbers, one a node`);
    const numbers = Array.from(data, (v) => Number(v.toPrecision(6)));
    if (!numbers.every(Number.isFinite)) throw new InputError('A: expected finite numbers');
    return numbers;
  },
  [LAYERS]: (file, read) => {
    const best = read['metrics.json']?.best_epoch;
    return readLayers(file, classesIn(read).length + 2, typeof best === 'number' ? best : null);
  },
  'profile.json': (file) => {
    const { ops } = readJson(file);
    if (!Array.isArray(ops) || ops.length > 10_000) throw new InputError('expected a list of ops');
    return ops.map((op): PageOp => {
      const numbers = ['launches', 'milliseconds', 'share', 'gflops', 'gbps'] as const;
      if (!isObject(op) || typeof op.op !== 'string') throw new InputError('expected a name and times of each op');
      const of = numbers.map((name) => [name, Number.isFinite(op[name]) ? op[name] : 0]);
      return { op: op.op, ...Object.fromEntries(of) };
    });
  },
};

/** In this order they are read: what others need comes first. */
const PARTS = Object.keys(READERS) as (keyof Read)[];

const short = (value: number): number => Number(value.toPrecision(4));

function predictionsOf({ images, labels, predicted, confidence, likelihood, va }: ReadPredictions): PagePredictions {
  const pairs = (c: number): [number, number][] | null =>
    va ? images.map((_, i) => [short(va.truth[2 * i + c]), short(va.predicted[2 * i + c])]) : null;
  const all: PagePredictions = {
    image: images,
    expression: Array.from(labels),
    predicted: Array.from(predicted),
    confidence: confidence ? confidence.map(short) : null,
    likelihood: likelihood ? likelihood.map(short) : null,
    valence: pairs(0),
    arousal: pairs(1),
  };
  return fewer(all, MOST_FACES);
}
