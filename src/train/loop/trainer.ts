import { readFileSync, rmSync } from 'node:fs';
import { orAborted, timeLimit } from '../../base/abort';
import { InputError } from '../../base/errors';
import type { GroupDone } from '../../data/crops/image_worker';
import { temporaryFolder } from '../../data/files';
import { DeviceLost } from '../../device';
import { openDevice } from '../../device/node';
import { readSafetensors } from '../../formats/safetensors';
import { measurePeaks } from '../../kernels/peaks';
import type { TileTable } from '../../kernels/variant';
import { sameOnAll } from '../../ranks/agree';
import { ALONE, type Ranks } from '../../ranks/ranks';
import { cpuTrace, Profile, traceGroup } from '../profile/profile';
import { NoPage } from '../reports/page/html';
import { writeReport } from '../reports/page/report';
import { encodeCheckpoint, type Learning, loadCheckpoint, type Progress, readLearning } from '../run/checkpoint';
import { FORMAT_VERSION } from '../run/format';
import { manifestOf } from '../run/manifest';
import { packageVersion } from '../run/package_version';
import { type Run, type RunWeights, readRun, readWeights } from '../run/read_run';
import { writeResumed } from '../run/resume';
import { checkRunRoom } from '../run/room';
import { RunFolder } from '../run/run_folder';
import { readWeightsFile } from '../run/weights_file';
import { toJson } from '../run/write';
import type { TrainArgs } from '../settings/args';
import { OWN } from '../settings/machine';
import type { TrainHooks } from './events';
import { openRig } from './rig';
import { openRunData, type RunData } from './run_data';
import { type Outcome, Session } from './session';
import { readPretrained, startFrom } from './start';
import { Team } from './team';

/** How often a device may be lost without a step between. */
const LOSSES = 3;

export interface TrainerOptions {
  readonly hooks?: TrainHooks;
  /** A run to go on with (see `readRunToResume`) in place of a new one. */
  readonly resume?: Run;
  /** Of a run to reproduce: see `FORMAT_VERSION`. */
  readonly formatVersion?: number;
  /** Tiles of the matrix kernels of a run to repeat, as `readRunToRepeat` has them, in place of measured ones. */
  readonly kernels?: TileTable;
  /** Profiles some steps: a table is told, trace.json written. Changes no number. */
  readonly profile?: boolean;
  /** Stops before the first step, with a run folder that is gone then: all that a new run needs has been tried. */
  readonly dryRun?: boolean;
  /** Takes steps with a rising learning rate in place of a run, with a run folder that is gone then: see `findRate`. */
  readonly findRate?: boolean;
  /** The processes that train together, of which rank 0 writes the run, and says what there is to say. Default: this one alone. */
  readonly ranks?: Ranks;
}

/** What a run has open, whatever becomes of its device. */
interface Opened {
  readonly team: Team;
  /** null: another rank writes the run. */
  readonly folder: RunFolder | null;
  readonly data: RunData;
  readonly trace: ReturnType<typeof cpuTrace> | null;
  /** Says a line, and logs it. */
  readonly notice: (line: string) => void;
  readonly formatVersion: number;
  readonly signal?: AbortSignal;
  /** Aborted once `--max_hours` are over: from then on no step is begun. */
  readonly limit: AbortSignal | null;
}

/** Where a run stands. */
interface From {
  readonly run: Run;
  readonly checkpoint: RunWeights;
}

/**
 * One training run, as its settings say: reads and prepares the data, trains, validates after every epoch, keeps the best
 * weights and everything else in the run folder. The same settings on the same adapter give the same bits, and a run that
 * was stopped, killed or lost its device, and went on, those of one that was not.
 * @example
 * const args = readTrainArgs({
 *   ...{ image_dir: 'faces', data: 'faces/training.csv', val_data: 'faces/validation.csv', saved_model: 'run2' },
 *   ...{ network: 'denselite', model: 'single_task', image_size: 32, batch_size: 7, epochs: 1, cache: 'off' },
 * });
 * const outcome = await new Trainer(args, { hooks: { onEpoch: (row) => console.log(row.epoch, row.val_accuracy) } }).run();
 * outcome.status; // 'finished'
 */
export class Trainer {
  private readonly hooks: TrainHooks;
  private session: Session | null = null;
  private readonly team: Team;

  constructor(
    private readonly args: TrainArgs,
    private readonly options: TrainerOptions = {},
  ) {
    this.hooks = options.hooks ?? {};
    this.team = new Team(options.ranks ?? ALONE);
  }

  /** Writes a checkpoint at the end of the current step, if there is one. */
  save(): void {
    this.session?.save();
  }

  /**
   * Runs to the end, or until `signal` is aborted or `max_hours` are over: then the current step is finished and the run saved as it
   * stands. A device that is lost is opened anew, and the run goes on from its last checkpoint.
   * @throws the signal's reason, where that is aborted before there is anything to save: of a new run nothing is left
   * @throws InputError for inputs that cannot be used; MachineError when the machine cannot do it, or the loss is NaN
   */
  async run(signal?: AbortSignal): Promise<Outcome> {
    const { args, team } = this;
    const { resume, dryRun, findRate } = this.options;
    if (team.size > 1) await this.agree();
    const temporary = dryRun || findRate ? temporaryFolder('try') : null;
    const create = () => (resume ? RunFolder.resume(resume) : RunFolder.create(temporary ?? args.saved_model));
    const folder = team.first ? create() : null;
    const notice = (line: string): void => {
      folder?.log(line);
      this.hooks.onNotice?.(line);
    };
    const formatVersion = resume?.args.format_version ?? this.options.formatVersion ?? FORMAT_VERSION;
    let data: RunData | null = null;
    // What rank 0 says holds for all.
    const limit = args.max_hours > 0 && team.first ? timeLimit(3_600_000 * args.max_hours) : null;
    try {
      const trace = this.options.profile ? cpuTrace() : null;
      const onGroup = trace ? (group: GroupDone, thread: number) => traceGroup(trace, group, thread) : undefined;
      // What is no good is refused before faces are prepared.
      const checkpoint = resume && team.first ? readWeights(resume, 'last', notice) : null;
      if (!resume && args.checkpoint && team.first) await orAborted(readWeightsFile(args.checkpoint), signal);
      if (!resume && args.pretrained && team.first) await readPretrained(args.pretrained, args.network, notice, signal);
      const { ranks } = team;
      data = await openRunData(args, folder, this.hooks, notice, { onGroup, signal, formatVersion, ranks });
      await sameOnAll(ranks, contentsOf(data));
      return await this.train({ team, folder, data, trace, notice, signal, limit, formatVersion }, checkpoint);
    } catch (error) {
      const how = signal?.aborted
        ? 'stopped before anything was learnt'
        : `ended by an error: ${(error as Error).message}`;
      try {
        folder?.log(how);
      } catch {
        // That it cannot be written may be the error itself.
      }
      throw error;
    } finally {
      await data?.close();
      folder?.close();
      if (temporary) rmSync(temporary, { recursive: true, force: true });
    }
  }

  /** Makes sure that what the ranks are going to do fits together. @throws InputError on all of them */
  private async agree(): Promise<void> {
    const { args, team } = this;
    const { profile, findRate, resume, dryRun } = this.options;
    const version = packageVersion('emotion-gcn', import.meta.url);
    const settings = Object.entries(args).filter(([name]) => !OWN.has(name));
    const told = settings.map(([name, value]) => [`--${name}`, JSON.stringify(value)]);
    const [doing = 'a new run'] = Object.entries({ profile, lr_find: findRate, resume, dry_run: dryRun }).flatMap(
      ([flag, isOn]) => (isOn ? [`--${flag}`] : []),
    );
    await sameOnAll(team.ranks, { ...Object.fromEntries(told), version, 'what is done': doing });
    if (profile || findRate)
      throw new InputError(`${doing} is of one process alone: start it without ${team.size} ranks`);
    const { grad_accum_steps: each } = args;
    if (each % team.size !== 0)
      throw new InputError(
        `--grad_accum_steps ${each}: expected a multiple of the ${team.size} ranks, which share the batches of a step; ` +
          `give ${team.size * Math.ceil(each / team.size)}, or start as many ranks as divide ${each}`,
      );
  }

  /** Trains on one device after the other, as long as they are lost. */
  private async train(opened: Opened, checkpoint: RunWeights | null): Promise<Outcome> {
    const { folder, notice, team } = opened;
    let from: From | null = checkpoint && this.options.resume ? { run: this.options.resume, checkpoint } : null;
    let [losses, furthest] = [0, 0];
    for (;;) {
      try {
        return await this.trainOnce(opened, from);
      } catch (error) {
        // Of a device that is lost among others the run goes on by --resume.
        if (!(error instanceof DeviceLost) || !folder || team.size > 1) throw error;
        const step = this.session?.step ?? 0;
        if (step > furthest) [losses, furthest] = [0, step];
        if (++losses > LOSSES) throw error;
        notice(`${error.message}; it is opened again (${losses} of ${LOSSES} times in a row)`);
        if (folder.isNew) continue;
        const run = readRun(folder.dir);
        from = { run, checkpoint: readWeights(run, 'last', notice) };
      }
    }
  }

  /** Trains to the end, or as long as the device lives. @param from where the run stands; null: before it has begun */
  private async trainOnce(opened: Opened, from: From | null): Promise<Outcome> {
    const { hooks } = this;
    const { team, folder, data, trace, notice, signal, limit, formatVersion } = opened;
    const { kernels: repeated, resume, dryRun, findRate } = this.options;
    // A run that has begun keeps what it has chosen.
    const given = from ? { ...this.args, batch_size: from.run.args.batch_size } : this.args;
    const rigged = { hooks, notice, signal, resume: from?.run ?? null, kernels: repeated, team };
    const rig = await openRig(given, data, rigged);
    const { device, learner, learning, kernels, batchSize } = rig;
    const args = { ...given, batch_size: batchSize };
    try {
      const runArgs = { format_version: formatVersion, ...args, kernels };
      const profile = trace ? new Profile(device, trace) : null;
      const session = new Session({ args, hooks, notice, folder, team, data, learning, learner, profile });
      this.session = session;
      const start = () => startFrom(args, learner.model, learning.optimizer, notice);
      if (findRate) {
        await start();
        return { status: 'ranged', steps: await session.findRate(signal) };
      }
      if (folder) checkRunRoom(args, learning);
      const started = folder && !from ? await start() : null;
      const first = team.size > 1 ? await sent(team, learning, started, from?.checkpoint ?? null) : null;
      if (from) {
        if (resume && folder) await writeResumed(folder, runArgs);
        await session.restore(from.run, from.checkpoint);
      } else if (first && resume) await session.restore({ rows: [], metrics: null }, first);
      else {
        const begun = await session.begin(started ?? loadCheckpoint(learning, first as RunWeights), signal);
        await folder?.write('manifest.json', toJson(manifestOf(args, data.hashes, device)));
        await folder?.begin(runArgs, begun);
        if (dryRun) return { status: 'tried' };
      }
      const outcome = await session.run(AbortSignal.any([signal, limit].filter((s) => s != null)));
      if (outcome.status === 'interrupted' && limit?.aborted && !signal?.aborted)
        notice(`--max_hours ${args.max_hours} are over`);
      if (folder && profile) await tellProfile(profile, args, { folder, notice }, hooks);
      if (folder && outcome.status === 'finished') await tellReport(folder, notice);
      return outcome;
    } finally {
      device.destroy();
    }
  }
}

/** What ranks are to have read alike. */
const contentsOf = ({ hashes, train, val }: RunData): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(hashes).map(([file, hash]) => [`the content of ${file}`, hash])),
  'the number of training faces': String(train.samples.length),
  'the number of validation faces': String(val.samples.length),
});

/** The state that a run begins or goes on with, as rank 0 has it. @returns null on rank 0 */
async function sent(
  { first, ranks }: Team,
  learning: Learning,
  started: Progress | null,
  checkpoint: RunWeights | null,
): Promise<RunWeights | null> {
  const own = async (): Promise<Uint8Array> =>
    checkpoint
      ? readFileSync(checkpoint.file)
      : encodeCheckpoint(await readLearning(learning), started as Progress, { rows: [], metrics: null });
  const [bytes] = await ranks.gather(first ? await own() : new Uint8Array());
  if (first) return null;
  const file = "rank 0's checkpoint";
  return { file, ...readSafetensors(Buffer.from(bytes), file) };
}

/** Writes profile.json and trace.json, and tells the table. Peaks are measured on a device of their own, whose memory goes with it. */
async function tellProfile(
  profile: Profile,
  { gpu }: TrainArgs,
  { folder, notice }: Pick<Opened, 'notice'> & { readonly folder: RunFolder },
  hooks: TrainHooks,
): Promise<void> {
  const device = await openDevice({ gpu: gpu ?? undefined });
  hooks.onDevice?.(device);
  try {
    const peaks = await measurePeaks(device);
    for (const line of profile.report(peaks)) notice(line);
    const ops = profile.opsJson(peaks);
    if (ops) await folder.write('profile.json', ops);
  } finally {
    device.destroy();
  }
  const trace = profile.traceJson();
  if (!trace) return;
  await folder.write('trace.json', trace);
  notice(`${folder.path('trace.json')}: open it at https://ui.perfetto.dev or chrome://tracing`);
}

/** Writes report.html. A program that was bundled without the page has none to write. */
async function tellReport(folder: RunFolder, notice: (line: string) => void): Promise<void> {
  try {
    await writeReport(folder);
  } catch (error) {
    if (!(error instanceof NoPage)) throw error;
    notice(error.message);
  }
}
