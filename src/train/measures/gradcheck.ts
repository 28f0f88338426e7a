// The gradients of a run's network on some of its own faces.
import { orAborted } from '../../base/abort';
import { InputError } from '../../base/errors';
import { type Batch, Loader } from '../../data';
import { openDevice } from '../../device/node';
import type { TrainHooks } from '../loop/events';
import { Learner } from '../loop/learner';
import { openRunData } from '../loop/run_data';
import type { Run } from '../run/read_run';
import { RunFolder } from '../run/run_folder';
import type { TrainArgs } from '../settings/args';
import { checkInputs } from '../settings/places';
import { openRunModel } from './evaluate';
import { checkNetwork, type GradientCheck } from './network_gradients';

/** Faces that differences are taken on: two evaluations for each number. */
const FEW = 3;

/**
 * `checkNetwork` of a run's best weights with its own loss, on the first training faces of an epoch as they are, in f32.
 * @param faces how many; with valence and arousal two or more
 * @throws InputError for a run without weights, or data that are not where it had them; the signal's reason
 */
export async function gradcheckRun(
  run: Run,
  { samples, faces, ...moved }: { readonly samples: number; readonly faces: number } & Partial<TrainArgs>,
  hooks: Pick<TrainHooks, 'onNotice' | 'onDevice'> & { readonly onProgress?: (done: number, total: number) => void },
  signal?: AbortSignal,
): Promise<GradientCheck> {
  const notice = (line: string): void => hooks.onNotice?.(line);
  const args = { ...run.args, ...moved };
  // What else it started from it keeps itself.
  checkInputs({ ...args, pretrained: null, checkpoint: null, emb: null });
  const data = await openRunData(args, RunFolder.open(run), {}, () => {}, {
    signal,
    formatVersion: run.args.format_version,
  });
  try {
    const opening = openDevice({ gpu: args.gpu ?? undefined, say: notice });
    const device = await orAborted(opening, signal, (late) => late.destroy());
    try {
      hooks.onDevice?.(device);
      const { model, embedding } = await openRunModel(device, run);
      if (args.freeze_backbone) for (const m of model.backbone) m.freeze();
      const { lambda_multi: lambda, label_smoothing: labelSmoothing } = args;
      const loss = { classWeights: data.classWeights, lambda, labelSmoothing };
      const learner = new Learner(device, model, { embedding, loss });
      const order = { seed: args.seed, augment: null, replace: true };
      const first = async (faces: number): Promise<Batch> => {
        const batchSize = Math.min(faces, data.train.samples.length);
        for await (const batch of new Loader(data.train, { batchSize, ...order }).epoch(0)) return batch;
        throw new InputError(`${args.data}: no face to look at`);
      };
      return await checkNetwork(learner, await first(faces), await first(Math.min(faces, FEW)), {
        ...{ samples, seed: args.seed, loss, signal },
        onProgress: hooks.onProgress,
      });
    } finally {
      device.destroy();
    }
  } finally {
    await data.close();
  }
}
