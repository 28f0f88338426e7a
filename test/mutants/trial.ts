// Whether the checks of a file notice that it is broken.
import type { Check, Outcome, Tree } from '../tree';

export interface Verdict {
  readonly kind: 'killed' | 'timed out' | 'survived' | 'no mutant';
  /** Who killed it, or what was passed. */
  readonly by: readonly string[];
  readonly seconds: number;
  /** The end of what the last check wrote. */
  readonly output: string;
}

/** What a compiler of WGSL or esbuild refuses is no mutant. */
const REFUSED = /does not compile:|makes no pipeline:|Build failed with/;
/** How many times longer than without a break a check may take, and seconds beside, before it counts as hanging. */
const PATIENCE = { factor: 5, more: 20 };
/** Seconds for a check of which it is not known how long it takes. */
const UNKNOWN = 150;

export class Trials {
  /** Seconds of checks that pass in the tree as it is; null of those that do not. */
  private readonly whole = new Map<string, number | null>();

  constructor(
    private readonly tree: Tree,
    /** No check of a mutant is begun after as many. */
    private readonly seconds: number,
  ) {}

  /** Runs the checks of a file that has `broken` for its text, one after the other, up to the first that fails. */
  async try(file: string, broken: string, checks: readonly Check[]): Promise<Verdict> {
    const text = this.tree.read(file);
    const began = performance.now();
    const passed: string[] = [];
    const seconds = (): number => (performance.now() - began) / 1000;
    for (const check of checks) {
      if (this.whole.get(check.name) === null) continue;
      if (seconds() > this.seconds) break;
      const broke = (): Promise<Outcome> => {
        this.tree.write(file, broken);
        return this.run(check).finally(() => this.tree.write(file, text));
      };
      let outcome = await broke();
      // How long it may take is known only once it has run without the break.
      if (outcome.verdict === 'out of time' && !this.whole.has(check.name) && (await this.holds(check)))
        outcome = await broke();
      if (outcome.verdict === 'passed') {
        passed.push(check.name);
        this.whole.set(check.name, Math.max(outcome.seconds, this.whole.get(check.name) ?? 0));
        continue;
      }
      const output = outcome.output.slice(-4000);
      if (REFUSED.test(outcome.output)) return { kind: 'no mutant', by: [], seconds: seconds(), output };
      if (!(await this.holds(check))) continue;
      const kind = outcome.verdict === 'failed' ? 'killed' : 'timed out';
      return { kind, by: [check.name], seconds: seconds(), output };
    }
    return { kind: 'survived', by: passed, seconds: seconds(), output: '' };
  }

  /** Whether a check passes in the tree as it is. */
  async holds(check: Check): Promise<boolean> {
    if (!this.whole.has(check.name)) {
      const { verdict, seconds } = await this.run(check);
      this.whole.set(check.name, verdict === 'passed' ? seconds : null);
    }
    return this.whole.get(check.name) !== null;
  }

  private run(check: Check): Promise<Outcome> {
    const known = this.whole.get(check.name);
    return this.tree.run(check, known ? PATIENCE.factor * known + PATIENCE.more : UNKNOWN);
  }
}
