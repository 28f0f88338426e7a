import { orAborted } from '../../base/abort';
import { InputError } from '../../base/errors';
import {
  decodeImage,
  headerOf,
  ImageError,
  type ListedPicture,
  listPictures,
  MAX_PIXELS,
  prepareKnown,
  readPicture,
} from '../../data';
import { rotationAffine } from '../../data/rotate';
import type { Device } from '../../device';
import { openDevice } from '../../device/node';
import { type BatchResult, Learner } from '../loop/learner';
import { type Run, weightsFile } from '../run/read_run';
import { Budget } from './budget';
import { openRunModel } from './evaluate';
import { checkScores } from './finite';

/** What a run's network says of one picture. */
export interface FacePrediction {
  readonly image: string;
  /** The likeliest class. */
  readonly expression: string;
  readonly probabilities: Record<string, number>;
  /** null where the model has none. */
  readonly valence: number | null;
  readonly arousal: number | null;
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
  readonly say?: (line: string) => void;
  /** Ends it early, with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Predicts expression, valence and arousal of pictures of faces, in their order; of a picture of which no face box is known the largest
 * centred square is looked at. Pictures of folders and lists that cannot be used are passed over, and said.
 * @param sources picture files, folders, lists: see `listPictures`
 * @throws InputError naming a picture or list that cannot be read, or when none can
 */
export async function* predict(
  run: Run,
  sources: readonly string[],
  { gpu = null, image_dir = null, say = () => {}, signal }: PredictSettings = {},
): AsyncGenerator<FacePrediction> {
  const { image_size: size, classes } = run.args;
  if (!run.given) weightsFile(run, 'best');
  let device: Device | null = null;
  let looked = 0;
  try {
    let look: Look | null = null;
    for await (const faces of readFaces(sources, image_dir, size, say, signal)) {
      signal?.throwIfAborted();
      device ??= await orAborted(openDevice({ gpu: gpu ?? undefined, say }), signal, (late) => late.destroy());
      look ??= await openLook(device, run);
      const { logits, predicted, va } = await look(faces);
      for (const [i, { file }] of faces.entries()) {
        const p = softmax(logits.subarray(i * classes.length, (i + 1) * classes.length));
        looked++;
        yield {
          image: file,
          expression: classes[predicted[i]],
          probabilities: Object.fromEntries(classes.map((name, c) => [name, p[c]])),
          valence: va ? va[2 * i] : null,
          arousal: va ? va[2 * i + 1] : null,
        };
      }
    }
    if (looked === 0) throw new InputError(`none of the pictures in ${sources.join(', ')} can be used`);
  } finally {
    device?.destroy();
  }
}

/** What the network says of some faces, each size x size x 3 bytes of RGB. */
type Look = (faces: readonly Face[]) => Promise<BatchResult>;

async function openLook(device: Device, run: Run): Promise<Look> {
  const { image_size: size } = run.args;
  const { model, embedding } = await openRunModel(device, run);
  const learner = new Learner(device, model, { embedding, loss: null });
  const upright = rotationAffine(size, size, 0);
  return async (faces) => {
    const n = faces.length;
    const result = await learner.evaluate({
      images: Uint8Array.from(Buffer.concat(faces.map((face) => face.pixels))),
      affine: Int32Array.from({ length: n * 6 }, (_, i) => upright[i % 6]),
      flip: new Uint32Array(n),
      labels: new Uint32Array(n),
      va: new Float32Array(n * 2),
      rows: new Uint32Array(n),
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
  readonly pixels: Uint8Array;
}

/** The faces of all sources, some at a time; of the pictures no more are decoded at once than the largest one takes. */
export async function* readFaces(
  sources: readonly string[],
  imageDir: string | null,
  size: number,
  say: (line: string) => void,
  signal?: AbortSignal,
): AsyncGenerator<Face[]> {
  let waiting: ListedPicture[] = [];
  const files = new Budget(FILES_AT_ONCE);
  const pixels = new Budget(MAX_PIXELS);
  const read = async (): Promise<Face[]> => {
    const reading = waiting.map((picture) => files.run(1, () => readFace(picture, size, pixels, say)));
    waiting = [];
    const faces = await orAborted(Promise.all(reading), signal);
    return faces.filter((face) => face !== null);
  };
  for (const source of sources) {
    for await (const picture of listPictures(source, imageDir, say)) {
      if (waiting.push(picture) < AT_ONCE) continue;
      const faces = await read();
      if (faces.length > 0) yield faces;
    }
  }
  const rest = await read();
  if (rest.length > 0) yield rest;
}

async function readFace(
  { file, path, face, root, problem, named }: ListedPicture,
  size: number,
  budget: Budget,
  say: (line: string) => void,
): Promise<Face | null> {
  try {
    if (problem !== null) throw new ImageError(problem);
    const content = await readPicture(path, root ?? undefined);
    const { width, height } = (await headerOf(content)) ?? { width: 0, height: 0 };
    const prepare = async () => prepareKnown(await decodeImage(content), face, size);
    return { file, pixels: (await budget.run(width * height, prepare)).data };
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    if (named) throw new InputError(`${file}: ${error.message}`);
    say(`left out: ${`${file}: ${error.message}`.replaceAll('\n', '\\n')}`);
    return null;
  }
}
