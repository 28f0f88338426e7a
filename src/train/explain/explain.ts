// Why a network says what it says of a face.
import { InputError } from '../../base/errors';
import type { RgbImage } from '../../base/pixels/rgb_image';
import { loadEmbedding, nodesOf } from '../../data';
import { changesOf } from '../../data/augment';
import { stateOf } from '../../formats/weights';
import { classifierContributions, type GradCamTarget } from '../../models';
import { type Look, lookOf, openLearner } from '../measures/look';
import { type Looked, type LookedAt, lookThrough, type PredictSettings } from '../measures/predict';
import { type Run, readWeights } from '../run/read_run';
import { type FoundNeighbour, type Neighbour, ValidationFaces } from './validation_faces';

/** What in a face raises one number that the network gives of it: Grad-CAM, see `gradCam`. */
export interface FaceMap {
  /** A class's name, valence or arousal. */
  readonly of: string;
  /** The class's score before softmax, valence or arousal. */
  readonly score: number;
  /** Side of the map. */
  readonly size: number;
  /** size x size numbers of [0, 1], row by row; all 0 where nothing raises the score. */
  readonly map: Float32Array;
  /** Where it is 1, in pixels of the face: the middle of that place; null: it is all 0. */
  readonly peak: readonly [x: number, y: number] | null;
}

/** What explains a face's prediction. */
export interface Explanation {
  /** The face as the network sees it. */
  readonly crop: RgbImage;
  /** Of the likeliest class, or the one that is asked for; then, where the model has them, of valence and arousal. */
  readonly maps: readonly FaceMap[];
  /** The validation faces of the run with the most similar features, nearest first; null: they are not there, or not asked for. */
  readonly neighbours: readonly Neighbour[] | null;
}

/** A prediction with what explains it; of a picture without a face, without. */
export type FaceExplanation = Looked<Explanation>;

/** A face that was explained, with the pictures of its neighbours. */
export interface ExplainedFace {
  readonly row: FaceExplanation & Explanation;
  /** In their order; null: it cannot be read any more. */
  readonly pictures: readonly (RgbImage | null)[];
}

/** Settings of `explain`: as those of `predict`, and its own. */
export interface ExplainSettings extends Omit<PredictSettings, 'done' | 'onPicture'> {
  /** The class whose map is wanted; default: of each face the likeliest. */
  readonly target?: string | null;
  /** How many validation faces; default 5. */
  readonly neighbours?: number;
  /** Hears of the features of validation faces as they are computed. */
  readonly onFeatures?: (done: number, total: number) => void;
  /** Sees each picture with its faces before they are given. */
  readonly onPicture?: (picture: LookedAt, faces: readonly ExplainedFace[]) => Promise<void>;
}

/**
 * Predicts as `predict` does, and tells of each face why: which parts of it raise the scores (Grad-CAM) and which validation faces of the run
 * the network takes for most like it. Nearness is that of features, by the cosine of their angle.
 * @param sources picture files, videos, folders, lists, as of `predict`
 * @throws InputError as `predict`, or when the model has no class `target`
 * @example
 * for await (const face of explain(readRun('run1'), ['faces/images/validation/00000.jpg'], { faces: 'none', neighbours: 2 })) {
 *   console.log(`${face.expression}, most at ${face.maps?.[0].peak}; like ${face.neighbours?.map(({ image }) => image)}`);
 *   face.neighbours?.length; // 2
 *   face.maps?.map(({ size }) => size); // [2]
 * }
 */
export async function* explain(
  run: Run,
  sources: readonly string[],
  settings: ExplainSettings = {},
): AsyncGenerator<FaceExplanation> {
  const { target = null, neighbours = 5, onFeatures, onPicture, say = () => {}, signal } = settings;
  const { classes, model, image_size: size } = run.args;
  if (target !== null && !classes.includes(target))
    throw new InputError(`target expects a class of the network: ${classes.join(', ')}; found ${target}`);
  const dimensions = model === 'single_task' ? [] : (['valence', 'arousal'] as const);
  const opened: { faces: ValidationFaces | null } = { faces: null };
  const open = async (device: Parameters<typeof openLearner>[0]): Promise<Look<Explanation>> => {
    const learner = await openLearner(device, run);
    const look = lookOf(learner, run);
    if (neighbours > 0) opened.faces = await ValidationFaces.open(run, learner, { say, onFeatures, signal });
    return async (faces) => {
      const said = await look(faces);
      const all = [];
      for (const [i, one] of said.entries()) {
        signal?.throwIfAborted();
        const data = faces[i].pixels;
        const name = target ?? (one.expression as string);
        const of: readonly [string, GradCamTarget][] = [
          [name, { class: classes.indexOf(name) }],
          ...dimensions.map((name): [string, GradCamTarget] => [name, name]),
        ];
        const changes = changesOf(null, new Uint32Array(1), size, { seed: 0, epoch: 0, step: 0 });
        const { features, maps } = await learner.explain(
          { images: data, ...changes },
          of.map(([, target]) => target),
        );
        all.push({
          ...one,
          crop: { width: size, height: size, data },
          maps: maps.map((map, m) => ({ of: of[m][0], ...map, peak: peakOf(map.map, map.size, size) })),
          neighbours: opened.faces?.nearest(features, neighbours) ?? null,
        });
      }
      return all;
    };
  };
  const picturesOf = async (row: Explanation): Promise<ExplainedFace['pictures']> => {
    const rows = (row.neighbours ?? []).map((neighbour) => (neighbour as FoundNeighbour).row);
    const pictures = await opened.faces?.pictures(rows);
    return pictures?.map((data) => data && { width: size, height: size, data }) ?? [];
  };
  const see = async (picture: LookedAt, rows: readonly FaceExplanation[]): Promise<void> => {
    const explained = rows.filter((row): row is ExplainedFace['row'] => row.maps !== undefined);
    await onPicture?.(
      picture,
      await Promise.all(explained.map(async (row) => ({ row, pictures: await picturesOf(row) }))),
    );
  };
  try {
    yield* lookThrough(run, sources, { ...settings, onPicture: see }, open);
  } finally {
    await opened.faces?.close();
  }
}

function peakOf(map: Float32Array, size: number, pixels: number): [x: number, y: number] | null {
  const at = map.indexOf(1);
  if (at < 0) return null;
  const middle = (place: number): number => ((place + 0.5) * pixels) / size;
  return [middle(at % size), middle(Math.floor(at / size))];
}

/** What the classifiers of emotion_gcn lean on. */
export interface Leaning {
  /** Classes, valence, arousal. */
  readonly nodes: readonly string[];
  /** Row i: how much of node i's classifier comes from each node, itself included; a row adds up to 1. See `classifierContributions`. */
  readonly share: readonly (readonly number[])[];
}

/**
 * What each label's classifier leans on in the graph; null for a model without one.
 * @throws InputError for weights or word vectors that cannot be read
 * @example
 * await leaning(readRun('run1')); // null
 */
export async function leaning(run: Run): Promise<Leaning | null> {
  const { args, given, dir } = run;
  if (args.model !== 'emotion_gcn') return null;
  const nodes = nodesOf(args.classes);
  const state = given?.state ?? weightsOf(run);
  const embedding = given?.embedding ?? (await loadEmbedding(`${dir}/emb.safetensors`, nodes));
  const numbers = (name: string): Float32Array => Float32Array.from(state.get(name)?.data as ArrayLike<number>);
  const { share } = classifierContributions(
    { A: numbers('A'), gc1: numbers('gc1.weight'), gc2: numbers('gc2.weight'), embedding },
    nodes.length,
  );
  return { nodes, share: nodes.map((_, i) => share.slice(i * nodes.length, (i + 1) * nodes.length)) };
}

function weightsOf(run: Run) {
  const { tensors, file } = readWeights(run, 'best');
  return stateOf(tensors, file);
}
