// The epochs of a run: training steps, validation after each, the best weights and all else in the run folder.
import { performance } from 'node:perf_hooks';
import { dropMoments } from '../../autograd';
import { InputError, MachineError } from '../../base/errors';
import { type Batch, type Loader, TooManyBad } from '../../data';
import { OutOfMemory } from '../../device';
import { evaluateAll } from '../measures/evaluate_all';
import { resultNotFinite, tensorNotFinite } from '../measures/finite';
import { computeMetrics } from '../measures/metrics';
import { formatPredictions, type SamplePredictions } from '../measures/predictions';
import type { RateStep } from '../measures/rate_range';
import type { Profile } from '../profile/profile';
import { report } from '../reports/report';
import { EventLog } from '../reports/tensorboard';
import {
  encodeCheckpoint,
  encodeWeights,
  historyOf,
  type Learning,
  loadCheckpoint,
  newProgress,
  type Progress,
  readLearning,
} from '../run/checkpoint';
import { type Run, type RunMetrics, type RunWeights, readRun } from '../run/read_run';
import type { EpochRow } from '../run/results';
import type { RunFolder } from '../run/run_folder';
import type { TrainArgs } from '../settings/args';
import { isBetter } from '../settings/best';
import { rateFactor } from '../settings/rate';
import { diverged } from './diverged';
import type { TrainHooks } from './events';
import { Hashes, isHashed } from './hashes';
import { LayerLog } from './layer_log';
import type { BatchPlace, BatchResult, Learner } from './learner';
import { openLoaders } from './loaders';
import { findRate, RISE } from './lr_find';
import { Pace } from './pace';
import type { RunData } from './run_data';
import { Saver } from './saver';
import { scoresOf } from './scores';
import { StateHash } from './state_hash';
import { StepLog } from './step_log';
import { addTo, meansOf, newTally, type Tally } from './tally';

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
  readonly folder: RunFolder;
  readonly data: RunData;
  readonly learning: Learning;
  readonly learner: Learner;
  readonly profile: Profile | null;
}

/** A step that the device is at: what it gives, and the state after it where a checkpoint is due. */
interface Pending {
  readonly result: Promise<BatchResult>;
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
  private readonly saver: Saver;
  private readonly hashes: Hashes;
  private readonly layers: LayerLog;
  private readonly steps: StepLog;
  private events: EventLog | null = null;

  constructor(private readonly parts: SessionParts) {
    const { args, data, learner, profile } = parts;
    if (profile) learner.watch = profile.span;
    const { train, val } = openLoaders(args, data, learner, parts.notice, profile);
    this.train = train;
    this.val = val;
    const steps = args.epochs * this.train.steps;
    if (args.warmup >= steps)
      throw new InputError(`--warmup ${args.warmup}: expected fewer than the run's ${steps} steps; lower it`);
    this.layers = new LayerLog(parts.folder, learner, data.graph);
    this.hashes = new Hashes(new StateHash(learner.device, parts.learning), parts.folder, parts.hooks);
    this.steps = new StepLog(parts.folder);
    this.saver = new Saver(parts.folder, parts.learning, args, async () => {
      this.steps.flush();
      await this.hashes.written;
    });
  }

  /** Batches of the run that are done. */
  get step(): number {
    return this.progress.epoch * this.train.steps + this.progress.step;
  }

  /** Writes a checkpoint at the end of the current step. */
  save(): void {
    this.saver.want();
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
      const found = resultNotFinite(await this.layers.evaluate(batch));
      if (found) throw await this.diverged(`${found.what} before the first step`);
      if (++tried === TRIED) break;
    }
    await this.layers.write(progress.epoch, await learning.model.stateDict());
    await this.hashes.settle(this.step);
    await this.hashes.written;
    return encodeCheckpoint(await readLearning(learning), progress, this.history);
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

  /** Takes up a run where its checkpoint has it. */
  async restore(run: Run, checkpoint: RunWeights): Promise<void> {
    const { data, learning, notice } = this.parts;
    this.progress = loadCheckpoint(learning, checkpoint);
    this.hashes.restore(this.step);
    this.layers.restore(this.progress.epoch);
    this.steps.restore(this.step);
    const history = historyOf(checkpoint.metadata, checkpoint.file) ?? run;
    // A run that died between its files may have written a row more than the checkpoint knows.
    this.rows = history.rows
      .filter(({ epoch }) => epoch <= this.progress.epoch)
      .map((row) => ({ ...row, seconds: run.rows.find(({ epoch }) => epoch === row.epoch)?.seconds ?? null }));
    this.metrics = history.metrics;
    const { best } = this.progress;
    const row = this.rows.find(({ epoch }) => epoch - 1 === best?.epoch);
    // Older checkpoints know the best epoch's accuracy alone.
    if (best && row) this.progress.best = { ...scoresOf(row), ...best };
    await data.train.recall(this.progress.bad);
    notice(`resumed at epoch ${this.progress.epoch + 1}, step ${this.progress.step + 1}`);
  }

  async run(signal?: AbortSignal): Promise<Outcome> {
    try {
      return await this.epochs(signal);
    } catch (error) {
      if (!(error instanceof OutOfMemory)) throw error;
      const { batch_size, model } = this.parts.args;
      const smaller = Math.max(model === 'single_task' ? 1 : 2, Math.floor((3 * batch_size) / 4));
      throw new MachineError(
        `${error.message}; close what else takes memory, or start again with --batch_size ${smaller}`,
      );
    } finally {
      await this.saver.rest();
      await this.hashes.written.catch(() => {});
      this.steps.end();
    }
  }

  private async epochs(signal?: AbortSignal): Promise<Outcome> {
    const { progress } = this;
    const { args, folder, hooks, notice } = this.parts;
    if (args.tensorboard) this.events = new EventLog(folder, this.step);
    if (args.epochs > progress.epoch && !progress.stopped) notice('compiling kernels, once');
    if (hooks.onBefore && this.step === 0) hooks.onBefore(computeMetrics((await this.validate(signal)).predictions));
    while (progress.epoch < args.epochs && !progress.stopped) {
      if (!((await this.trainEpoch(signal)) && (await this.endEpoch(signal)))) {
        await this.saveNow();
        notice(`stopped in epoch ${progress.epoch + 1} after step ${progress.step}`);
        return { status: 'interrupted', epoch: progress.epoch + 1, step: progress.step };
      }
    }
    if (!this.metrics) throw new InputError(`${folder.dir}: no epoch was trained; give --epochs 1 or more`);
    const drawn = await report(readRun(folder.dir));
    this.events?.pictures(this.step, drawn);
    return { status: 'finished', metrics: this.metrics };
  }

  /** Returns false when `signal` ended it early. Results are looked at one step late, so that the device never waits. */
  private async trainEpoch(signal?: AbortSignal): Promise<boolean> {
    const { hashes, progress, saver, train } = this;
    const { args, learner, learning, profile } = this.parts;
    const { optimizer, ema } = learning;
    const pace = new Pace(progress.tally.samples);
    const start = performance.now();
    let pending: Pending | null = null;
    // As it was at the end of the last group of batches.
    let before = structuredClone(progress);
    const settle = async (): Promise<void> => {
      if (!pending) return;
      const { reading, result: next } = pending;
      const result = await (profile?.until('waits', 'wait for the GPU', next) ?? next);
      pending = null;
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
      this.steps.add({ step: this.step, epoch: progress.epoch + 1, lr }, result);
      this.events?.step(this.step, result, lr);
      if (reading) saver.write(reading, progress, this.history);
      saver.check();
      this.tell('train', progress.tally, result.loss, lr, train, pace);
    };
    let submitted = progress.step;
    profile?.plan(progress.epoch + 1, submitted + 1, train.steps, progress.epoch + 1 === args.epochs);
    const batches = this.counted(train.epoch(progress.epoch, progress.step), async () => {
      await settle();
      // Of a group that cannot be ended.
      dropMoments(learner.device);
      Object.assign(progress, before);
    });
    for await (const batch of profile ? profile.each('wait for faces', batches) : batches) {
      const group = this.groupOf(submitted);
      // Gradients that were not used yet are in no checkpoint.
      if (signal?.aborted && group.place === 0) break;
      const factor = rateFactor(args, progress.epoch * train.steps + submitted++, train.steps);
      for (const g of optimizer.groups) g.lr = g.initialLr * factor;
      const record = () => learner.train(batch, optimizer, group);
      const result = profile ? profile.step(submitted, record) : record();
      // Its error is thrown where it is awaited; if the step before it failed, that is the one to tell.
      result.catch(() => {});
      let reading: Pending['reading'] = null;
      if (group.place === group.size - 1) {
        ema?.update(progress.epoch * this.updates + group.number, learner.guard);
        const done = progress.epoch * train.steps + submitted;
        if (submitted === train.steps || isHashed(done - group.size, done)) hashes.take(progress.epoch + 1, done);
        if (submitted < train.steps && saver.isDue(done)) ({ reading } = await saver.read(done));
      }
      await settle();
      pending = { result, reading };
      if (!profile?.full) continue;
      await settle();
      await profile.end();
    }
    await settle();
    this.steps.flush();
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

  /** Batches; where too many pictures are bad, the run is saved as `back` leaves it. */
  private async *counted(batches: AsyncIterable<Batch>, back: () => Promise<void>): AsyncGenerator<Batch> {
    const { data } = this.parts;
    try {
      for await (const batch of batches) {
        this.progress.bad = data.train.leftOut;
        yield batch;
      }
    } catch (error) {
      if (!(error instanceof TooManyBad)) throw error;
      await back();
      this.progress.bad = data.train.leftOut;
      await this.saveNow();
      throw error;
    }
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

  /** Returns false when `signal` ended its validation early: all of it is done again then. */
  private async endEpoch(signal?: AbortSignal): Promise<boolean> {
    const { progress } = this;
    const { args, data, folder, hooks, learner, learning, notice } = this.parts;
    const { ema, model, optimizer } = learning;
    const start = performance.now();
    const scaling = await learner.scaler?.state();
    if (scaling)
      folder.log(
        `after epoch ${progress.epoch + 1}: ${scaling.skipped} steps skipped in all, loss scale ${scaling.scale}`,
      );
    const { skipped } = progress.tally;
    if (skipped > 0) notice(`epoch ${progress.epoch + 1}: ${skipped} of ${this.train.steps} steps skipped, not finite`);
    const gradients = await learner.gradients();
    this.events?.keep(gradients);
    this.layers.keep(gradients);
    // What is validated, and kept if it is the best, are the averaged weights.
    ema?.swap();
    const found = await this.validate(signal).catch(async (error) => {
      const stopped = signal?.aborted && error === signal.reason;
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
    await this.layers.write(progress.epoch + 1, state);
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
    const parameters = new Map(model.namedParameters());
    this.events?.epoch(this.step, row, new Map([...state].filter(([name]) => parameters.has(name))));
    const scores = scoresOf(row);
    if (!progress.best || isBetter(args.best, scores, progress.best)) {
      progress.best = scores;
      this.metrics = { ...metrics, best_epoch: progress.epoch + 1 };
      await folder.writeBest(encodeWeights(state));
      await folder.writeMetrics(this.metrics);
      await folder.write('predictions.csv', formatPredictions(data.val.samples, predictions));
    }
    if (args.keep > 0) await folder.writeEpoch(progress.epoch + 1, encodeWeights(state), args.keep);
    ema?.swap();
    progress.stopped = progress.epoch - progress.best.epoch >= args.patience;
    Object.assign(progress, { epoch: progress.epoch + 1, step: 0, tally: newTally() });
    this.seconds = 0;
    await folder.writeResults(this.rows);
    await this.saveNow();
    hooks.onEpoch?.(row, progress.best);
    if (progress.stopped) notice(`no better validation ${args.best} for ${args.patience} epochs: training ends`);
    return true;
  }

  /** @throws the signal's reason after the batch in flight */
  private async validate(signal?: AbortSignal): Promise<{ predictions: SamplePredictions; tally: Tally }> {
    const tally = newTally();
    const pace = new Pace(0);
    const { args, data } = this.parts;
    const predictions = await evaluateAll(this.layers, this.val, args.classes, async (result) => {
      signal?.throwIfAborted();
      const found = resultNotFinite(result);
      if (found) throw await this.diverged(`${found.what} in the validation of epoch ${this.progress.epoch + 1}`);
      addTo(tally, result);
      this.tell('validate', tally, result.loss, null, this.val, pace);
    });
    return { predictions: { ...predictions, untrained: data.untrained }, tally };
  }

  /** Writes a checkpoint. @throws MachineError where there is what is no number in it */
  private async saveNow(): Promise<void> {
    const spoilt = await this.saver.save(this.step, this.progress, this.history);
    if (spoilt) throw await this.diverged(`after step ${this.step} the run holds what is no number`, spoilt);
  }

  /**
   * Saves the run as it was before a step that is not finite, or was to be the first of many, and finds what is to blame.
   * @param what was not finite, and where
   */
  private async refused(what: string, before: Progress): Promise<MachineError> {
    const { progress, train } = this;
    const { args, learner, learning } = this.parts;
    // The next step has begun.
    dropMoments(learner.device);
    Object.assign(progress, before);
    const stop = args.on_nan === 'stop';
    // Before its first step `last` is the run's first checkpoint.
    const spoilt = stop && this.step === 0 ? null : await this.saver.save(this.step, progress, this.history);
    const find = async (): Promise<string | null> => {
      const batches: Batch[] = [];
      for await (const batch of train.epoch(progress.epoch, progress.step))
        if (batches.push(batch) === this.groupOf(progress.step).size) break;
      return learner.firstNotFinite(batches, learning.optimizer);
    };
    // What keeps it from being found is not what ended the run.
    const cause = await find().catch(() => null);
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
