// Which tests cover a file, the nearest first.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Metafile } from 'esbuild';

/** How near a test is to a file: compared in the order of the fields. */
interface Nearness {
  /** Steps from the file to an importer whose name the test bears, none where it imports the file itself; more than any where it bears none. */
  readonly name: number;
  /** Whether it stands in the folder of another room. */
  readonly elsewhere: boolean;
  /** Steps from the test to the file, import by import. */
  readonly depth: number;
  /** Files that the test leads to: the fewer, the more it is about each. */
  readonly reach: number;
}

/** Where the program begins, which tests start by way of test/cli/program.ts. */
const MAIN = 'src/cli/main.ts';

export class Coverage {
  private readonly imports = new Map<string, readonly string[]>();
  private readonly importers = new Map<string, string[]>();
  private readonly tests: readonly string[];

  private constructor({ inputs }: Metafile, started: Readonly<Record<string, readonly string[]>>) {
    for (const [file, { imports }] of Object.entries(inputs)) {
      const own = imports.filter(({ external }) => !external).map(({ path }) => path);
      own.push(...(started[file] ?? []));
      // What a test bundles (test/bundled.ts), it names.
      if (file.endsWith('.test.ts'))
        for (const [, path] of readFileSync(file, 'utf8').matchAll(/: '(src\/[^']+\.ts)'/g)) own.push(path);
      this.imports.set(file, own);
      for (const path of own) this.importers.set(path, [...(this.importers.get(path) ?? []), file]);
    }
    this.tests = Object.keys(inputs).filter((file) => file.endsWith('.test.ts'));
  }

  /** Of all tests below ./test, as esbuild finds their imports; those that start the program reach it, and its threads. */
  static async read(): Promise<Coverage> {
    const { bundle, WORKERS } = (await import(join(process.cwd(), 'scripts/bundle.mjs'))) as {
      bundle(options: object): Promise<{ metafile: Metafile }>;
      WORKERS: Readonly<Record<string, string>>;
    };
    const threads = Object.values(WORKERS);
    const tests = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.test.ts'));
    const entryPoints = [...tests.map((f) => `test/${f}`), MAIN, ...threads];
    const { metafile } = await bundle({ entryPoints, outdir: 'build/coverage', metafile: true, write: false });
    return new Coverage(metafile, { 'test/cli/program.ts': [MAIN], [MAIN]: threads });
  }

  /** The tests that import a file, also by way of others, nearest first. */
  testsOf(file: string): string[] {
    const [, room] = file.split('/');
    return this.tests
      .flatMap((test) => {
        const reached = steps(test, this.imports);
        const depth = reached.get(file);
        if (depth === undefined) return [];
        const elsewhere = !test.startsWith(`test/${room}/`);
        const near: Nearness = {
          name: depth === 1 ? 0 : this.byName(file, test),
          elsewhere,
          depth,
          reach: reached.size,
        };
        return [{ test, near }];
      })
      .sort((a, b) => compare(a.near, b.near))
      .map(({ test }) => test);
  }

  private byName(file: string, test: string): number {
    const stem = basename(test, '.test.ts');
    for (const [importer, away] of steps(file, this.importers)) {
      if (importer.startsWith('src/') && namesOf(importer).some((name) => stem === name || stem.startsWith(`${name}_`)))
        return away;
    }
    return Number.POSITIVE_INFINITY;
  }
}

const compare = (a: Nearness, b: Nearness): number =>
  a.name - b.name || Number(a.elsewhere) - Number(b.elsewhere) || a.depth - b.depth || a.reach - b.reach;

/** A file's own name, and its folder's below the room. */
function namesOf(file: string): string[] {
  const [, , ...folders] = dirname(file).split('/');
  return [basename(file).split('.')[0], ...folders.slice(-1)];
}

/** All that `links` lead to from a file, each with the least steps, in their order. */
function steps(from: string, links: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const found = new Map([[from, 0]]);
  for (const [file, away] of found)
    for (const next of links.get(file) ?? []) if (!found.has(next)) found.set(next, away + 1);
  return found;
}
