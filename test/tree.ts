// A copy of the repository, in which files are broken and checks run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A command that fails where something is wrong: Node's arguments. */
export interface Check {
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export const testOf = (file: string): Check => ({ name: file, args: ['scripts/test.mjs', file] });

export interface Outcome {
  readonly verdict: 'passed' | 'failed' | 'out of time';
  readonly seconds: number;
  readonly output: string;
}

/** What a copy does without: packages are linked, the rest is made or fetched. */
const LEFT_OUT = new Set(['.git', 'build', 'dist', 'node_modules', 'shared']);

/** Milliseconds after its end in which a check's output is to come. */
const DRAIN = 5000;

export class Tree {
  /** The process group of the check that runs. */
  private running: number | undefined;
  private readonly parent = mkdtempSync(join(tmpdir(), 'emotion-gcn-mutants-'));
  /** A folder of its own in a folder of its own: what lies beside a clone does not lie beside it. */
  readonly dir = join(this.parent, 'emotion-gcn');

  constructor() {
    mkdirSync(this.dir);
    for (const name of readdirSync('.')) {
      if (!LEFT_OUT.has(name)) cpSync(name, join(this.dir, name), { recursive: true });
    }
    symlinkSync(resolve('node_modules'), join(this.dir, 'node_modules'));
    process.once('exit', this.remove);
  }

  read(file: string): string {
    return readFileSync(join(this.dir, file), 'utf8');
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.dir, file)), { recursive: true });
    writeFileSync(join(this.dir, file), text);
  }

  /** Runs a check for at most `seconds`; nothing that it has started goes on. */
  run({ args, env: own }: Check, seconds: number): Promise<Outcome> {
    const began = performance.now();
    const temporary = mkdtempSync(join(this.parent, 'tmp-'));
    const env = { ...process.env, TMPDIR: temporary, WHOLE: '', SOAK: '', ...own };
    const child = spawn(process.execPath, args, {
      cwd: this.dir,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part) => (output += part));
    this.running = child.pid;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.end();
    }, 1000 * seconds);
    return new Promise((done) =>
      child.on('exit', async (code) => {
        clearTimeout(timer);
        this.end();
        // What it wrote last may be on its way yet; who has left its group may hold its output for ever.
        await Promise.race([once(child, 'close'), sleep(DRAIN, undefined, { ref: false })]);
        rmSync(temporary, { recursive: true, force: true, maxRetries: 3 });
        const verdict = late ? 'out of time' : code === 0 ? 'passed' : 'failed';
        done({ verdict, seconds: (performance.now() - began) / 1000, output });
      }),
    );
  }

  private end(): void {
    try {
      if (this.running) process.kill(-this.running, 'SIGKILL');
    } catch {} // nothing of it is left
    this.running = undefined;
  }

  readonly remove = (): void => {
    this.end();
    rmSync(this.parent, { recursive: true, force: true, maxRetries: 3 });
    process.off('exit', this.remove);
  };
}
