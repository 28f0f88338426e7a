// Kills a training again and again, goes on with it, and compares what it comes to with a run that was left alone.
import { existsSync, type FSWatcher, mkdirSync, readFileSync, rmSync, watch } from 'node:fs';
import { join } from 'node:path';
import { randomStream, randomUniform } from '../../src/base/random';
import { readSafetensors } from '../../src/formats/safetensors';
import { progressOf } from '../../src/train/run/checkpoint';
import { ARGS, BEST, LAST } from '../../src/train/run/files';
import { readHashes } from '../../src/train/run/hashes';
import { readRun, readWeights } from '../../src/train/run/read_run';
import { formatResults, parseResults } from '../../src/train/run/results';
import { halfOf } from '../../src/train/run/write';
import { type Started, startAlone, startRanks } from './start';

/** When a training is killed. */
const PHASES = ['preparation', 'first step', 'steps', 'validation', 'writing'] as const;
type Phase = (typeof PHASES)[number];

export interface CrashOptions {
  readonly kills: number;
  readonly seed: number;
  /** Flags of `train` but for its data and its run folder. */
  readonly flags: readonly string[];
  /** Pictures to learn from; of validation there are 7. */
  readonly faces: number;
  /** As `synth` has it. The npy release's faces are prepared anew in every run, in a cache that is cold as it begins. */
  readonly layout?: 'csv' | 'npy';
  /** Ranks that train together, under the first launcher that is here: one of them or the launcher is killed. Default: 1, without any. */
  readonly ranks?: number;
  /** An empty folder for all of it. */
  readonly dir: string;
  readonly say: (line: string) => void;
  /** What is run in place of this repository's program: how the harness itself is tried, without ranks. */
  readonly program?: string;
}

export interface CrashResult {
  kills: number;
  /** Of the starts after a kill those with --resume; where no run was there yet, it was begun anew. */
  resumes: number;
  /** Kills of runs that ended with the bits of the one that was left alone. */
  equal: number;
  /** Files that were found damaged after a kill. */
  torn: number;
}

/** What is compared byte for byte; of results.csv all but the seconds. */
const COMPARED = [
  LAST,
  BEST,
  'metrics.json',
  'predictions.csv',
  'hashes.csv',
  'results.csv',
  'steps.csv',
  'layers.jsonl',
];

/** Milliseconds after a kill at which nothing of a training runs any more. */
const LATE = 60_000;

/** What is seen of a training: its first step is ahead, a checkpoint is there, a file is being written, an epoch has ended. */
interface Moment {
  readonly what: 'first' | 'saved' | 'writing' | 'row';
  readonly time: number;
  /** Of the checkpoint. */
  readonly step: number;
}

/** Milliseconds of a training's parts. */
interface Pace {
  /** The last step of an epoch that has a checkpoint: validation follows the steps behind it. */
  lastStep: number;
  /** From the start to the first step. */
  prepare: number;
  first: number;
  /** From one checkpoint to the next. */
  step: number;
  /** From the last checkpoint of an epoch to its end. */
  validate: number;
}

/** @throws Error if a training ends with an error of its own */
export async function crash({
  kills,
  seed,
  flags,
  faces,
  dir,
  say,
  layout = 'csv',
  ranks = 1,
  program,
}: CrashOptions): Promise<CrashResult> {
  const drawn = join(dir, 'faces');
  const common =
    layout === 'npy'
      ? ['--data', drawn]
      : ['--image_dir', drawn, '--data', `${drawn}/training.csv`, '--val_data', `${drawn}/validation.csv`];
  const temporary = join(dir, 'tmp');
  mkdirSync(temporary);
  const start = (args: readonly string[]): Started => startAlone(args, temporary, program);
  const startTraining = ranks === 1 ? start : (args: readonly string[]): Started => startRanks(ranks, args, temporary);
  const size = ['--n', `${faces}`, '--validation', '7', '--size', '48'];
  await new Training(start(['synth', '--layout', layout, '--out', drawn, ...size])).ended;

  const whole = join(dir, 'whole');
  const train = (to: string): string[] => {
    const cache = layout === 'npy' ? `${to}.cache` : 'off';
    return ['train', ...common, '--saved_model', to, '--cache', cache, ...flags];
  };
  const undisturbed = new Training(startTraining(train(whole)), whole);
  await undisturbed.ended;
  const pace = undisturbed.pace();
  say(
    `a run left alone: ${Object.entries(pace)
      .map(([part, ms]) => `${part} ${Math.round(ms)}`)
      .join(', ')}`,
  );

  const result: CrashResult = { kills: 0, resumes: 0, equal: 0, torn: 0 };
  const [stream, chosen] = [randomStream('crash', seed), randomStream('crash which', seed)];
  let drawnNumbers = 0;
  const random = (): number => randomUniform(stream, drawnNumbers++);
  for (let run = 1; result.kills < kills; run++) {
    const to = join(dir, `run${run}`);
    let killed = 0;
    for (let going = true; going; ) {
      const resume = existsSync(join(to, ARGS));
      if (resume) result.resumes++;
      const training = new Training(startTraining(resume ? ['train', '--resume', '--saved_model', to] : train(to)), to);
      const phase = PHASES[Math.floor(random() * PHASES.length)];
      if (result.kills < kills) training.killIn(phase, pace, random, randomUniform(chosen, result.kills));
      going = await training.ended.catch((error) => {
        throw new Error(`after ${result.kills} kills, ${killed} of run ${run}: ${error.message}`);
      });
      if (!going) break;
      result.kills++;
      killed++;
      const torn = tornIn(to);
      result.torn += torn.length;
      say(`run ${run}: kill ${result.kills} in ${phase}: ${torn.join('; ') || standOf(to)}`);
    }
    const different = differences(whole, to);
    if (different.length === 0) result.equal += killed;
    say(
      `run ${run}: ended after ${killed} kills, ${different.length > 0 ? `DIFFERENT: ${different.join(', ')}` : 'equal'}`,
    );
    if (different.length === 0) for (const made of [to, `${to}.cache`]) rmSync(made, { recursive: true, force: true });
  }
  return result;
}

/** A training in a process of its own. */
class Training {
  /** Whether it was killed. */
  readonly ended: Promise<boolean>;
  private readonly began = performance.now();
  private readonly moments: Moment[] = [];
  private onMoment: (moment: Moment) => void = () => {};
  private killed = false;
  private late?: NodeJS.Timeout;
  private onLate = (): void => {};
  private readonly watchers: FSWatcher[] = [];

  constructor(
    private readonly started: Started,
    private readonly dir?: string,
  ) {
    const { child } = started;
    let err = '';
    child.stderr?.on('data', (chunk) => {
      if (!/compiling kernels/.test(err) && /compiling kernels/.test(err + chunk)) this.tell('first');
      err = (err + chunk).slice(-10_000);
    });
    const looking = dir === undefined ? undefined : setInterval(() => this.look(dir), 5);
    this.ended = new Promise((resolve, reject) => {
      child.on('close', (code, signal) => {
        clearInterval(looking);
        for (const watcher of this.watchers) watcher.close();
        clearTimeout(this.late);
        if (this.killed && started.isKilled(code, signal)) resolve(true);
        else if (code === 0) resolve(false);
        else reject(new Error(`${child.spawnargs.slice(1).join(' ')} ended with ${code ?? signal}:\n${err}`));
      });
      this.onLate = () =>
        reject(new Error(`${child.spawnargs.slice(1).join(' ')}: what was not killed still runs\n${err}`));
    });
  }

  /** Watches the folder and its weights, as soon as they are there. */
  private look(dir: string): void {
    for (const [i, at] of [dir, join(dir, 'weights')].entries()) {
      if (this.watchers.length !== i || !existsSync(at)) continue;
      const watcher = watch(at, (_, name) => {
        if (!name) return;
        if (halfOf(name) !== undefined) this.tell('writing');
        else if (name === 'results.csv') this.tell('row');
        else if (i === 1 && LAST.endsWith(`/${name}`)) this.tell('saved');
      });
      watcher.on('error', () => {});
      this.watchers.push(watcher);
    }
  }

  private tell(what: Moment['what']): void {
    const moment = {
      what,
      time: performance.now(),
      step: what === 'saved' ? stepOf(join(this.dir as string, LAST)) : 0,
    };
    this.moments.push(moment);
    this.onMoment(moment);
  }

  pace(): Pace {
    const at = (what: string, after = 0): number =>
      this.moments.find((m) => m.what === what && m.time > after)?.time ?? performance.now();
    const first = at('first');
    const saved = this.moments.filter(({ what, time }) => what === 'saved' && time > first).map(({ time }) => time);
    const row = at('row', first);
    const before = saved.filter((time) => time < row);
    return {
      lastStep: Math.max(...this.moments.map(({ step }) => step)),
      prepare: first - this.began,
      first: (before[0] ?? row) - first,
      step: before.length > 1 ? (before[before.length - 1] - before[0]) / (before.length - 1) : row - first,
      validate: row - (before.at(-1) ?? first),
    };
  }

  /** Kills it at a random moment of a phase, if it comes to it. @param which of its processes, of [0, 1) */
  killIn(phase: Phase, pace: Pace, random: () => number, which: number): void {
    const [u, v] = [random(), random()];
    let count = phase === 'steps' ? 1 + Math.floor(v * 4) : phase === 'writing' ? 1 + Math.floor(v * 12) : 1;
    const after = (ms: number): void => {
      count = -1;
      const timer = setTimeout(() => this.kill(which), ms);
      this.started.child.on('close', () => clearTimeout(timer));
    };
    if (phase === 'preparation') after(u * pace.prepare);
    this.onMoment = ({ what, step }) => {
      if (count < 0) return;
      if (phase === 'first step' && what === 'first') after(u * pace.first);
      else if (phase === 'steps' && what === 'saved' && --count === 0) after(u * pace.step);
      else if (phase === 'writing' && what === 'writing' && --count === 0) after(u < 0.5 ? 0 : u * 10);
      else if (phase === 'validation' && step === pace.lastStep) after(u * pace.validate);
    };
  }

  private kill(which: number): void {
    this.killed = true;
    this.late = setTimeout(this.onLate, LATE);
    this.started.kill(which);
  }
}

/** Steps of its epoch that a checkpoint has done; it may be replaced meanwhile. */
function stepOf(file: string): number {
  try {
    return progressOf(readSafetensors(readFileSync(file), file).metadata, file).step;
  } catch {
    return 0;
  }
}

/** What is damaged in a run folder. */
function tornIn(dir: string): string[] {
  if (!existsSync(join(dir, ARGS))) return [];
  const torn: string[] = [];
  const check = (read: () => unknown): void => {
    try {
      read();
    } catch (error) {
      torn.push(`TORN: ${(error as Error).message}`);
    }
  };
  check(() => readRun(dir));
  check(() => readHashes(dir));
  check(() => readWeights(readRun(dir), 'last', (line) => torn.push(`TORN: ${line}`)));
  if (existsSync(join(dir, BEST))) check(() => readSafetensors(readFileSync(join(dir, BEST)), join(dir, BEST)));
  return torn;
}

/** Where a run stands. */
function standOf(dir: string): string {
  if (!existsSync(join(dir, ARGS))) return 'no run there yet';
  const { metadata, file } = readWeights(readRun(dir), 'last');
  const { epoch, step } = progressOf(metadata, file);
  return `whole, at epoch ${epoch + 1}, step ${step + 1}`;
}

/** Files of two runs that are not the same. */
export const differences = (a: string, b: string): string[] =>
  COMPARED.filter((file) => contentOf(a, file) !== contentOf(b, file));

function contentOf(dir: string, file: string): string {
  const path = join(dir, file);
  if (!existsSync(path)) return 'nothing';
  const text = readFileSync(path, 'latin1');
  if (file !== 'results.csv') return text;
  return formatResults(parseResults(text, path).map((row) => ({ ...row, seconds: null })));
}
