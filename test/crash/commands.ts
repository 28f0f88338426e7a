// Kills commands that write files, and holds that what has its name is whole, and that the same command once more comes to the same bytes.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { randomStream, randomUniform } from '../../src/base/random';
import type { CrashOptions, CrashResult } from './crash';
import { startAlone } from './start';

interface Command {
  readonly name: string;
  /** What writes into a folder. @param made of a set of drawn faces and a run */
  readonly args: (out: string, made: { faces: string; run: string }) => string;
  /** A file that grows: what is there of it is its beginning. */
  readonly grows?: boolean;
}

const COMMANDS: readonly Command[] = [
  { name: 'synth', args: (out) => `synth --out ${out} --n 70 --size 64` },
  { name: 'synth npy', args: (out) => `synth --layout npy --out ${out} --n 70 --size 64` },
  {
    name: 'prepare adjacency',
    args: (out, { faces }) => `prepare adjacency --data ${faces}/training.csv --out ${out}/adj.safetensors`,
  },
  { name: 'export', args: (out, { run }) => `export --saved_model ${run} --format onnx --out ${out}/net.onnx` },
  {
    name: 'predict',
    args: (out, { faces, run }) => `predict --saved_model ${run} --out ${out}/faces.csv ${faces}/images/validation`,
    grows: true,
  },
];

/** @param options as of `crash`, `kills` being of each command; the result's `resumes` are the commands that were given once more */
export async function crashCommands({
  kills,
  seed,
  dir,
  say,
}: Pick<CrashOptions, 'kills' | 'seed' | 'dir' | 'say'>): Promise<CrashResult> {
  const made = { faces: join(dir, 'faces'), run: join(dir, 'run') };
  const temporary = join(dir, 'tmp');
  mkdirSync(temporary);
  const start = (line: string) => new Killable(startAlone(line.split(' '), temporary));
  await start(`synth --out ${made.faces} --n 14 --validation 7 --size 48`).ended;
  const data = `--image_dir ${made.faces} --data ${made.faces}/training.csv --val_data ${made.faces}/validation.csv`;
  const small = '--model single_task --network bregnext --image_size 8 --batch_size 4 --epochs 1 --cache off';
  await start(`train ${data} ${small} --saved_model ${made.run}`).ended;

  const result: CrashResult = { kills: 0, resumes: 0, equal: 0, torn: 0 };
  for (const { name, args, grows = false } of COMMANDS) {
    const [whole, out] = ['whole', 'killed'].map((which) => join(dir, `${name} ${which}`.replaceAll(' ', '-')));
    mkdirSync(whole);
    const { first, last } = await start(args(whole, made)).times(whole);
    const stream = randomStream(`crash ${name}`, seed);
    for (let k = 0; k < kills; k++) {
      rmSync(out, { recursive: true, force: true });
      mkdirSync(out);
      const killed = start(args(out, made));
      // Every second one while it writes.
      await killed.killAfter(randomUniform(stream, k) * (k % 2 ? last - first : last), k % 2 ? out : null);
      result.kills++;
      const torn = filesIn(out).filter((file) => !isWhole(join(out, file), join(whole, file), grows));
      result.torn += torn.length;
      await start(args(out, made)).ended;
      result.resumes++;
      const different = filesIn(whole).filter((file) => !isWhole(join(out, file), join(whole, file), false));
      if (different.length === 0) result.equal++;
      say(
        `${name}: kill ${k + 1}: ${[...torn.map((f) => `TORN ${f}`), ...different.map((f) => `DIFFERENT ${f}`)].join(', ') || 'good'}`,
      );
    }
  }
  return result;
}

/** A command's process, which may be killed. */
class Killable {
  readonly ended: Promise<void>;
  private readonly began = performance.now();

  constructor(private readonly started: ReturnType<typeof startAlone>) {
    const { child } = started;
    let err = '';
    child.stderr?.on('data', (chunk) => {
      err += chunk;
    });
    this.ended = new Promise((done, fail) =>
      child.on('close', (code, signal) =>
        code === 0 || signal === 'SIGKILL' ? done() : fail(new Error(`${child.spawnargs.slice(2).join(' ')}:\n${err}`)),
      ),
    );
  }

  /** Milliseconds from its start to when there is something in the folder, and to its end. */
  async times(dir: string): Promise<{ first: number; last: number }> {
    const first = await this.written(dir);
    await this.ended;
    return { first, last: performance.now() - this.began };
  }

  /** Kills it so many milliseconds after its start, or after there is something in the folder. */
  async killAfter(ms: number, dir: string | null): Promise<void> {
    if (dir !== null) await this.written(dir);
    const timer = setTimeout(() => this.started.kill(0), ms);
    await this.ended;
    clearTimeout(timer);
  }

  private async written(dir: string): Promise<number> {
    let ended = false;
    const end = (): void => {
      ended = true;
    };
    this.ended.then(end, end);
    while (!ended && readdirSync(dir).length === 0) await new Promise((done) => setTimeout(done, 1));
    return performance.now() - this.began;
  }
}

/** What has its own name; halves that are being written have another. */
const filesIn = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.tmp'))
    .map(({ parentPath, name }) => join(parentPath, name).slice(dir.length + 1));

function isWhole(file: string, whole: string, grows: boolean): boolean {
  if (!existsSync(file) || !existsSync(whole)) return false;
  const [found, expected] = [readFileSync(file), readFileSync(whole)];
  return found.equals(grows ? expected.subarray(0, found.length) : expected);
}
