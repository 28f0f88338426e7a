// The epochs of a run: training steps, validation after each, the best weights and all else in the run folder.
import { performance } from 'node:perf_hooks';
import { dropMoments } from '../../autograd';
import { InputError, MachineError } from '../../base/errors';
import { type Batch, type Loader, TooManyBad } from '../../data';
import { OutOfMemory } from '../../device';
import { evaluateAll } from '../measures/evaluate_all';
import { resultNotFinite, tensorNotFinite } from '../measures/finite';
import { computeMetrics } from '../measures/metrics';
import type { SamplePredictions } from '../measures/predictions';
import type { RateStep } from '../measures/rate_range';
import type { Profile } from '../profile/profile';
import {
  encodeCheckpoint,
  type History,
  historyOf,
  type Learning,
  loadCheckpoint,
  newProgress,
  type Progress,
  readLearning,
} from '../run/checkpoint';
import type { RunMetrics, RunWeights } from '../run/read_run';
import type { EpochRow } from '../run/results';
import type { RunFolder } from '../run/run_folder';
import type { TrainArgs } from '../settings/args';
import { isBetter } from '../settings/best';
import { rateFactor } from '../settings/rate';
import { diverged } from './diverged';
import type { TrainHooks } from './events';
import { Hashes, isHashed } from './hashes';
import type { BatchPlace, BatchResult, Learner } from './learner';
import { openLoaders } from './loaders';
import { findRate, RISE } from './lr_find';
import { Pace } from './pace';
import { Records } from './records';
import type { RunData } from './run_data';
import { scoresOf } from './scores';
import { StateHash } from './state_hash';
import { addTo, meansOf, newTally, type Tally } from './tally';
import type { Team } from './team';

/** Validation batches that are tried before the first epoch. */
const TRIED = 2;

/** How a run ended: with the validation metrics of its best weights, by its signal, or without a run: it was only tried, or steps with a rising rate. */
export type Outcome =
  | { readonly status: 'finished'; readonly metrics: RunMetrics }
  | { readonly status: 'interrupted'; readonly epoch: number; readonly step: number }
  | { readonly status: 'tried' }
  | { readonly status: 'ranged'; readonly steps: readonly RateStep[] };

/** What a run consists of, all opened and ready. */
export interface SessionParts {
  readonly args: TrainArgs;
  readonly hooks: TrainHooks;
  /** Says a line, and logs it. */
  readonly notice: (line: string) => void;
  /** null: another rank writes the run. */
  readonly folder: RunFolder | null;
  readonly team: Team;
  readonly data: RunData;
  readonly learning: Learning;
  readonly learner: Learner;
  readonly profile: Profile | null;
}

/** A round of batches that the device is at: what they give, and the state after them where a checkpoint is due. */
interface Pending {
  readonly results: Promise<readonly BatchResult[]>;
  readonly reading: ReturnType<typeof readLearning> | null;
}

/** The epochs of a run. */
export class Session {
  private progress: Progress = newProgress();
  private rows: EpochRow[] = [];
  private metrics: RunMetrics | null = null;
  /** Seconds that the current epoch has taken. */
  private seconds = 0;
  private readonly train: Loader;
  private readonly val: Loader;
  private readonly hashes: Hashes;
  /** null: another rank writes the run. */
  private readonly records: Records | null;

  constructor(private readonly parts: SessionParts) {
    const { args, data, folder, hooks, learner, learning, profile, team } = parts;
    if (profile) learner.watch = profile.span;
    const { train, val } = openLoaders(args, data, learner, parts.notice, profile);
    this.train = train;
    this.val = val;
    const steps = args.epochs * this.train.steps;
    if (args.warmup >= steps)
      throw new InputError(`--warmup ${args.warmup}: expected fewer than the run's ${steps} steps; lower it`);
    this.hashes = new Hashes(new StateHash(learner.device, learning), folder, hooks, team);
    this.records = folder && new Records(folder, args, data, learner, learning, () => this.hashes.written);
  }

  /** Batches of the run that are done. */
  get step(): number {
    return this.progress.epoch * this.train.steps + this.progress.step;
  }

  /** Writes a checkpoint at the end of the current step. */
  save(): void {
    const { team } = this.parts;
    if (this.records && team.size === 1) this.records.saver.want();
    else team.wantSave();
  }

  /**
   * Starts a run with the model's weights as they are: some of the validation is tried, so that what would fail after an epoch fails now.
   * @returns the first checkpoint
   * @throws the signal's reason
   */
  async begin(progress: Progress, signal?: AbortSignal): Promise<Uint8Array> {
    const { learning } = this.parts;
    this.progress = progress;
    learning.ema?.restart();
    this.hashes.take(progress.epoch, this.step);
    let tried = 0;
    for await (const batch of this.val.epoch(0)) {
      signal?.throwIfAborted();
      const found = resultNotFinite(await this.eyes.evaluate(batch));
      if (found) throw await this.diverged(`${found.what} before the first step`);
      if (++tried === TRIED) break;
    }
    await this.records?.layers.write(progress.epoch, await learning.model.stateDict());
    await this.hashes.settle(this.step);
    await this.hashes.written;
    return encodeCheckpoint(await readLearning(learning), progress, this.history);
  }

  /** What sees batches of a validation. */
  private get eyes(): Pick<Learner, 'evaluate'> {
    return this.records?.layers ?? this.parts.learner;
  }

  private get history(): { rows: EpochRow[]; metrics: RunMetrics | null } {
    const { rows, metrics } = this;
    return { rows, metrics };
  }

  /** Steps with a rising learning rate, in place of a run: see `findRate`. */
  findRate(signal?: AbortSignal): Promise<RateStep[]> {
    const { args, hooks, learner, learning } = this.parts;
    const pace = new Pace(0);
    const see = (steps: readonly RateStep[]): void =>
      hooks.onStep?.({
        ...{
          phase: 'train',
          epoch: 1,
          epochs: 1,
          step: steps.length,
          steps: RISE.steps,
          loss: steps.at(-1)?.loss ?? null,
        },
        ...{ batchLoss: steps.at(-1)?.loss ?? null, lr: steps.at(-1)?.lr ?? null, best: null },
        ...{ cat: null, cont: null, accuracy: Number.NaN, bytes: learner.device.stats().peak },
        imagesPerSecond: pace.rate(steps.length * args.batch_size * args.grad_accum_steps),
      });
    return findRate(this.train, learner, learning, args, see, signal);
  }

  /**
   * Takes up a run where its checkpoint has it.
   * @param before its rows, for their times, and its metrics, which older checkpoints do not know
   */
  async restore(before: History, checkpoint: RunWeights): Promise<void> {
    const { data, learning, notice } = this.parts;
    this.progress = loadCheckpoint(learning, checkpoint);
    this.hashes.restore(this.step);
    this.records?.restore(this.progress.epoch, this.step);
    const history = historyOf(checkpoint.metadata, checkpoint.file) ?? before;
    // A run that died between its files may have written a row more than the checkpoint knows.
    this.rows = history.rows
      .filter(({ epoch }) => epoch <= this.progress.epoch)
      .map((row) => ({ ...row, seconds: before.rows.find(({ epoch }) => epoch === row.epoch)?.seconds ?? null }));
    this.metrics = history.metrics;
    const { best } = this.progress;
    const row = this.rows.find(({ epoch }) => epoch - 1 === best?.epoch);
    // Older checkpoints know the best epoch's accuracy alone.
    if (best && row) this.progress.best = { ...scoresOf(row), ...best };
    await data.train.recall(this.progress.bad);
    notice(`resumed at epoch ${this.progress.epoch + 1}, step ${this.progress.step + 1}`);
  }

  async run(signal?: AbortSignal): Promise<Outcome> {
    this.parts.team.signal = signal;
    try {
      return await this.epochs();
    } catch (error) {
      if (!(error instanceof OutOfMemory)) throw error;
      const { batch_size, model } = this.parts.args;
      const smaller = Math.max(model === 'single_task' ? 1 : 2, Math.floor((3 * batch_size) / 4));
      throw new MachineError(
        `${error.message}; close what else takes memory, or start again with --batch_size ${smaller}`,
      );
    } finally {
      await this.hashes.written.catch(() => {});
      await this.records?.end();
    }
  }

  private async epochs(): Promise<Outcome> {
    const { progress } = this;
    const { args, hooks, notice } = this.parts;
    this.records?.open(this.step);
    if (args.epochs > progress.epoch && !progress.stopped) notice('compiling kernels, once');
    if (hooks.onBefore && this.step === 0) hooks.onBefore(computeMetrics((await this.validate()).predictions));
    while (progress.epoch < args.epochs && !progress.stopped) {
      if (!((await this.trainEpoch()) && (await this.endEpoch()))) {
        await this.saveNow();
        notice(`stopped in epoch ${progress.epoch + 1} after step ${progress.step}`);
        return { status: 'interrupted', epoch: progress.epoch + 1, step: progress.step };
      }
    }
    if (!this.metrics) throw new InputError(`${args.saved_model}: no epoch was trained; give --epochs 1 or more`);
    await this.records?.draw(this.step);
    return { status: 'finished', metrics: this.metrics };
  }

  /** Returns false when the run is to stop early. Results are looked at one round late, so that the device never waits. */
  private async trainEpoch(): Promise<boolean> {
    const { hashes, progress, records, train } = this;
    const { args, data, learner, learning, profile, team } = this.parts;
    const { optimizer, ema } = learning;
    const pace = new Pace(progress.tally.samples);
    const start = performance.now();
    let pending: Pending | null = null;
    // As it was at the end of the last group of batches.
    let before = structuredClone(progress);
    const see = async (result: BatchResult): Promise<void> => {
      profile?.stepDone(progress.step + 1);
      const group = this.groupOf(progress.step);
      addTo(progress.tally, result);
      progress.step++;
      this.seconds = (performance.now() - start) / 1000;
      const finite = Number.isFinite(result.loss);
      if (args.on_nan === 'stop' && (result.refused || !finite)) {
        const what = finite ? 'a gradient is not finite' : `the loss is ${result.loss}`;
        throw await this.refused(`${what} in epoch ${progress.epoch + 1}, step ${progress.step}`, before);
      }
      if (result.refused) progress.tally = { ...before.tally, skipped: before.tally.skipped + group.size };
      if (group.place === group.size - 1) before = structuredClone(progress);
      await hashes.settle(this.step);
      const lr = args.lr * rateFactor(args, this.step - 1, train.steps);
      records?.batch({ step: this.step, epoch: progress.epoch + 1, lr }, result);
      records?.saver.check();
      this.tell('train', progress.tally, result.loss, lr, train, pace);
    };
    const settle = async (): Promise<void> => {
      if (!pending) return;
      const { reading, results: next } = pending;
      const results = await (profile?.until('waits', 'wait for the GPU', next) ?? next);
      pending = null;
      for (const result of results) await see(result);
      if (reading) records?.saver.write(reading, progress, this.history);
    };
    let submitted = progress.step;
    profile?.plan(progress.epoch + 1, submitted + 1, train.steps, progress.epoch + 1 === args.epochs);
    const batches = team.batches(train, progress.epoch, progress.step);
    try {
      for await (const batch of profile ? profile.each('wait for faces', batches) : batches) {
        progress.bad = data.train.leftOut;
        const group = this.groupOf(submitted);
        // Gradients that were not used yet are in no checkpoint.
        if (team.stopped && group.place === 0) break;
        const last = Math.min(team.size, group.size - group.place) - 1;
        submitted += last + 1;
        const factor = rateFactor(args, progress.epoch * train.steps + submitted - 1, train.steps);
        for (const g of optimizer.groups) g.lr = g.initialLr * factor;
        const record = () => team.train(batch, train, learner, optimizer, group);
        const { results } = await (profile ? profile.step(submitted, record) : record());
        // Its error is thrown where it is awaited; if the step before it failed, that is the one to tell.
        results.catch(() => {});
        progress.bad = data.train.leftOut;
        if (team.takeSave()) records?.saver.want();
        let reading: Pending['reading'] = null;
        if (group.place + last === group.size - 1) {
          ema?.update(progress.epoch * this.updates + group.number, learner.guard);
          const done = progress.epoch * train.steps + submitted;
          if (submitted === train.steps || isHashed(done - group.size, done)) hashes.take(progress.epoch + 1, done);
          if (records && submitted < train.steps && records.saver.isDue(done))
            ({ reading } = await records.saver.read(done));
        }
        await settle();
        pending = { results, reading };
        if (!profile?.full) continue;
        await settle();
        await profile.end();
      }
    } catch (error) {
      if (!(error instanceof TooManyBad)) throw error;
      await settle();
      // Of a group that cannot be ended.
      dropMoments(learner.device);
      Object.assign(progress, before);
      progress.bad = data.train.leftOut;
      await this.saveNow();
      throw error;
    }
    await settle();
    await profile?.end();
    if (progress.step < train.steps) return false;
    if (progress.tally.steps === 0)
      throw await this.refused(`no step of epoch ${progress.epoch + 1} is finite`, {
        ...progress,
        step: 0,
        tally: newTally(),
      });
    return true;
  }

  /** Which batches of an epoch give the optimizer a step together: the last group may be smaller. */
  private groupOf(step: number): BatchPlace & { number: number } {
    const each = this.parts.args.grad_accum_steps;
    const number = Math.floor(step / each);
    return { number, place: step % each, size: Math.min(each, this.train.steps - number * each) };
  }

  /** Steps of the optimizer in an epoch. */
  private get updates(): number {
    return Math.ceil(this.train.steps / this.parts.args.grad_accum_steps);
  }

  /** Returns false when its validation was stopped early: all of it is done again then. */
  private async endEpoch(): Promise<boolean> {
    const { progress, records } = this;
    const { args, hooks, learning, notice, team } = this.parts;
    const { ema, model, optimizer } = learning;
    const start = performance.now();
    await records?.trained(progress.epoch + 1);
    const { skipped } = progress.tally;
    if (skipped > 0) notice(`epoch ${progress.epoch + 1}: ${skipped} of ${this.train.steps} steps skipped, not finite`);
    // What is validated, and kept if it is the best, are the averaged weights.
    ema?.swap();
    const found = await this.validate().catch(async (error) => {
      const stopped = team.stopped && error === team.reason;
      if (!stopped && !(error instanceof TooManyBad)) throw error;
      ema?.swap();
      if (stopped) return null;
      await this.saveNow();
      throw error;
    });
    if (!found) return false;
    const { predictions, tally } = found;
    const state = await model.stateDict();
    if (tensorNotFinite(state))
      throw await this.diverged(`after epoch ${progress.epoch + 1} the network holds what is no number`);
    await records?.layers.write(progress.epoch + 1, state);
    const metrics = computeMetrics(predictions);
    const trained = meansOf(progress.tally);
    const validated = meansOf(tally);
    const row: EpochRow = {
      epoch: progress.epoch + 1,
      lr: optimizer.lr,
      train_loss: trained.loss as number,
      train_cat: trained.cat as number,
      train_cont: trained.cont,
      train_accuracy: trained.accuracy,
      val_loss: validated.loss,
      val_cat: validated.cat as number,
      val_cont: validated.cont,
      val_accuracy: validated.accuracy,
      val_ccc_valence: metrics.ccc_valence,
      val_ccc_arousal: metrics.ccc_arousal,
      seconds: this.seconds + (performance.now() - start) / 1000,
      skipped,
    };
    this.rows.push(row);
    records?.epoch(this.step, row, state);
    const scores = scoresOf(row);
    if (!progress.best || isBetter(args.best, scores, progress.best)) {
      progress.best = scores;
      this.metrics = { ...metrics, best_epoch: progress.epoch + 1 };
      await records?.best(state, this.metrics, predictions);
    }
    await records?.keep(progress.epoch + 1, state);
    ema?.swap();
    progress.stopped = progress.epoch - progress.best.epoch >= args.patience;
    Object.assign(progress, { epoch: progress.epoch + 1, step: 0, tally: newTally() });
    this.seconds = 0;
    await records?.folder.writeResults(this.rows);
    await this.saveNow();
    hooks.onEpoch?.(row, progress.best);
    if (progress.stopped) notice(`no better validation ${args.best} for ${args.patience} epochs: training ends`);
    return true;
  }

  /** @throws the team's reason after the batch in flight, where it is to stop */
  private async validate(): Promise<{ predictions: SamplePredictions; tally: Tally }> {
    const tally = newTally();
    const pace = new Pace(0);
    const { args, data, team } = this.parts;
    const predictions = await evaluateAll(team.looks(this.eyes, this.val), args.classes, async (result) => {
      if (team.stopped) throw team.reason;
      const found = resultNotFinite(result);
      if (found) throw await this.diverged(`${found.what} in the validation of epoch ${this.progress.epoch + 1}`);
      addTo(tally, result);
      this.tell('validate', tally, result.loss, null, this.val, pace);
    });
    return { predictions: { ...predictions, untrained: data.untrained }, tally };
  }

  /** Writes a checkpoint. @throws MachineError where there is what is no number in it */
  private async saveNow(): Promise<void> {
    const { records } = this;
    // What rank 0 has not saved is no end of the others.
    const own = records && (await records.saver.save(this.step, this.progress, this.history));
    const spoilt = await this.parts.team.fromFirst(own);
    if (spoilt) throw await this.diverged(`after step ${this.step} the run holds what is no number`, spoilt);
  }

  /**
   * Saves the run as it was before a step that is not finite, or was to be the first of many, and finds what is to blame.
   * @param what was not finite, and where
   */
  private async refused(what: string, before: Progress): Promise<MachineError> {
    const { progress, train } = this;
    const { args, learner, learning, team } = this.parts;
    // The next step has begun.
    dropMoments(learner.device);
    Object.assign(progress, before);
    const stop = args.on_nan === 'stop';
    // Before its first step `last` is the run's first checkpoint.
    const { records } = this;
    const own = stop && this.step === 0 ? null : await records?.saver.save(this.step, progress, this.history);
    const spoilt = await team.fromFirst(own ?? null);
    const find = async (): Promise<string | null> => {
      const batches: Batch[] = [];
      if (!team.first) return null;
      for await (const batch of train.epoch(progress.epoch, progress.step))
        if (batches.push(batch) === this.groupOf(progress.step).size) break;
      return learner.firstNotFinite(batches, learning.optimizer);
    };
    // What keeps it from being found is not what ended the run.
    const cause = await team.fromFirst(await find().catch(() => null));
    return this.diverged(what, spoilt ?? cause, spoilt === null && stop);
  }

  /** @param cause the tensor to blame where the network's own are finite */
  private async diverged(what: string, cause: string | null = null, skippable = false): Promise<MachineError> {
    const { args, learning } = this.parts;
    return diverged(what, args, tensorNotFinite(await learning.model.stateDict()) ?? cause, skippable);
  }

  private tell(
    phase: 'train' | 'validate',
    tally: Tally,
    batchLoss: number | null,
    lr: number | null,
    loader: Loader,
    pace: Pace,
  ): void {
    const { args, hooks, learner } = this.parts;
    hooks.onStep?.({
      phase,
      epoch: this.progress.epoch + 1,
      epochs: args.epochs,
      step: tally.steps + tally.skipped,
      steps: loader.steps,
      ...meansOf(tally),
      batchLoss,
      lr,
      imagesPerSecond: pace.rate(tally.samples),
      bytes: learner.device.stats().peak,
      best: this.progress.best,
    });
  }
}
