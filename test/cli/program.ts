// Runs the program as its users do: a process of its own, from a bundle that is made once.
import { execFileSync, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';

const OUT = resolve(`build/cli-${process.pid}`);
let bundled = false;

/** The bundled program's file. */
export function programFile(): string {
  if (!bundled) {
    const script = `import { bundle, WORKERS } from './scripts/bundle.mjs';
      import { buildPage } from './scripts/page.mjs';
      const entryPoints = { cli: 'src/cli/main.ts', ...WORKERS };
      await bundle({ entryPoints, outdir: ${JSON.stringify(OUT)} });
      await buildPage(${JSON.stringify(OUT)});`;
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
    process.on('exit', () => rmSync(OUT, { recursive: true, force: true }));
    bundled = true;
  }
  return `${OUT}/cli.js`;
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
