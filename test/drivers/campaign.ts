// Driver by driver, part by part, two processes at a time.
import { spawn } from 'node:child_process';
import { DRIVERS, type Driver, environmentOf } from './drivers';
import type { Look } from './inside';

/** Goldens in one variant, or the kernel tests, which go through variants and tiles by themselves. */
export const PARTS = ['subgroup', 'tiled', 'plain', 'kernels'] as const;

const PROCESSES = 2;
/** Milliseconds in which a driver shows itself: one of 32 lanes compiles for minutes. */
const LOOK = 600_000;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
}

/** @param timeout milliseconds after which it is ended */
function run(args: readonly string[], env: NodeJS.ProcessEnv, timeout?: number): Promise<Ended> {
  const child = spawn(process.execPath, ['--enable-source-maps', ...args], {
    env,
    timeout,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  return new Promise((done) => child.on('close', (code, signal) => done({ code, signal, out: out.trimEnd() })));
}

interface Part {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Runs `parts`, DRIVER/PART each, and begins none after so many seconds.
 * @returns the exit code
 */
export async function campaign(
  parts: readonly string[],
  seconds: number,
  say: (line: string) => void,
): Promise<number> {
  const end = performance.now() + 1000 * seconds;
  const count = { passed: 0, failed: 0, impossible: 0 };
  const queue: Part[] = [];
  const fails = (line: string): void => {
    count.failed++;
    say(`${line} FAILED`);
  };
  for (const driver of DRIVERS) {
    const own = PARTS.filter((part) => parts.includes(`${driver.name}/${part}`));
    if (own.length > 0) queue.push(...(await possible(driver, own)));
  }
  await Promise.all(Array.from({ length: PROCESSES }, runSome));
  if (queue.length > 0) say(`not reached in time: --only ${queue.map(({ name }) => name).join(' --only ')}`);
  say(`${count.passed} parts passed, ${count.failed} failed, ${count.impossible} not possible`);
  return count.failed > 0 ? 1 : 0;

  /** Of a driver's parts those that it can do. */
  async function possible(driver: Driver, own: readonly string[]): Promise<Part[]> {
    const cannot = (part: string, why: string): void => {
      count.impossible++;
      say(`${`${driver.name}/${part}`.padEnd(24)} not possible: ${why}`);
    };
    let env: NodeJS.ProcessEnv;
    try {
      env = await environmentOf(driver);
    } catch (error) {
      for (const part of own) cannot(part, (error as Error).message);
      return [];
    }
    const { code, signal, out } = await run([process.argv[1], 'look'], env, LOOK);
    if (code !== 0) {
      const late = signal === 'SIGTERM' ? `, after ${LOOK / 1000} s` : '';
      fails(`${driver.name}: it cannot be opened (${signal ?? `exit ${code}`}${late})`);
      return [];
    }
    const seen = JSON.parse(out.split('\n').at(-1) as string) as Look;
    const { lanes, half, invocations, wrong, variants } = seen;
    const subgroups = lanes === null ? 'no subgroups' : `subgroups of ${lanes}`;
    say(`${driver.name}: ${seen.driver}, ${subgroups}, ${half ? 'f16' : 'no f16'}, ${invocations} invocations`);
    if (wrong.length > 0) {
      for (const part of own) cannot(part, `doctor finds wrong results: ${wrong.join(', ')}`);
      if (!driver.wrong) fails(driver.name);
      return [];
    }
    if (driver.wrong) fails(`${driver.name}: its results were wrong, and doctor does not say so`);
    return own.flatMap((part) => {
      const name = `${driver.name}/${part}`;
      if (part === 'kernels') return [{ name, args: ['scripts/test.mjs', 'test/kernels'], env }];
      if (variants.includes(part)) return [{ name, args: [process.argv[1], 'goldens', part], env }];
      cannot(part, `its kernels run in ${variants.join(' and ')}`);
      return [];
    });
  }

  async function runSome(): Promise<void> {
    while (queue.length > 0 && performance.now() < end) {
      const { name, args, env } = queue.shift() as Part;
      const start = performance.now();
      const { code, out } = await run(args, env);
      const [summary, ...before] = out.split('\n').reverse();
      const took = `${Math.round((performance.now() - start) / 1000)} s`;
      const line = `${name.padEnd(24)} ${summary}, ${took}`;
      if (code === 0) {
        count.passed++;
        say(line);
      } else {
        fails(line);
        for (const text of before.reverse()) say(`  ${text}`);
      }
    }
  }
}
