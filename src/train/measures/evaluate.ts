import { orAborted } from '../../base/abort';
import {
  CropPool,
  CropSet,
  describeBad,
  hasValenceArousal,
  Loader,
  layoutOf,
  loadEmbedding,
  nodesOf,
  readAnnotations,
  withValenceArousal,
} from '../../data';
import { type Align, canvasOf } from '../../data/face';
import type { Device } from '../../device';
import { openDevice } from '../../device/node';
import { buildModel, type EmotionModel } from '../../models';
import { ALONE, type Ranks } from '../../ranks/ranks';
import type { TrainHooks } from '../loop/events';
import { Learner } from '../loop/learner';
import { cropSettings, validationOf } from '../loop/run_data';
import { addTo, meansOf, newTally } from '../loop/tally';
import { Team } from '../loop/team';
import { loadWeights } from '../run/checkpoint';
import { type Run, readWeights, weightsFile } from '../run/read_run';
import { bootstrap } from './bootstrap';
import { evaluateAll } from './evaluate_all';
import type { Evaluation, Tta } from './evaluation';
import { checkScores } from './finite';
import { computeMetrics } from './metrics';
import { withMirror } from './mirror';
import { perVideo } from './per_video';
import { formatPredictions } from './predictions';
import { sameQuestion } from './same_question';

export interface EvaluateSettings {
  /** null: the pictures lie with the annotations. */
  readonly image_dir: string | null;
  /** Annotations; of those with two parts the validation part. */
  readonly data: string;
  /** As the settings of training; null or undefined: the run's. */
  readonly columns?: string | null;
  readonly align?: Align | null;
  /** flip: scores are means over a picture and its mirror image. Default off. */
  readonly tta?: Tta;
  readonly workers: number;
  readonly batch_size: number;
  readonly max_bad: number;
  readonly gpu: string | null;
  readonly cache: string | null;
  /** As in TrainArgs. */
  readonly cache_limit?: number | null;
  readonly verify?: boolean;
  /** Processes that share the batches, each of which calls this with the same settings, and gets the same. */
  readonly ranks?: Ranks;
}

/** Opens the network of a run with its best weights, or those that it was given. */
export async function openRunModel(
  device: Device,
  run: Run,
): Promise<{ model: EmotionModel; embedding: Float32Array | null }> {
  const { args, dir, given } = run;
  const gcn = args.model === 'emotion_gcn';
  const nodes = nodesOf(args.classes);
  // The label graph comes with the weights.
  const model = buildModel(device, { ...args, imageSize: args.image_size, classes: args.classes.length });
  if (given) model.loadStateDict(given.state, given.file);
  else loadWeights(model, readWeights(run, 'best'));
  if (!gcn) return { model, embedding: null };
  return { model, embedding: given?.embedding ?? (await loadEmbedding(`${dir}/emb.safetensors`, nodes)) };
}

/**
 * The metrics of a run's best weights on an annotation file.
 * @throws InputError for a run or files that cannot be used; the signal's reason once that is aborted
 * @example
 * const places = { image_dir: 'faces', data: 'faces/validation.csv', cache: 'off', gpu: null };
 * const { metrics } = await evaluate(readRun('run1'), { ...places, workers: 1, batch_size: 7, max_bad: 0 });
 * metrics.samples; // 7
 */
export async function evaluate(
  run: Run,
  settings: EvaluateSettings,
  hooks: TrainHooks = {},
  signal?: AbortSignal,
): Promise<Evaluation> {
  const notice = (line: string): void => hooks.onNotice?.(line);
  const { dataset, classes, model: kind } = run.args;
  if (!run.given) weightsFile(run, 'best');
  const options = {
    dataset,
    classes,
    imageDir: settings.image_dir,
    columns: settings.columns ?? run.args.columns,
    align: settings.align ?? run.args.align,
  };
  const keeping = { cache: settings.cache ?? null, verify: settings.verify };
  const annotations = await orAborted(readAnnotations(settings.data, options, keeping), signal);
  const read = validationOf(annotations);
  const measured = kind !== 'single_task' && read.samples.some(hasValenceArousal);
  const set = measured ? withValenceArousal(read, kind) : read;
  if (kind !== 'single_task' && !measured)
    notice(`${set.file}: no valence and arousal: expressions alone are measured`);
  const pool = new CropPool({
    size: run.args.image_size,
    canvas: canvasOf(options.align),
    ...cropSettings(settings),
    faces: set.samples.length,
    say: notice,
  });
  let device: Device | null = null;
  try {
    const { bad: badRows, root, samples } = set;
    const of = { samples, root: root as string, badRows, maxBad: settings.max_bad, say: notice };
    const crops = new CropSet(pool, of);
    for (const item of badRows) notice(`left out: ${describeBad(item)}`);
    const opening = openDevice({ gpu: settings.gpu ?? undefined, say: notice });
    device = await orAborted(opening, signal, (late) => late.destroy());
    hooks.onDevice?.(device);
    const { model, embedding } = await openRunModel(device, run);
    const learner = new Learner(device, model, { embedding, loss: null });
    const loader = new Loader(crops, { batchSize: settings.batch_size, seed: 0, shuffle: false, augment: null });
    const tally = newTally();
    const start = performance.now();
    const { tta = 'off', batch_size, ranks = ALONE } = settings;
    const shared = { '--batch_size': `${batch_size}`, '--tta': tta, 'the annotations': annotations.hash };
    await sameQuestion(ranks, run, shared);
    const team = new Team(ranks);
    team.signal = signal;
    const asked = tta === 'flip' ? withMirror(learner, classes.length) : learner;
    const found = await evaluateAll(team.looks(asked, loader), classes, (result, { rows }) => {
      if (team.stopped) throw team.reason;
      checkScores(
        run,
        result,
        Array.from(rows, (row) => crops.samples.imageAt(row)),
      );
      addTo(tally, result);
      hooks.onStep?.({
        phase: 'validate',
        epoch: 1,
        epochs: 1,
        step: tally.steps,
        steps: loader.steps,
        ...meansOf(tally),
        ...{ batchLoss: null, lr: null, best: null },
        imagesPerSecond: (1000 * tally.samples) / (performance.now() - start),
        bytes: (device as Device).stats().peak,
      });
    });
    const untrained = run.given ? undefined : run.metrics?.untrained;
    const predictions = { ...found, untrained };
    return {
      metrics: computeMetrics(predictions),
      intervals: bootstrap(predictions),
      videos: dataset === 'affwild2' ? perVideo(crops.samples, predictions) : null,
      measured: {
        file: set.file,
        layout: (await layoutOf(settings.data)).name,
        hash: annotations.hash,
        rows: set.rows,
        samples: predictions.rows.length,
        classes,
        tta,
      },
      predictions: formatPredictions(crops.samples, predictions),
    };
  } finally {
    await pool.close();
    device?.destroy();
  }
}
