import { freemem } from 'node:os';
import { performance } from 'node:perf_hooks';
import { CosineLR, Ema, type GradScaler, type SGD, StepLR } from '../autograd';
import { type Batch, classesOf, Loader } from '../data';
import type { GroupDone } from '../data/image_worker';
import { type Device, InputError, MachineError } from '../device';
import { openDevice } from '../device/node';
import { measurePeaks } from '../kernels/peaks';
import { choose } from '../kernels/variant';
import { buildModel, type EmotionModel } from '../models';
import type { TrainArgs } from './args';
import { encodeCheckpoint, encodeWeights, loadCheckpoint, newProgress, type Progress } from './checkpoint';
import type { TrainHooks } from './events';
import { type BatchResult, Learner } from './learner';
import { manifestOf } from './manifest';
import { computeMetrics } from './metrics';
import { makeOptimiser } from './optimiser';
import { formatPredictions, type SamplePredictions } from './predictions';
import { cpuTrace, Profile, traceGroup } from './profile';
import { report } from './report';
import type { EpochRow } from './results';
import { openRunData, type RunData } from './run_data';
import { type Run, RunFolder, type RunMetrics, readRun, readWeights } from './run_folder';
import { startFrom } from './start';
import { addTo, meansOf, newTally, type Tally } from './tally';
import { chooseKernels } from './tuning';

/** How a run ended: with the validation metrics of its best weights, or by its signal. */
export type Outcome =
  | { readonly status: 'finished'; readonly metrics: RunMetrics }
  | { readonly status: 'interrupted'; readonly epoch: number; readonly step: number };

export interface TrainerOptions {
  readonly hooks?: TrainHooks;
  /** A run to go on with (see `readRunToResume`) in place of a new one. */
  readonly resume?: Run;
  /** Profiles some steps: a table is told, trace.json written. Changes no number. */
  readonly profile?: boolean;
}

/**
 * One training run, as its settings say: reads and prepares the data, trains, validates after every epoch, keeps the best
 * weights and everything else in the run folder. The same settings on the same adapter give the same bits, and a run that
 * was stopped and resumed those of one that was not.
 */
export class Trainer {
  private readonly hooks: TrainHooks;

  constructor(
    private readonly args: TrainArgs,
    private readonly options: TrainerOptions = {},
  ) {
    this.hooks = options.hooks ?? {};
  }

  /**
   * Runs to the end, or until `signal` is aborted: then the current step is finished and the run saved as it stands.
   * @throws InputError for inputs that cannot be used; MachineError when the machine cannot do it, or the loss is NaN
   */
  async run(signal?: AbortSignal): Promise<Outcome> {
    const { args } = this;
    const { resume } = this.options;
    const classes = classesOf(args);
    const folder = resume
      ? RunFolder.reopen(resume)
      : RunFolder.create({ ...args, classes: [...classes], kernels: {} });
    const notice = (line: string): void => {
      folder.log(line);
      this.hooks.onNotice?.(line);
    };
    let device: Device | null = null;
    let data: RunData | null = null;
    try {
      const trace = this.options.profile ? cpuTrace() : null;
      const onGroup = trace ? (group: GroupDone, thread: number) => traceGroup(trace, group, thread) : undefined;
      data = await openRunData(args, folder, this.hooks, notice, onGroup);
      device = await openDevice({ gpu: args.gpu ?? undefined, say: notice });
      notice(
        `adapter: ${device.info.description || device.info.device}, ${choose(device).variant} kernels, ${args.precision} activations`,
      );
      const model = buildModel(device, {
        ...args,
        imageSize: args.image_size,
        classes: classes.length,
        A: data.graph?.A,
      }).initialise(args.seed);
      const optimiser = makeOptimiser(model, args);
      const ema = args.ema > 0 ? new Ema(optimiser, args.ema) : null;
      const learner = new Learner(device, model, {
        embedding: data.graph?.embedding ?? null,
        classWeights: data.classWeights,
        lambda: args.lambda_multi,
        precision: args.precision,
      });
      fitMemory(device, learner, args, notice);
      const step = () => learner.memoryOfTraining(args.batch_size, args.image_size);
      const kernels = await chooseKernels(device, args.tune, resume ?? null, step, notice);
      if (!resume) await folder.writeArgs({ ...args, classes: [...classes], kernels });
      if (!resume) await folder.writeManifest(await manifestOf(args, device));
      const profile = trace ? new Profile(device, trace) : null;
      const session = new Session(args, this.hooks, notice, folder, data, model, optimiser, ema, learner, profile);
      if (resume) session.restore(resume, readWeights(resume, 'last'));
      else session.begin(await startFrom(args, model, optimiser, notice));
      const outcome = await session.run(signal);
      if (profile) await tellProfile(profile, args, folder, notice);
      return outcome;
    } catch (error) {
      folder.log(`ended by an error: ${(error as Error).message}`);
      if (!resume) folder.abandon();
      throw error;
    } finally {
      await data?.close();
      device?.destroy();
    }
  }
}

/** Writes trace.json and tells the table. Peaks are measured on a device of their own, whose memory goes with it. */
async function tellProfile(
  profile: Profile,
  { gpu }: TrainArgs,
  folder: RunFolder,
  notice: (line: string) => void,
): Promise<void> {
  const device = await openDevice({ gpu: gpu ?? undefined });
  try {
    for (const line of profile.report(await measurePeaks(device))) notice(line);
  } finally {
    device.destroy();
  }
  const trace = profile.traceJson();
  if (!trace) return;
  await folder.write('trace.json', trace);
  notice(`${folder.path('trace.json')}: open it at https://ui.perfetto.dev or chrome://tracing`);
}

/** Makes sure, before the first step, that a step fits the device and the machine. @throws InputError with the batch size that does. */
function fitMemory(device: Device, learner: Learner, args: TrainArgs, notice: (line: string) => void): void {
  if (device.software) device.pool.budget = device.pool.stats().held + Math.floor(freemem() * 0.8);
  const fits = (n: number): number | null => {
    try {
      return learner.memoryOfTraining(n, args.image_size);
    } catch (error) {
      if (error instanceof MachineError) return null;
      throw error;
    }
  };
  const bytes = fits(args.batch_size);
  if (bytes !== null) {
    notice(`a step of ${args.batch_size} images takes ${Math.ceil(bytes / 2 ** 20)} MiB of device memory`);
    return;
  }
  let [least, most] = [1, args.batch_size];
  while (most - least > 1) {
    const n = (least + most) >> 1;
    if (fits(n) === null) most = n;
    else least = n;
  }
  const advice = fits(least) === null ? 'no batch size does: use a smaller --image_size' : `--batch_size ${least} does`;
  throw new InputError(
    `--batch_size ${args.batch_size} at ${args.image_size} pixels does not fit this adapter's memory; ${advice}`,
  );
}

/** The epochs of a run. */
class Session {
  private progress: Progress = newProgress();
  private rows: EpochRow[] = [];
  private metrics: RunMetrics | null = null;
  private readonly train: Loader;
  private readonly val: Loader;

  constructor(
    private readonly args: TrainArgs,
    private readonly hooks: TrainHooks,
    private readonly notice: (line: string) => void,
    private readonly folder: RunFolder,
    private readonly data: RunData,
    readonly model: EmotionModel,
    readonly optimiser: SGD,
    readonly ema: Ema | null,
    private readonly learner: Learner,
    private readonly profile: Profile | null,
  ) {
    if (profile) learner.watch = profile.span;
    const { batch_size: batchSize, seed, shuffle, sampler, augment, limit } = args;
    this.train = new Loader(data.train, {
      batchSize,
      seed,
      shuffle,
      sampler,
      augment,
      limit: limit ?? undefined,
      onRead: profile ? (batch) => profile.until('loader', 'read faces', batch) : undefined,
    });
    const steps = args.epochs * this.train.steps;
    if (args.warmup >= steps)
      throw new InputError(`--warmup ${args.warmup}: expected fewer than the run's ${steps} steps; lower it`);
    this.val = new Loader(data.val, { batchSize, seed, shuffle: false, augment: false });
  }

  get scaler(): GradScaler | null {
    return this.learner.scaler;
  }

  /** Sets the learning rate of a step; `done` steps of the run came before it. */
  private setRate(done: number): void {
    const { args, optimiser, train } = this;
    if (args.schedule === 'cosine')
      new CosineLR(optimiser, { steps: args.epochs * train.steps, warmup: args.warmup }).set(done);
    else if (done < args.warmup) for (const g of optimiser.groups) g.lr = (g.initialLr * (done + 1)) / args.warmup;
    else new StepLR(optimiser, { stepSize: 10, gamma: 0.1 }).set(Math.floor(done / train.steps));
  }

  /** Starts a run with the model's weights as they are. */
  begin(progress: Progress): void {
    this.progress = progress;
    this.ema?.restart();
  }

  /** Takes up a run where its checkpoint has it. */
  restore(run: Run, checkpoint: Uint8Array): void {
    this.progress = loadCheckpoint(this, checkpoint, this.folder.path('weights/last.safetensors'));
    // A run that died between its files may have written a row more than the checkpoint knows.
    this.rows = run.rows.filter(({ epoch }) => epoch <= this.progress.epoch);
    this.metrics = run.metrics;
    this.notice(`resumed at epoch ${this.progress.epoch + 1}, step ${this.progress.step + 1}`);
  }

  async run(signal?: AbortSignal): Promise<Outcome> {
    const { args, folder, progress } = this;
    if (args.epochs > progress.epoch && !progress.stopped) this.notice('compiling kernels, once');
    if (this.hooks.onBefore && progress.epoch === 0 && progress.step === 0)
      this.hooks.onBefore(computeMetrics((await this.validate()).predictions));
    while (progress.epoch < args.epochs && !progress.stopped) {
      if (!(await this.trainEpoch(signal))) {
        await folder.writeWeights('last', await encodeCheckpoint(this, progress));
        this.notice(`stopped in epoch ${progress.epoch + 1} after step ${progress.step}`);
        return { status: 'interrupted', epoch: progress.epoch + 1, step: progress.step };
      }
      await this.endEpoch();
    }
    if (!this.metrics) throw new InputError(`${folder.dir}: no epoch was trained; give --epochs 1 or more`);
    await report(readRun(folder.dir));
    return { status: 'finished', metrics: this.metrics };
  }

  /** Returns false when `signal` ended it early. Results are looked at one step late, so that the device never waits. */
  private async trainEpoch(signal?: AbortSignal): Promise<boolean> {
    const { progress, train, profile } = this;
    const pace = new Pace(progress.tally.samples);
    const start = performance.now() - 1000 * progress.seconds;
    let pending: Promise<BatchResult> | null = null;
    const settle = async (): Promise<void> => {
      if (!pending) return;
      const result = await (profile?.until('waits', 'wait for the GPU', pending) ?? pending);
      pending = null;
      profile?.stepDone(progress.step + 1);
      addTo(progress.tally, result);
      progress.step++;
      progress.seconds = (performance.now() - start) / 1000;
      this.checkLoss(result.loss);
      this.tell('train', progress.tally, train, pace);
    };
    let submitted = progress.step;
    profile?.plan(progress.epoch + 1, submitted + 1, train.steps, progress.epoch + 1 === this.args.epochs);
    const batches = train.epoch(progress.epoch, progress.step);
    for await (const batch of profile ? watched(batches, profile) : batches) {
      const group = this.groupOf(submitted);
      // Gradients that were not used yet are in no checkpoint.
      if (signal?.aborted && group.place === 0) break;
      this.setRate(progress.epoch * train.steps + submitted++);
      const record = () => this.learner.train(batch, this.optimiser, group);
      const next = profile ? profile.step(submitted, record) : record();
      if (group.place === group.size - 1) this.ema?.update(progress.epoch * this.updates + group.number);
      // Its error is thrown where it is awaited; if the step before it failed, that is the one to tell.
      next.catch(() => {});
      await settle();
      pending = next;
      if (!profile?.full) continue;
      await settle();
      await profile.end();
    }
    await settle();
    await profile?.end();
    return progress.step === train.steps;
  }

  /** Which batches of an epoch give the optimiser a step together: the last group may be smaller. */
  private groupOf(step: number): { number: number; place: number; size: number } {
    const each = this.args.grad_accum_steps;
    const number = Math.floor(step / each);
    return { number, place: step % each, size: Math.min(each, this.train.steps - number * each) };
  }

  /** Steps of the optimiser in an epoch. */
  private get updates(): number {
    return Math.ceil(this.train.steps / this.args.grad_accum_steps);
  }

  private async endEpoch(): Promise<void> {
    const { progress, folder, args } = this;
    const start = performance.now();
    const scaling = await this.learner.scaler?.state();
    if (scaling)
      folder.log(
        `after epoch ${progress.epoch + 1}: ${scaling.skipped} steps skipped in all, loss scale ${scaling.scale}`,
      );
    // What is validated, and kept if it is the best, are the averaged weights.
    this.ema?.swap();
    const { predictions, tally } = await this.validate();
    const metrics = computeMetrics(predictions);
    const trained = meansOf(progress.tally);
    const validated = meansOf(tally);
    const continuous = metrics.ccc_valence !== null;
    const row: EpochRow = {
      epoch: progress.epoch + 1,
      lr: this.optimiser.lr,
      train_loss: trained.loss,
      train_cat: trained.cat,
      train_cont: continuous ? trained.cont : null,
      train_accuracy: trained.accuracy,
      val_loss: validated.loss,
      val_cat: validated.cat,
      val_cont: continuous ? validated.cont : null,
      val_accuracy: validated.accuracy,
      val_ccc_valence: metrics.ccc_valence,
      val_ccc_arousal: metrics.ccc_arousal,
      seconds: progress.seconds + (performance.now() - start) / 1000,
    };
    this.rows.push(row);
    if (!progress.best || metrics.accuracy > progress.best.accuracy) {
      progress.best = { accuracy: metrics.accuracy, epoch: progress.epoch };
      this.metrics = { ...metrics, best_epoch: progress.epoch + 1 };
      await folder.writeWeights('best', await encodeWeights(this.model));
      await folder.writeMetrics(this.metrics);
      await folder.write('predictions.csv', formatPredictions(this.data.val.samples, predictions));
    }
    this.ema?.swap();
    progress.stopped = progress.epoch - progress.best.epoch >= args.patience;
    Object.assign(progress, { epoch: progress.epoch + 1, step: 0, tally: newTally(), seconds: 0 });
    await folder.writeResults(this.rows);
    await folder.writeWeights('last', await encodeCheckpoint(this, progress));
    this.hooks.onEpoch?.(row);
    if (progress.stopped) this.notice(`no better validation accuracy for ${args.patience} epochs: training ends`);
  }

  private async validate(): Promise<{ predictions: SamplePredictions; tally: Tally }> {
    const tally = newTally();
    const pace = new Pace(0);
    const predictions = await evaluateAll(this.learner, this.val, classesOf(this.args), (result) => {
      addTo(tally, result);
      this.tell('validate', tally, this.val, pace);
    });
    return { predictions, tally };
  }

  private checkLoss(loss: number): void {
    if (Number.isFinite(loss)) return;
    const { epoch, step } = this.progress;
    throw new MachineError(
      `the loss is ${loss} in epoch ${epoch + 1}, step ${step}: training diverged; start again with a lower --lr or a larger --batch_size${this.args.precision === 'f16' ? ', or with --precision f32' : ''}`,
    );
  }

  private tell(phase: 'train' | 'validate', tally: Tally, loader: Loader, pace: Pace): void {
    const { loss, cat, cont } = meansOf(tally);
    this.hooks.onStep?.({
      phase,
      epoch: this.progress.epoch + 1,
      epochs: this.args.epochs,
      step: tally.steps,
      steps: loader.steps,
      loss,
      cat,
      cont: this.args.model === 'single_task' ? null : cont,
      imagesPerSecond: pace.rate(tally.samples),
      bytes: this.learner.device.stats().peak,
    });
  }
}

/** The batches, with the waiting for each seen. */
async function* watched(batches: AsyncGenerator<Batch>, profile: Profile): AsyncGenerator<Batch> {
  try {
    for (;;) {
      const next = await profile.until('waits', 'wait for faces', batches.next());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await batches.return(undefined);
  }
}

/** Images a second since it was made. */
class Pace {
  private readonly start = performance.now();

  constructor(private readonly before: number) {}

  rate(samples: number): number {
    return (1000 * (samples - this.before)) / (performance.now() - this.start);
  }
}

/** Shows a network every sample of a loader, in evaluation mode. */
export async function evaluateAll(
  learner: Learner,
  loader: Loader,
  classes: readonly string[],
  onBatch: (result: BatchResult, batch: Batch) => void = () => {},
): Promise<SamplePredictions> {
  const labels: number[] = [];
  const predicted: number[] = [];
  const rows: number[] = [];
  const va = { truth: [] as number[], predicted: [] as number[] };
  for await (const batch of loader.epoch(0)) {
    const result = await learner.evaluate(batch);
    rows.push(...batch.rows);
    labels.push(...result.labels);
    predicted.push(...result.predicted);
    if (result.va) {
      va.truth.push(...batch.va);
      va.predicted.push(...result.va);
    }
    onBatch(result, batch);
  }
  return { classes, rows, labels, predicted, va: va.truth.length > 0 ? va : undefined };
}
