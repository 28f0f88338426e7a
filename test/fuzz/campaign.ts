// A campaign against one target: Jazzer.js (libFuzzer, with the coverage of our code) in a process of its own.
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { MachineError } from '../../src/base/errors';
import { bundleInto } from '../bundled';
import { TARGETS } from './targets';

/** What is found, and the program that finds it. */
const OUT = resolve('build/fuzz');
/** Made-up files among the first ones. */
const MADE = 50;
/** Bytes of a case; MiB that the process may hold, of which 300 are Node's and the fuzzer's; seconds after which a case hangs. */
const [MOST_BYTES, MOST_MIB, HANGS] = [2 ** 16, 1024, 30];

export interface Campaign {
  readonly cases: number;
  readonly minutes: number;
  /** How often the fuzzer itself ended by a signal: the case that it was at is none that ends a process without it. */
  readonly restarts: number;
  /** Files that failed. */
  readonly found: readonly string[];
  /** What was said of them. */
  readonly said: string;
}

const PROGRAM = join(OUT, 'program');

/** Signals that end the fuzzer before it has done anything, after which it is given up. */
const MOST_RESTARTS = 5;

/** Bundles what runs in the fuzzer's process. */
export function prepare(): void {
  const entryPoints = Object.fromEntries(['one', 'again', 'older_linux'].map((name) => [name, `test/fuzz/${name}.ts`]));
  bundleInto(PROGRAM, entryPoints);
}

/**
 * Runs one. What it learns stays in build/fuzz/NAME, from where the next goes on; what it finds in build/fuzz/NAME-found.
 * @throws MachineError where the fuzzer cannot be loaded
 */
export async function campaign(name: string, seconds: number, seed: number): Promise<Campaign> {
  const { target } = await TARGETS[name]();
  const [corpus, found] = [join(OUT, name), join(OUT, `${name}-found`)];
  rmSync(found, { recursive: true, force: true });
  for (const dir of [corpus, found]) mkdirSync(dir, { recursive: true });
  const made = target.made ? fc.sample(target.made, { seed, numRuns: MADE }) : [];
  for (const [i, bytes] of [...(await target.seeds()), ...made].entries())
    writeFileSync(join(corpus, `first-${i}`), bytes);

  const env = {
    ...process.env,
    ...{ FUZZ_TARGET: name, FUZZ_LIBRARY: join(OUT, 'fuzzer.node'), FUZZ_CASE: join(OUT, `${name}-case`) },
  };
  writeFileSync(env.FUZZ_CASE, '');
  const begun = performance.now();
  const spent = (): number => (performance.now() - begun) / 1000;
  let [cases, restarts, said] = [0, 0, ''];
  do {
    const run = await fuzz(corpus, found, Math.max(1, Math.round(seconds - spent())), seed + restarts, env);
    const isSignal = typeof run.end === 'string';
    if (run.cases === 0 && readdirSync(found).length === 0 && !(isSignal && restarts < MOST_RESTARTS))
      throw new MachineError(`Jazzer.js ended with ${run.end}: ${run.said}`);
    cases += run.cases;
    said = run.said;
    if (!isSignal) break;
    const again = spawnSync(process.execPath, [join(PROGRAM, 'again.js')], {
      ...{ env, encoding: 'utf8', timeout: 1000 * HANGS },
    });
    if (again.status !== 0) {
      copyFileSync(env.FUZZ_CASE, join(found, String(run.end)));
      said += again.stderr;
      break;
    }
    restarts++;
  } while (spent() < seconds);
  const files = readdirSync(found).map((file) => join(found, file));
  return { cases, minutes: spent() / 60, restarts, found: files, said };
}

/** Characters at the end of what the fuzzer says that are kept. */
const KEPT = 20_000;

/** Runs the fuzzer until it finds something, or the time is over. `end`: its exit code, or the signal that ended it. */
async function fuzz(
  corpus: string,
  found: string,
  seconds: number,
  seed: number,
  env: NodeJS.ProcessEnv,
): Promise<{ end: unknown; cases: number; said: string }> {
  const jazzer = join(createRequire(import.meta.url).resolve('@jazzer.js/core'), '../cli.js');
  const flags = {
    ...{ max_total_time: seconds, seed, max_len: MOST_BYTES, rss_limit_mb: MOST_MIB, timeout: HANGS },
    ...{ print_final_stats: 1, artifact_prefix: `${found}/` },
  };
  const child = spawn(
    process.execPath,
    [
      ...['--enable-source-maps', '--import', join(PROGRAM, 'older_linux.js'), jazzer, join(PROGRAM, 'one.js'), corpus],
      // It takes a path that is looked at for one that is followed, and leads cases there.
      ...['--disableBugDetectors', 'path-traversal', '-i', PROGRAM, '--timeout', String(1000 * HANGS), '--'],
      ...Object.entries(flags).map(([flag, value]) => `-${flag}=${value}`),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-KEPT);
    });
  const end = await new Promise((done) => child.on('close', (code, signal) => done(signal ?? code)));
  const counts = [...said.matchAll(/number_of_executed_units: (\d+)|^#(\d+)\t/gm)].map(([, all, so]) =>
    Number(all ?? so),
  );
  return { end, cases: Math.max(0, ...counts), said };
}
