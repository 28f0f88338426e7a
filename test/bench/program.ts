import { execFile } from 'node:child_process';

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one of the benchmarks as its npm script does. */
export const bench = (script: string, ...args: string[]): Promise<Ended> =>
  new Promise((done) => {
    const child = execFile('npm', ['run', '--silent', script, '--', ...args], { timeout: 300_000 }, (_, out, err) =>
      done({ code: child.exitCode ?? 1, out, err }),
    );
  });

/** JSON lines. */
export const lines = (out: string): Record<string, unknown>[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
