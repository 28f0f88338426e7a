import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Task } from '../works';

type Request = { do: 'prepare'; task: Task } | { do: 'time'; times: number } | { do: 'samples' } | { do: 'memory' };

interface Answer {
  readonly error?: string;
  readonly ms?: number;
  readonly values?: number[][];
  readonly bytes?: number;
  readonly engine?: string;
  readonly on?: string;
}

/** The longest that one request may take: TensorFlow.js needs half a minute for its first training step. */
const LIMIT_MS = 300_000;

/** Another engine in a process of its own, which answers requests (serve.mjs) and idles in between. */
export class Peer {
  private readonly child: ChildProcess;
  private heard: (answer: Answer) => void = () => {};
  private complaint = '';
  private gone: string | null = null;

  constructor(
    readonly name: string,
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    // A private driver lies in no place that another process looks at, unless it is told.
    const driver = process.env.VK_DRIVER_FILES;
    const path = driver ? { LD_LIBRARY_PATH: join(dirname(driver), 'lib') } : {};
    this.child = spawn(command, args, { env: { ...process.env, ...path, ...env } });
    const end = (why: string): void => {
      this.gone ??= why;
      this.heard({ error: this.gone });
    };
    this.child.on('error', (e) => end(e.message));
    this.child.on('close', (code) => end(this.complaint || `it ended with exit code ${code}`));
    this.child.stdin?.on('error', () => {}); // told by `close`
    this.child.stderr?.on('data', (chunk) => {
      const lines = String(chunk).trim().split('\n');
      this.complaint = lines.find((line) => /error/i.test(line)) ?? lines[0] ?? this.complaint;
    });
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      if (line.startsWith('{')) this.heard(JSON.parse(line));
    });
  }

  get alive(): boolean {
    return this.gone === null;
  }

  /**
   * Makes the inputs of a task and computes it once.
   * @returns engine and hardware, where the peer names them
   * @throws Error when the peer cannot, as all of these
   */
  async prepare(task: Task): Promise<{ engine?: string; on?: string }> {
    const { engine, on } = await this.ask({ do: 'prepare', task });
    return { engine, on };
  }

  /** Milliseconds of computing `times` times, the last result waited for. */
  async time(times: number): Promise<number> {
    return (await this.ask({ do: 'time', times })).ms as number;
  }

  /** Some numbers of every array of the last result. */
  async samples(): Promise<number[][]> {
    return (await this.ask({ do: 'samples' })).values as number[][];
  }

  /** The most bytes in use since `prepare`, as the peer counts them. */
  async memory(): Promise<number> {
    return (await this.ask({ do: 'memory' })).bytes as number;
  }

  end(): void {
    this.child.stdin?.end();
    this.child.kill();
  }

  private async ask(request: Request): Promise<Answer> {
    if (this.gone) throw new Error(this.gone);
    let timer: NodeJS.Timeout | undefined;
    const answer = await new Promise<Answer>((done) => {
      this.heard = done;
      timer = setTimeout(() => {
        this.gone = `no answer within ${LIMIT_MS / 1000} s`;
        this.child.kill('SIGKILL');
      }, LIMIT_MS);
      this.child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
    clearTimeout(timer);
    if (answer.error !== undefined) throw new Error(answer.error.split('\n')[0]);
    return answer;
  }
}
