// A run's epochs on a device that computes nothing: what is decided around them, in milliseconds.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CropSet } from '../../src/data';
import { buildModel } from '../../src/models';
import { ALONE } from '../../src/ranks/ranks';
import type { TrainHooks } from '../../src/train/loop/events';
import { type BatchResult, Learner } from '../../src/train/loop/learner';
import { makeOptimizer } from '../../src/train/loop/optimizer';
import { Session } from '../../src/train/loop/session';
import { Team } from '../../src/train/loop/team';
import { newProgress } from '../../src/train/run/checkpoint';
import { FORMAT_VERSION } from '../../src/train/run/format';
import { readRun, readWeights } from '../../src/train/run/read_run';
import { RunFolder } from '../../src/train/run/run_folder';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';
import { labelled } from '../data/labelled';
import { type MockGpu, type MockOptions, mockDevice } from '../mock_gpu';

const CLASSES = ['Neutral', 'Happy', 'Sad', 'Surprise', 'Fear', 'Disgust', 'Anger'];
export const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-mock-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

/** `n` black faces. */
function crops(n: number, size: number): CropSet {
  const samples = labelled(Array.from({ length: n }, (_, i) => i % 7));
  const read = async (rows: ArrayLike<number>) => Array.from(rows, () => true);
  const bytes = size * size * 3;
  const more = { bytes, views: null, ahead: 1, mayBeBad: 0, leftOut: [] };
  return { size, samples, ...more, read, recall: async () => {} } as unknown as CropSet;
}

export interface MockRun {
  readonly session: Session;
  readonly learner: Learner;
  readonly gpu: MockGpu;
  readonly notices: string[];
}

/**
 * A run of a small network on 8 faces, two a batch, ready to begin or, if it is there, to go on.
 * @param validated what validation finds, in place of what the device does not compute: epoch after epoch
 */
export async function mockRun(
  name: string,
  more: Partial<TrainArgs> = {},
  {
    hooks = {},
    validated,
    ...options
  }: MockOptions & { hooks?: TrainHooks; validated?: readonly Partial<BatchResult>[] } = {},
): Promise<MockRun> {
  const saved_model = join(dir, name);
  const args = readTrainArgs({
    ...{ image_dir: dir, data: 'none.csv', network: 'bregnext', model: 'multi_task', image_size: 16, batch_size: 2 },
    ...{ class_weights: 'none', saved_model },
    ...more,
  });
  const { device, gpu } = await mockDevice(options);
  const model = buildModel(device, { ...args, imageSize: 16, classes: 7 }).initialise(args.seed);
  const optimizer = makeOptimizer(model, args);
  const loss = { classWeights: new Float32Array(7).fill(1), lambda: 1 };
  const learner = new Learner(device, model, { embedding: null, loss });
  const notices: string[] = [];
  const there = (() => {
    try {
      return readRun(saved_model);
    } catch {
      return null;
    }
  })();
  const folder = there ? RunFolder.resume(there) : RunFolder.create(saved_model);
  const session = new Session({
    args,
    hooks,
    notice: (line) => void notices.push(line),
    folder,
    team: new Team(ALONE),
    // All of the validation set is one batch.
    data: {
      train: crops(8, 16),
      val: crops(2, 16),
      classWeights: loss.classWeights,
      untrained: [],
      graph: null,
      hashes: {},
      limitThreads: () => {},
      close: async () => {},
    },
    learning: { model, optimizer, ema: null, scaler: null },
    learner,
    profile: null,
  });
  if (there) await session.restore(there, readWeights(there, 'last'));
  else
    await folder.begin(
      { format_version: FORMAT_VERSION, ...args, classes: CLASSES, kernels: {} },
      await session.begin(newProgress()),
    );
  let epoch = 0;
  if (validated)
    learner.evaluate = async (batch) => {
      const va = Float32Array.from(batch.va, (_, i) => i / 8);
      const labels = [...batch.labels];
      const right = {
        loss: 1,
        cat: 1,
        cont: 0,
        labels,
        predicted: labels,
        logits: new Float32Array(7 * labels.length),
        va,
        refused: false,
      };
      return { ...right, ...validated[epoch++] };
    };
  const run = session.run.bind(session);
  session.run = (signal) => run(signal).finally(() => folder.close());
  return { session, learner, gpu, notices };
}
