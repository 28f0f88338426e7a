import { orAborted } from '../../base/abort';
import { InputError } from '../../base/errors';
import type { RgbImage } from '../../base/pixels/rgb_image';
import { decodeToFind, type ListedPicture, readPicture, type SmallerImage } from '../../data';
import { openFaceFinder } from '../../data/found_face';
import type { Device } from '../../device';
import { openDevice } from '../../device/node';
import type { FaceFinder, FoundFace } from '../../faces/finder';
import { ALONE, type Ranks } from '../../ranks/ranks';
import { type Run, weightsFile } from '../run/read_run';
import { Budget } from './budget';
import type { FacePrediction, Faces } from './face_prediction';
import { type Look, lookOf, openLearner, type Said } from './look';
import { readFaces, type SeenPicture } from './picture_faces';
import { type Done, groupsOf, type PictureGroup, remaining } from './picture_groups';
import { inRounds } from './picture_rounds';
import { sameQuestion } from './same_question';

/** A picture that was looked at. */
export interface LookedAt {
  readonly file: string;
  /** Of a frame of a video: seconds from its start; null: a photograph. */
  readonly time: number | null;
  /** Its pixels; of a very large one fewer. */
  read(): Promise<SmallerImage>;
}

/** A prediction, with what else was asked of its face. */
export type Looked<More> = FacePrediction & Partial<More>;

/** Settings of `predict`. */
export interface PredictSettings<More = unknown> {
  /** Adapter, as in TrainArgs. */
  readonly gpu?: string | null;
  /** Where the paths in lists start; null: the list's folder. */
  readonly image_dir?: string | null;
  /** Frames a second that are taken of videos; null: all. */
  readonly fps?: number | null;
  /** Which faces of a picture, where none is given by a list; default all. none: the picture is the face. */
  readonly faces?: Faces;
  readonly say?: (line: string) => void;
  /** Predictions that are there already, of an earlier run over the same sources: only what follows is given. */
  readonly done?: Done;
  /** Sees each picture with all its predictions, in order, before those that are new are given. */
  readonly onPicture?: (picture: LookedAt, predictions: readonly Looked<More>[]) => Promise<void>;
  /** Ends it early, with its reason. */
  readonly signal?: AbortSignal;
  /** Processes that share the work, each of which calls this with the same sources: what they find is given to rank 0, the others get nothing. */
  readonly ranks?: Ranks;
}

/** What is said of a picture, which has a place in its group. */
interface SeenPredictions<More> {
  readonly place: number;
  readonly predictions: readonly Looked<More>[];
}

/**
 * Predicts expression, valence and arousal of the faces of pictures, in their order, faces from left to right. They are found, levelled by
 * their eyes and cut as AffectNet's are (of a run with --align off only cut), but for those of which a list gives the box. With `faces: 'none'`
 * a picture is one face: of what no box is given the largest centred square is looked at (of a run with --align off, all of it, whatever is given).
 * A picture without a face is a prediction of nulls. Pictures of folders and lists that cannot be used are passed over, and said.
 * Some of those that are `done` are looked at once more: they must be the same.
 * @param sources picture files, videos, folders, lists: see `listPictures`
 * @throws InputError naming a picture or list that cannot be read, or when none can; `done` is of other pictures, another network or other `faces`
 * @example
 * const said: string[] = [];
 * for await (const { image, expression } of predict(readRun('run1'), ['faces/images/validation'], { faces: 'none' }))
 *   said.push(`${image}: ${expression}`);
 * said.length; // 7
 */
export function predict(
  run: Run,
  sources: readonly string[],
  settings: PredictSettings = {},
): AsyncGenerator<FacePrediction> {
  return lookThrough(run, sources, settings, async (device) => lookOf(await openLearner(device, run), run));
}

/**
 * As `predict`, of whatever is asked of faces.
 * @param open is called once the first face is found
 */
export async function* lookThrough<More>(
  run: Run,
  sources: readonly string[],
  settings: PredictSettings<More>,
  open: (device: Device) => Promise<Look<More>>,
): AsyncGenerator<Looked<More>> {
  const { gpu, image_dir = null, fps = null, faces = 'all', say = () => {} } = settings;
  const { done, onPicture, signal, ranks = ALONE } = settings;
  if (!run.given) weightsFile(run, 'best');
  let device: Device | null = null;
  let [finder, look]: [FaceFinder | null, Look<More> | null] = [null, null];
  let [looked, ended] = [0, false];
  const opened = async (): Promise<Device> => {
    device ??= await orAborted(openDevice({ gpu: gpu ?? undefined, say }), signal, (late) => late.destroy());
    return device;
  };
  const finding = new Budget(1);
  const find = (image: RgbImage): Promise<readonly FoundFace[]> =>
    finding.run(1, async () => {
      // Of pictures that are still under way when another has ended it all.
      if (ended) return [];
      finder ??= openFaceFinder(await opened());
      return finder.find(image);
    });
  try {
    await sameQuestion(ranks, run, { '--faces': faces, '--fps': `${fps}` });
    const listed = groupsOf(sources, { imageDir: image_dir, fps, signal }, say);
    const groups = done && ranks.rank === 0 ? remaining(listed, done, faces, say) : listed;
    const lookAt = async (group: PictureGroup, say: (line: string) => void): Promise<SeenPredictions<More>[]> => {
      const all: SeenPredictions<More>[] = [];
      for await (const { seen } of readFaces([group], { ...run.args, faces, find }, say, signal)) {
        signal?.throwIfAborted();
        const shown = seen.flatMap(({ picture: { file }, faces }) => faces.map(({ pixels }) => ({ pixels, file })));
        if (shown.length > 0) look ??= await open(await opened());
        const said = look ? await look(shown) : [];
        for (const one of seen)
          all.push({ place: one.place, predictions: predictionsOf(one, said.splice(0, one.faces.length)) });
      }
      return all;
    };
    for await (const { group, found } of inRounds(ranks, groups, lookAt, say, signal)) {
      const { pictures, known, first } = group;
      for (const { place, predictions } of found) {
        looked++;
        const before = known.get(place) ?? [];
        if (done) checkSame(before, predictions, place < first, done.file);
        if (place < first || predictions.length === before.length) continue;
        await onPicture?.(lookedAt(pictures[place]), predictions);
        yield* predictions.slice(before.length);
      }
    }
    if (looked === 0 && ranks.rank === 0)
      throw new InputError(`none of the pictures in ${sources.join(', ')} can be used`);
  } finally {
    ended = true;
    (device as Device | null)?.destroy();
  }
}

const NOTHING = { expression: null, probabilities: null, valence: null, arousal: null };

/** @param said of its faces */
function predictionsOf<More>(
  { picture: { file, time }, faces }: SeenPicture,
  said: readonly (Said & More)[],
): Looked<More>[] {
  const of = { image: file, ...(time === null ? {} : { time }) };
  const nobody: FacePrediction = { ...of, face: null, ...NOTHING, box: null, landmarks: null, score: null };
  if (faces.length === 0) return [nobody as Looked<More>];
  return faces.map(({ place: { face, ...place } }, i) => ({
    ...of,
    ...(face === undefined ? {} : { face }),
    ...said[i],
    ...place,
  }));
}

const lookedAt = ({ file, time, path, root, frame }: ListedPicture): LookedAt => ({
  ...{ file, time },
  read: async () => frame ?? decodeToFind(await readPicture(path, root ?? undefined)),
});

/** Numbers of the same network on other adapters differ by less; boxes by less than so many pixels. */
const SAME = 1e-3;
const SAME_BOX = 0.5;

/**
 * @param whole all of the picture was there before
 * @throws InputError if predictions of a picture are not of the same network
 */
function checkSame(
  before: readonly FacePrediction[],
  now: readonly FacePrediction[],
  whole: boolean,
  file: string,
): void {
  const refuse = (what: string, was: unknown, is: unknown): never => {
    throw new InputError(
      `${file}: it was begun with another network, another --faces or other settings: of ${now[0].image} it has ${what} ${was}, ` +
        `now there is ${is}; finish it with those that it was begun with, or give another --out`,
    );
  };
  const numbersOf = ({ face = null, probabilities, valence, arousal, score = null, box }: FacePrediction) => [
    ...Object.entries({ face, ...probabilities, valence, arousal, score }).map(([name, v]) => [name, v, SAME] as const),
    ...(box ?? []).map((v, i) => [`box[${i}]`, v, SAME_BOX] as const),
  ];
  if (before.length > now.length || (whole && before.length > 0 && before.length < now.length))
    refuse('faces', before.length, now.length);
  for (const [i, prediction] of before.entries()) {
    const found = numbersOf(now[i]);
    for (const [k, [name, was, most]] of numbersOf(prediction).entries()) {
      const is = found[k]?.[1] ?? null;
      if (was === is || (was !== null && is !== null && Math.abs(was - is) <= most)) continue;
      refuse(name, was, is);
    }
  }
}
