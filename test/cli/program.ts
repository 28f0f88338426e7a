// Runs the program as its users do: a process of its own, from a bundle that all tests share.
import { execFileSync, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const files = new Map<string, string>();
const MAIN = 'src/cli/main.ts';
if (process.env.PROGRAM) files.set(MAIN, join(process.env.PROGRAM, 'cli.js'));

/** The bundled program's file: scripts/test.mjs has made it, or it is made now. @param main another place where it begins */
export function programFile(main = MAIN): string {
  const made = files.get(main);
  if (made) return made;
  const out = resolve(`build/cli-${process.pid}-${files.size}`);
  const script = `import { bundleProgram } from './scripts/bundle.mjs'; await bundleProgram(${JSON.stringify(out)}, ${JSON.stringify(main)});`;
  execFileSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  process.on('exit', () => rmSync(out, { recursive: true, force: true }));
  files.set(main, join(out, 'cli.js'));
  return join(out, 'cli.js');
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
