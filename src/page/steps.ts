// steps.csv of a run, as the page keeps it: columns that grow in place, so that a batch more costs a batch.
import type { Figure, PageSteps } from './protocol';

const NAMES = ['step', 'epoch', 'loss', 'cat', 'cont', 'accuracy', 'lr'] as const;
export type StepName = (typeof NAMES)[number];
/** As they come: lists, or what `reader.ts` makes of them. */
export type StepColumns = Readonly<Record<StepName, readonly Figure[] | Float64Array>>;

/** Columns of equal length; NaN where there is no number. */
export class StepTable {
  length = 0;
  /** How often rows were taken away: what was computed from them is void. */
  cuts = 0;
  private readonly columns: Record<StepName, Float64Array>;

  constructor(steps?: StepColumns) {
    this.columns = Object.fromEntries(NAMES.map((name) => [name, new Float64Array(256)])) as Record<
      StepName,
      Float64Array
    >;
    if (steps) this.put(0, steps);
  }

  /** The first `length` places of a column; a view that later rows may leave behind. */
  column(name: StepName): Float64Array {
    return this.columns[name].subarray(0, this.length);
  }

  /** Takes rows in from place `after` on; false: there are fewer rows than that. */
  put(after: number, steps: StepColumns): boolean {
    if (after > this.length) return false;
    if (after < this.length) this.cuts++;
    this.length = after + steps.step.length;
    for (const name of NAMES) {
      if (this.columns[name].length < this.length) {
        const wider = new Float64Array(2 ** Math.ceil(Math.log2(this.length + 1)));
        wider.set(this.columns[name].subarray(0, after));
        this.columns[name] = wider;
      }
      const [column, given] = [this.columns[name], steps[name]];
      if (given instanceof Float64Array) column.set(given, after);
      else for (let i = 0; i < given.length; i++) column[after + i] = given[i] ?? Number.NaN;
    }
    return true;
  }
}

/** Of a run whose steps a StepTable has. */
export const NO_STEPS: PageSteps = { step: [], epoch: [], loss: [], cat: [], cont: [], accuracy: [], lr: [] };
