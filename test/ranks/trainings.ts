// Small trainings by one process and by ranks in one process, and what they leave.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { writeSyntheticSet } from '../../src/data';
import type { Ranks } from '../../src/ranks/ranks';
import type { TrainHooks } from '../../src/train/loop/events';
import type { Outcome } from '../../src/train/loop/session';
import { Trainer, type TrainerOptions } from '../../src/train/loop/trainer';
import { readRunToResume } from '../../src/train/run/resume';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';
import { runTogether } from './together';

const WEIGHTS = ['weights/last.safetensors', 'weights/best.safetensors'];
const TEXTS = ['steps.csv', 'hashes.csv', 'layers.jsonl', 'predictions.csv', 'metrics.json'];

/** How ranks train, each in its own way where it is a function of its number. */
export interface How extends Pick<TrainerOptions, 'dryRun'> {
  readonly hooks?: (rank: number, trainer: () => Trainer) => TrainHooks;
  readonly signal?: (rank: number) => AbortSignal;
  readonly resume?: boolean;
  /** The ranks as this one sees them. */
  readonly seen?: (ranks: Ranks) => Ranks;
}

/** 20 drawn faces and 7 to validate, and trainings of them, in a folder that is gone at the end. */
export class Trainings {
  readonly dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-ranks-'));
  readonly faces = join(this.dir, 'faces');
  set = { training: '', validation: '' };

  async draw(): Promise<void> {
    this.set = await writeSyntheticSet({ out: this.faces, n: 20, validation: 7, seed: 3, size: 48 });
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Two epochs of seven batches, the last with two faces, and three of validation, the last with one. */
  readonly settings = (name: string, more: Partial<TrainArgs> = {}): TrainArgs => {
    const { dir, faces, set } = this;
    return readTrainArgs({
      ...{ image_dir: faces, data: set.training, val_data: set.validation, network: 'denselite', model: 'multi_task' },
      ...{ image_size: 32, batch_size: 3, epochs: 2, class_weights: 'none', workers: 1, cache: join(dir, 'cache') },
      saved_model: join(dir, name),
      ...more,
    });
  };

  /** One process, or so many; a run that is there is gone on with. */
  readonly go = (
    size: number,
    args: TrainArgs,
    { hooks, signal, resume, seen = (ranks) => ranks, ...options }: How = {},
  ): Promise<PromiseSettledResult<Outcome>[]> => {
    const run = resume ? readRunToResume(args.saved_model, {}) : undefined;
    return runTogether(size, (all) => {
      const ranks = size === 1 ? undefined : seen(all);
      const own = hooks?.(all.rank, () => trainer);
      const trainer: Trainer = new Trainer(run?.args ?? args, { ranks, hooks: own, resume: run, ...options });
      return trainer.run(signal?.(all.rank));
    });
  };

  /** Holds that two runs left the same. */
  readonly same = (a: string, b: string): void => {
    for (const file of [...TEXTS, ...WEIGHTS]) {
      const [one, other] = [a, b].map((name) => readFileSync(join(this.dir, name, file)));
      if (file.endsWith('.safetensors')) assert.is(Buffer.compare(one, other), 0, `${file} of ${a} and ${b}`);
      else assert.is(String(other), String(one), `${file} of ${a} and ${b}`);
    }
    assert.equal(this.results(b), this.results(a));
  };

  /** results.csv without its last column but one, the seconds. */
  private results(name: string): string[] {
    const [header, ...rows] = readFileSync(join(this.dir, name, 'results.csv'), 'utf8')
      .trim()
      .split('\n');
    const seconds = header.split(',').indexOf('seconds');
    return rows.map((row) => row.split(',').toSpliced(seconds, 1).join());
  }
}

/** Holds that a training finished on all ranks. */
export function finished(outcomes: PromiseSettledResult<Outcome>[]): void {
  for (const outcome of outcomes)
    assert.is(outcome.status === 'fulfilled' ? outcome.value.status : outcome.reason.stack, 'finished');
}

/** The error of every rank. */
export async function failures<T>(outcomes: Promise<PromiseSettledResult<T>[]>): Promise<Error[]> {
  return (await outcomes).map((outcome) => (outcome.status === 'rejected' ? outcome.reason : assert.unreachable()));
}
