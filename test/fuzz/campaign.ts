// A campaign against one target: Jazzer.js (libFuzzer, with the coverage of our code) in a process of its own.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { MachineError } from '../../src/base/errors';
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
  /** Files that failed. */
  readonly found: readonly string[];
  /** What was said of them. */
  readonly said: string;
}

/** Bundles what runs in the fuzzer's process. */
export function prepare(): void {
  const entryPoints = { one: 'test/fuzz/one.ts', older_linux: 'test/fuzz/older_linux.ts' };
  const options = JSON.stringify({ entryPoints, outdir: join(OUT, 'program') });
  const script = `import { bundle } from './scripts/bundle.mjs'; await bundle(${options})`;
  execFileSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
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

  const jazzer = join(createRequire(import.meta.url).resolve('@jazzer.js/core'), '../cli.js');
  const program = join(OUT, 'program');
  const flags = {
    ...{ max_total_time: Math.max(1, Math.round(seconds)), seed, max_len: MOST_BYTES, rss_limit_mb: MOST_MIB },
    ...{ timeout: HANGS, print_final_stats: 1, artifact_prefix: `${found}/` },
  };
  const child = spawn(
    process.execPath,
    [
      ...['--enable-source-maps', '--import', join(program, 'older_linux.js'), jazzer, join(program, 'one.js'), corpus],
      ...['-i', program, '--timeout', String(1000 * HANGS), '--'],
      ...Object.entries(flags).map(([flag, value]) => `-${flag}=${value}`),
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, FUZZ_TARGET: name, FUZZ_LIBRARY: join(OUT, 'fuzzer.node') },
    },
  );
  const begun = performance.now();
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-KEPT);
    });
  const code = await new Promise<number | null>((done) => child.on('close', done));
  const cases = Number(/number_of_executed_units: (\d+)/.exec(said)?.[1] ?? 0);
  const files = readdirSync(found).map((file) => join(found, file));
  if (cases === 0 && files.length === 0) throw new MachineError(`Jazzer.js ended with ${code}: ${said}`);
  return { cases, minutes: (performance.now() - begun) / 60_000, found: files, said };
}

/** Characters at the end of what it says that are kept. */
const KEPT = 20_000;
