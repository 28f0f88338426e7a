import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export interface ExecOptions {
  /** How long it may take. */
  readonly seconds?: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the program. */
  readonly signal?: AbortSignal;
  /** For programs that are no executables: what is given must need no quoting. */
  readonly shell?: boolean;
  /** Why it failed, by what it wrote. */
  readonly why?: (stdout: string, stderr: string) => string | undefined;
}

const lastLine = (_: string, stderr: string): string | undefined => stderr.trim().split('\n').at(-1);

/**
 * Runs a program and returns what it printed.
 * @throws Error that says why it failed: by default with the last line that it wrote to stderr; the signal's reason, once it has ended
 */
export function exec(
  program: string,
  args: string[],
  { seconds = 60, cwd = '/', env = {}, signal, shell = false, why = lastLine }: ExecOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const options = { cwd, shell, timeout: seconds * 1000, maxBuffer: 64 << 20 };
    const all = { ...options, env: { ...process.env, LC_ALL: 'C', ...env } };
    const child = execFile(program, args, all, (error, stdout, stderr) => {
      signal?.removeEventListener('abort', stop);
      if (signal?.aborted) return reject(signal.reason);
      if (!error) return resolve(stdout);
      if (error.code === 'ENOENT') return reject(new Error(`${program} not found`));
      const failed = `failed: ${why(stdout, stderr) || error.message}`;
      reject(new Error(`${program} ${error.killed ? `took longer than ${seconds} s` : failed}`));
    });
    const stop = (): void => void child.kill();
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** Those of `programs` that are not on the PATH. */
export function absent(...programs: string[]): string[] {
  const path = (process.env.PATH ?? '').split(':').filter(Boolean);
  return programs.filter((p) => !path.some((dir) => existsSync(join(dir, p))));
}
