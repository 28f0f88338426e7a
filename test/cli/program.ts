// Runs the program as its users do: a process of its own, from a bundle that all tests share.
import { execFileSync, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

let file = process.env.PROGRAM && join(process.env.PROGRAM, 'cli.js');

/** The bundled program's file: scripts/test.mjs has made it, or it is made now. */
export function programFile(): string {
  if (!file) {
    const out = resolve(`build/cli-${process.pid}`);
    const script = `import { bundleProgram } from './scripts/bundle.mjs'; await bundleProgram(${JSON.stringify(out)});`;
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
    process.on('exit', () => rmSync(out, { recursive: true, force: true }));
    file = join(out, 'cli.js');
  }
  return file;
}

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

export interface RunOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** Sends SIGINT once this stands in the output. */
  interruptAt?: RegExp;
  /** Sees all output so far whenever there is more. */
  onOutput?: (text: string) => void;
}

/** Runs `emotion-gcn ARGS` to its end. */
export function run(args: readonly string[], { env, cwd, interruptAt, onOutput }: RunOptions = {}): Promise<Ended> {
  const child = spawn(process.execPath, [programFile(), ...args], { env: { ...process.env, ...env }, cwd });
  let [out, err] = ['', ''];
  let sent = false;
  const look = () => {
    onOutput?.(out + err);
    if (sent || !interruptAt?.test(out + err)) return;
    sent = true;
    child.kill('SIGINT');
  };
  child.stdout.on('data', (chunk) => {
    out += chunk;
    look();
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
    look();
  });
  return new Promise((done) => child.on('close', (code) => done({ code, out, err })));
}
