import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Runs a program and returns what it printed.
 * @param seconds how long it may take
 * @throws Error with the last line that the program wrote to stderr
 */
export function exec(program: string, args: string[], { seconds = 60, cwd = '/' } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, LC_ALL: 'C' };
    const options = { cwd, env, timeout: seconds * 1000, maxBuffer: 64 << 20 };
    execFile(program, args, options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const last = stderr.trim().split('\n').at(-1) || error.message;
      reject(new Error(`${program} ${error.killed ? `took longer than ${seconds} s` : `failed: ${last}`}`));
    });
  });
}

/** Those of `programs` that are not on the PATH. */
export function absent(...programs: string[]): string[] {
  const path = (process.env.PATH ?? '').split(':').filter(Boolean);
  return programs.filter((p) => !path.some((dir) => existsSync(join(dir, p))));
}
