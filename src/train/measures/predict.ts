import { orAborted } from '../../base/abort';
import { InputError } from '../../base/errors';
import type { RgbImage } from '../../base/pixels/rgb_image';
import {
  decodeImage,
  headerOf,
  ImageError,
  type ListedPicture,
  type ListSettings,
  listPictures,
  MAX_PIXELS,
  prepareFace,
  prepareKnown,
  readPicture,
} from '../../data';
import { changesOf } from '../../data/augment';
import type { Device } from '../../device';
import { openDevice } from '../../device/node';
import { type BatchResult, Learner } from '../loop/learner';
import { type Run, type RunArgs, weightsFile } from '../run/read_run';
import { Budget } from './budget';
import { openRunModel } from './evaluate';
import { checkScores } from './finite';

/** What a run's network says of one face; of a picture without one, all but `image` and `time` is null. */
export interface FacePrediction {
  readonly image: string;
  /** Only of frames of a video: seconds from its start. */
  readonly time?: number;
  /** Where faces are looked for: from 0, left to right; null: the picture has none. */
  readonly face?: number | null;
  /** The likeliest class. */
  readonly expression: string | null;
  readonly probabilities: Record<string, number> | null;
  /** null where the model has none. */
  readonly valence: number | null;
  readonly arousal: number | null;
  /** With `face`: left, top, width, height in pixels of the picture as it is shown, as the detector or the list gives them. */
  readonly box?: readonly [number, number, number, number] | null;
  /** With `face`: 68 points [x, y]; null: of a given box none are known. */
  readonly landmarks?: readonly (readonly [number, number])[] | null;
  /** With `face`: how sure the detector is, above 0.5, to 1; null: the box was given. */
  readonly score?: number | null;
}

/** A picture that was looked at. */
export interface LookedAt {
  readonly file: string;
  /** Of a frame of a video: seconds from its start. */
  readonly time: number | null;
  /** Its pixels. */
  read(): Promise<RgbImage>;
}

const AT_ONCE = 32;

/** Files that are read at once: as many threads as Node decodes in. */
const FILES_AT_ONCE = 4;

/** Settings of `predict`. */
export interface PredictSettings {
  /** Adapter, as in TrainArgs. */
  readonly gpu?: string | null;
  /** Where the paths in lists start; null: the list's folder. */
  readonly image_dir?: string | null;
  /** Frames a second that are taken of videos; null: all. */
  readonly fps?: number | null;
  readonly say?: (line: string) => void;
  /** Predictions that are there already, of an earlier run over the same sources: only what follows is given. */
  readonly done?: { readonly rows: AsyncIterable<FacePrediction>; readonly file: string };
  /** Ends it early, with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Predicts expression, valence and arousal of pictures of faces, in their order; of a picture of which no face box is known the largest
 * centred square is looked at (of a run with --align off, all of it, whatever is known). Pictures of folders and lists that cannot be used are passed over, and said.
 * Some of those that are `done` are looked at once more: they must be the same.
 * @param sources picture files, folders, lists: see `listPictures`
 * @throws InputError naming a picture or list that cannot be read, or when none can; `done` is of other pictures or another network
 */
export async function* predict(
  run: Run,
  sources: readonly string[],
  { gpu = null, image_dir = null, fps = null, say = () => {}, done, signal }: PredictSettings = {},
): AsyncGenerator<FacePrediction> {
  const { classes } = run.args;
  if (!run.given) weightsFile(run, 'best');
  let device: Device | null = null;
  let looked = 0;
  try {
    let look: Look | null = null;
    const listed = groupsOf(sources, { imageDir: image_dir, fps, signal }, say);
    const groups = done ? remaining(listed, done, say) : listed;
    for await (const { faces, known, first } of readFaces(groups, run.args, say, signal)) {
      signal?.throwIfAborted();
      device ??= await orAborted(openDevice({ gpu: gpu ?? undefined, say }), signal, (late) => late.destroy());
      look ??= await openLook(device, run);
      const { logits, predicted, va } = await look(faces);
      for (const [i, { file, place }] of faces.entries()) {
        const p = softmax(logits.subarray(i * classes.length, (i + 1) * classes.length));
        const prediction = {
          image: file,
          expression: classes[predicted[i]],
          probabilities: Object.fromEntries(classes.map((name, c) => [name, p[c]])),
          valence: va ? va[2 * i] : null,
          arousal: va ? va[2 * i + 1] : null,
        };
        looked++;
        const before = known.get(place);
        if (before) checkSame(before, prediction, done?.file ?? '');
        if (place >= first) yield prediction;
      }
    }
    if (looked === 0) throw new InputError(`none of the pictures in ${sources.join(', ')} can be used`);
  } finally {
    device?.destroy();
  }
}

/** Numbers of the same network on other adapters differ by less. */
const SAME = 1e-3;

/** @throws InputError if two predictions of a picture are not of the same network */
function checkSame(before: FacePrediction, now: FacePrediction, file: string): void {
  const numbers = ({ probabilities, valence, arousal }: FacePrediction) => [
    ...Object.entries(probabilities ?? {}),
    ...Object.entries({ valence, arousal }),
  ];
  const found = numbers(now);
  for (const [i, [name, was]] of numbers(before).entries()) {
    const is = found[i][1];
    if (was === is || (was !== null && is !== null && Math.abs(was - is) <= SAME)) continue;
    throw new InputError(
      `${file}: it was begun with another network or other settings: of ${now.image} it has ${name} ${was}, this network gives ${is}; ` +
        'finish it with the network that it was begun with, or give another --out',
    );
  }
}

/** What the network says of some faces, each size x size x 3 bytes of RGB. */
type Look = (faces: readonly Face[]) => Promise<BatchResult>;

async function openLook(device: Device, run: Run): Promise<Look> {
  const { image_size: size } = run.args;
  const { model, embedding } = await openRunModel(device, run);
  const learner = new Learner(device, model, { embedding, loss: null });
  return async (faces) => {
    const n = faces.length;
    const rows = new Uint32Array(n);
    const result = await learner.evaluate({
      images: Uint8Array.from(Buffer.concat(faces.map((face) => face.pixels))),
      ...changesOf(null, rows, size, { seed: 0, epoch: 0, step: 0 }),
      labels: new Uint32Array(n),
      va: new Float32Array(n * 2),
      rows,
    });
    const images = faces.map((face) => face.file);
    checkScores(run, result, images);
    return result;
  };
}

/** Softmax: exp(x) / sum of exp(x), without overflow. */
function softmax(scores: Float32Array): number[] {
  const most = Math.max(...scores);
  const shares = Array.from(scores, (x) => Math.exp(x - most));
  const sum = shares.reduce((a, b) => a + b);
  return shares.map((share) => share / sum);
}

interface Face {
  readonly file: string;
  /** In its group. */
  readonly place: number;
  readonly pixels: Uint8Array;
}

/** Pictures that are looked at together. */
interface Group {
  readonly pictures: readonly ListedPicture[];
  /** Predictions that are there already, by place. */
  readonly known: ReadonlyMap<number, FacePrediction>;
  /** Place of the first that is new. */
  readonly first: number;
}

/** The pictures of all sources. */
export async function* groupsOf(
  sources: readonly string[],
  settings: ListSettings,
  say: (line: string) => void,
): AsyncGenerator<Group> {
  let waiting: ListedPicture[] = [];
  const group = (): Group => ({ pictures: waiting, known: new Map(), first: 0 });
  for (const source of sources) {
    for await (const picture of listPictures(source, settings, say)) {
      if (waiting.push(picture) < AT_ONCE) continue;
      yield group();
      waiting = [];
    }
  }
  if (waiting.length > 0) yield group();
}

/**
 * The groups from the last one on of which something is done: looked at once more as a whole, it tells whether the network is the same, and
 * its new pictures get the very numbers that they have in an unbroken run.
 * @throws InputError if what is done is not of the first pictures that could be used
 */
async function* remaining(
  groups: AsyncIterable<Group>,
  { rows, file }: NonNullable<PredictSettings['done']>,
  say: (line: string) => void,
): AsyncGenerator<Group> {
  const there = rows[Symbol.asyncIterator]();
  let row = await there.next();
  let [count, isSaid] = [0, row.done];
  for await (const { pictures } of groups) {
    const known = new Map<number, FacePrediction>();
    let first = 0;
    for (let i = 0; !row.done && i < pictures.length; i++) {
      if (pictures[i].file !== row.value.image) continue;
      known.set(i, row.value);
      first = i + 1;
      count++;
      row = await there.next();
    }
    if (!row.done) continue;
    if (!isSaid) say(`${file} has ${count} predictions; going on behind them`);
    isSaid = true;
    yield { pictures, known, first };
  }
  if (row.done) return;
  throw new InputError(
    `${file}: prediction ${count + 1} is of ${row.value.image}, which does not follow in what is to be looked at: it was begun with other ` +
      'pictures; give those, or another --out',
  );
}

/** Settings of a run by which its faces are prepared. */
type FaceSettings = Pick<RunArgs, 'image_size' | 'align'>;

/** The faces of groups of pictures; no more pictures are decoded at once than the largest one takes. */
export async function* readFaces(
  groups: AsyncIterable<Group>,
  how: FaceSettings,
  say: (line: string) => void,
  signal?: AbortSignal,
): AsyncGenerator<Omit<Group, 'pictures'> & { readonly faces: Face[] }> {
  const files = new Budget(FILES_AT_ONCE);
  const pixels = new Budget(MAX_PIXELS);
  for await (const { pictures, known, first } of groups) {
    const reading = pictures.map((picture, place) => files.run(1, () => readFace(picture, place, how, pixels, say)));
    const faces = await orAborted(Promise.all(reading), signal);
    const usable = faces.filter((face) => face !== null);
    if (usable.length > 0) yield { faces: usable, known, first };
  }
}

async function readFace(
  { file, path, face, root, problem, named }: ListedPicture,
  place: number,
  { image_size: size, align }: FaceSettings,
  budget: Budget,
  say: (line: string) => void,
): Promise<Face | null> {
  try {
    if (problem !== null) throw new ImageError(problem);
    const content = await readPicture(path, root ?? undefined);
    const { width, height } = (await headerOf(content)) ?? { width: 0, height: 0 };
    const prepare = async () => {
      const image = await decodeImage(content);
      return align ? prepareKnown(image, face, size) : prepareFace(image, null, size);
    };
    return { file, place, pixels: (await budget.run(width * height, prepare)).data };
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    if (named) throw new InputError(`${file}: ${error.message}`);
    say(`left out: ${`${file}: ${error.message}`.replaceAll('\n', '\\n')}`);
    return null;
  }
}
