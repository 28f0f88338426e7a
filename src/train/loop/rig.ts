// The one door to all of a run that lives on a device: a device that is lost takes it along, and it is made anew.
import { Ema } from '../../autograd';
import { orAborted } from '../../base/abort';
import { THREAD_BYTES } from '../../data/crops/crop_pool';
import type { Device } from '../../device';
import { type MemoryGrant, memoryGrant, openDevice } from '../../device/node';
import { choose, type TileTable, useTiles } from '../../kernels/variant';
import { buildModel } from '../../models';
import { sameOnAll } from '../../ranks/agree';
import { sharedDevices } from '../../ranks/devices';
import { bytesOf, type Learning } from '../run/checkpoint';
import type { Run } from '../run/read_run';
import type { TrainArgs } from '../settings/args';
import type { TrainHooks } from './events';
import { viewsOf } from './features';
import { fitMemory } from './fit_memory';
import { Learner } from './learner';
import { augmentationOf } from './loaders';
import { makeOptimizer } from './optimizer';
import type { RunData } from './run_data';
import type { Team } from './team';
import { chooseKernels } from './tuning';

export interface RigOptions {
  readonly hooks: TrainHooks;
  readonly notice: (line: string) => void;
  /** The run that goes on: it keeps its kernels. */
  readonly resume: Run | null;
  /** Tiles of a run that is repeated, or of a device before this one. */
  readonly kernels?: TileTable;
  readonly signal?: AbortSignal;
  /** Who trains together. */
  readonly team: Team;
}

/** A device with the network of a run, its optimizer and the data that stay there. */
export interface Rig {
  readonly device: Device;
  readonly learning: Learning;
  readonly learner: Learner;
  /** Tiles that the matrix kernels use. */
  readonly kernels: TileTable;
  /** Images a step: what `--batch_size` says, or chose. */
  readonly batchSize: number;
}

/**
 * Opens a device and makes all that a run has there, with weights by the run's seed and every kernel compiled.
 * @throws InputError for a step that does not fit, or tiles that this adapter lacks; the signal's reason
 */
export async function openRig(args: TrainArgs, data: RunData, options: RigOptions): Promise<Rig> {
  const { hooks, notice, resume, signal, team } = options;
  const opening = openDevice({ gpu: args.gpu ?? undefined, say: notice });
  const device = await orAborted(opening, signal, (late) => late.destroy());
  try {
    hooks.onDevice?.(device);
    const { vendor, architecture, device: name, description } = device.info;
    const features = [...device.features].sort().join(' ');
    await sameOnAll(team.ranks, { adapter: [vendor, architecture, name, description].join(' '), features });
    notice(
      `adapter: ${device.info.description || device.info.device}, ${choose(device).variant} kernels, ${args.precision} activations`,
    );
    for (const line of await sharedDevices(team.ranks, device.info)) notice(line);
    const model = buildModel(device, {
      ...args,
      imageSize: args.image_size,
      classes: args.classes.length,
      A: data.graph?.A,
    }).initialise(args.seed);
    const optimizer = makeOptimizer(model, args);
    const ema = args.ema > 0 ? new Ema(optimizer, args.ema) : null;
    const learner = new Learner(device, model, {
      embedding: data.graph?.embedding ?? null,
      loss: {
        classWeights: data.classWeights,
        lambda: args.lambda_multi,
        labelSmoothing: args.label_smoothing,
      },
      precision: args.precision,
      clipGradNorm: args.clip_grad_norm,
      onNan: args.on_nan,
    });
    const augment = augmentationOf(args);
    const kept = viewsOf(args, augment, data.train.samples.length, model.width) !== null;
    const whole = { ema, augment, kept, together: team.size > 1 };
    const memoryOf = (n: number, batches: number) =>
      learner.memoryOfTraining(n, args.image_size, optimizer, { ...whole, batches });
    const learning = { model, optimizer, ema, scaler: learner.scaler };
    const grant = device.software ? shared(memoryGrant(), team.ranks.local.size) : null;
    const reserved = bytesOf(learning).checkpoint;
    const stepOf = (n: number) => memoryOf(n, args.grad_accum_steps);
    const fitting = await fitMemory(device, args, stepOf, notice, {
      ...{ images: data.train.samples.length, reserved, grant },
    });
    const batchSize = Math.min(...(await team.ofAll(fitting)));
    if (batchSize < fitting) notice(`--batch_size auto: ${batchSize} images, the most that every rank has room for`);
    // One thread is among what the grant leaves for all else.
    if (grant) data.limitThreads(1 + Math.floor((grant.bytes - reserved - stepOf(batchSize)) / THREAD_BYTES));
    // The third batch of a group has the kernels of the second.
    const step = () => memoryOf(batchSize, Math.min(args.grad_accum_steps, 2));
    const kernels = await chooseTogether(team, device, () =>
      orAborted(chooseKernels(device, args.tune, resume, step, notice, options.kernels), signal),
    );
    step();
    await orAborted(device.prepare(), signal);
    if (team.size > 1) await team.learn(learner, learner.leavingsOf(batchSize, args.image_size, optimizer, whole));
    return { device, learner, learning, kernels, batchSize };
  } catch (error) {
    device.destroy();
    throw error;
  }
}

/** The tiles that rank 0 chooses are everybody's: others would add in another order. */
async function chooseTogether(team: Team, device: Device, choose: () => Promise<TileTable>): Promise<TileTable> {
  const tiles = await team.fromFirst(team.first ? await choose() : null);
  if (!team.first) useTiles(device, tiles);
  return tiles;
}

/** What of a machine's memory is for each of the processes on it. */
const shared = (grant: MemoryGrant, processes: number): MemoryGrant =>
  processes === 1
    ? grant
    : { ...grant, bytes: grant.bytes / processes, by: `${grant.by}, for each of ${processes} ranks` };
