import { Ema } from '../../autograd';
import { orAborted } from '../../base/abort';
import { classesOf } from '../../data';
import type { GroupDone } from '../../data/image_worker';
import type { Device } from '../../device';
import { openDevice } from '../../device/node';
import { measurePeaks } from '../../kernels/peaks';
import { choose, type TileTable } from '../../kernels/variant';
import { buildModel } from '../../models';
import { cpuTrace, Profile, traceGroup } from '../profile/profile';
import { manifestOf } from '../run/manifest';
import { writeResumed } from '../run/resume';
import { type Run, RunFolder, readWeights } from '../run/run_folder';
import { readWeightsFile } from '../run/weights_file';
import type { TrainArgs } from '../settings/args';
import type { TrainHooks } from './events';
import { fitMemory } from './fit_memory';
import { Learner } from './learner';
import { makeOptimizer } from './optimizer';
import { openRunData, type RunData } from './run_data';
import { type Outcome, Session } from './session';
import { startFrom } from './start';
import { chooseKernels } from './tuning';

export interface TrainerOptions {
  readonly hooks?: TrainHooks;
  /** A run to go on with (see `readRunToResume`) in place of a new one. */
  readonly resume?: Run;
  /** Tiles of the matrix kernels of a run to repeat, as `readRunToRepeat` has them, in place of measured ones. */
  readonly kernels?: TileTable;
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
   * @throws the signal's reason, where that is aborted before there is anything to save: of a new run nothing is left
   * @throws InputError for inputs that cannot be used; MachineError when the machine cannot do it, or the loss is NaN
   */
  async run(signal?: AbortSignal): Promise<Outcome> {
    const { args } = this;
    const { resume } = this.options;
    const classes = classesOf(args);
    const checkpoint = resume ? readWeights(resume, 'last') : null; // refused before faces are prepared
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
      const start = args.checkpoint ?? args.pretrained;
      if (start && !resume) await orAborted(readWeightsFile(start), signal); // refused before faces are prepared
      data = await openRunData(args, folder, this.hooks, notice, { onGroup, signal });
      const opening = openDevice({ gpu: args.gpu ?? undefined, say: notice });
      device = await orAborted(opening, signal, (late) => late.destroy());
      this.hooks.onDevice?.(device);
      notice(
        `adapter: ${device.info.description || device.info.device}, ${choose(device).variant} kernels, ${args.precision} activations`,
      );
      const model = buildModel(device, {
        ...args,
        imageSize: args.image_size,
        classes: classes.length,
        A: data.graph?.A,
      }).initialise(args.seed);
      const optimizer = makeOptimizer(model, args);
      const ema = args.ema > 0 ? new Ema(optimizer, args.ema) : null;
      const learner = new Learner(device, model, {
        embedding: data.graph?.embedding ?? null,
        loss: { classWeights: data.classWeights, lambda: args.lambda_multi },
        precision: args.precision,
        clipGradNorm: args.clip_grad_norm,
      });
      const memoryOf = (n: number, batches: number) =>
        learner.memoryOfTraining(n, args.image_size, optimizer, { ema, batches });
      fitMemory(device, args, (n) => memoryOf(n, args.grad_accum_steps), notice);
      // The third batch of a group has the kernels of the second.
      const step = () => memoryOf(args.batch_size, Math.min(args.grad_accum_steps, 2));
      const choosing = chooseKernels(device, args.tune, resume ?? null, step, notice, this.options.kernels);
      const kernels = await orAborted(choosing, signal);
      step();
      await orAborted(device.prepare(), signal);
      const runArgs = { ...args, classes: [...classes], kernels };
      if (resume) await writeResumed(folder, runArgs);
      else {
        await folder.writeArgs(runArgs);
        await folder.writeManifest(manifestOf(args, device));
      }
      const profile = trace ? new Profile(device, trace) : null;
      const learning = { model, optimizer, ema, scaler: learner.scaler };
      const session = new Session({ args, hooks: this.hooks, notice, folder, data, learning, learner, profile });
      if (resume && checkpoint) session.restore(resume, checkpoint);
      else session.begin(await startFrom(args, model, optimizer, notice));
      const outcome = await session.run(signal);
      if (profile) await tellProfile(profile, args, folder, notice, this.hooks);
      return outcome;
    } catch (error) {
      folder.log(
        signal?.aborted ? 'stopped before anything was learnt' : `ended by an error: ${(error as Error).message}`,
      );
      folder.abandon();
      throw error;
    } finally {
      device?.destroy();
      await data?.close();
    }
  }
}

/** Writes trace.json and tells the table. Peaks are measured on a device of their own, whose memory goes with it. */
async function tellProfile(
  profile: Profile,
  { gpu }: TrainArgs,
  folder: RunFolder,
  notice: (line: string) => void,
  hooks: TrainHooks,
): Promise<void> {
  const device = await openDevice({ gpu: gpu ?? undefined });
  hooks.onDevice?.(device);
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
