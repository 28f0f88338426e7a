// From listed pictures to faces as a network sees them.
import { orAborted } from '../../base/abort';
import { InputError } from '../../base/errors';
import type { RgbImage } from '../../base/pixels/rgb_image';
import {
  decodeImage,
  decodeToFind,
  ENOUGH_TO_FIND,
  headerOf,
  ImageError,
  type ListedPicture,
  MAX_PIXELS,
  prepareFace,
  prepareKnown,
  readPicture,
  type SmallerImage,
} from '../../data';
import { canvasOf, type KnownFace } from '../../data/face';
import type { FoundFace } from '../../faces/finder';
import { asKnownFace } from '../../faces/geometry';
import type { RunArgs } from '../run/read_run';
import { Budget } from './budget';
import type { FacePrediction, Faces } from './face_prediction';
import type { PictureGroup } from './picture_groups';

/** Files that are read at once: as many threads as Node decodes in. */
const FILES_AT_ONCE = 4;

/** What of a picture is looked at. */
export interface FaceSettings extends Pick<RunArgs, 'image_size' | 'align'> {
  readonly faces: Faces;
  /** The faces of a picture, left to right; not asked with `faces: 'none'`. */
  find(image: RgbImage): Promise<readonly FoundFace[]>;
}

/** A face as a network sees it. */
export interface SeenFace {
  /** size x size x 3 bytes of RGB. */
  readonly pixels: Uint8Array;
  /** Where it is; empty where the picture itself is looked at. */
  readonly place: Pick<FacePrediction, 'face' | 'box' | 'landmarks' | 'score'>;
}

/** A picture's faces, which may be none. */
export interface SeenPicture {
  readonly picture: ListedPicture;
  /** In its group. */
  readonly place: number;
  readonly faces: readonly SeenFace[];
}

/** The faces of groups of pictures; no more pictures are decoded at once than the largest one takes. */
export async function* readFaces(
  groups: AsyncIterable<PictureGroup> | Iterable<PictureGroup>,
  settings: FaceSettings,
  say: (line: string) => void,
  signal?: AbortSignal,
): AsyncGenerator<Omit<PictureGroup, 'pictures'> & { readonly seen: readonly SeenPicture[] }> {
  const files = new Budget(FILES_AT_ONCE);
  const pixels = new Budget(MAX_PIXELS);
  const read = async (picture: ListedPicture, place: number): Promise<SeenPicture[]> => {
    const { file, named } = picture;
    try {
      return [{ picture, place, faces: await files.run(1, () => facesOf(picture, settings, pixels)) }];
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      if (named) throw new InputError(`${file}: ${error.message}`);
      say(`left out: ${`${file}: ${error.message}`.replaceAll('\n', '\\n')}`);
      return [];
    }
  };
  for await (const { pictures, ...group } of groups) {
    const seen = (await orAborted(Promise.all(pictures.map(read)), signal)).flat();
    if (seen.length > 0) yield { ...group, seen };
  }
}

async function facesOf(picture: ListedPicture, settings: FaceSettings, budget: Budget): Promise<readonly SeenFace[]> {
  const { path, root, problem, frame } = picture;
  if (problem !== null) throw new ImageError(problem);
  if (frame) return cutFaces(frame, picture, settings);
  let content: Uint8Array | null = await readPicture(path, root ?? undefined);
  const { width, height } = (await headerOf(content)) ?? { width: 0, height: 0 };
  const toFind = settings.faces !== 'none' && !picture.face;
  return budget.run(toFind ? Math.min(width * height, ENOUGH_TO_FIND) : width * height, async () => {
    const image = await (toFind ? decodeToFind : decodeImage)(content as Uint8Array);
    // A large photograph's are tens of megabytes, and its faces are still to be found.
    content = null;
    return cutFaces(image, picture, settings);
  });
}

async function cutFaces(
  image: SmallerImage,
  { face, landmarks }: ListedPicture,
  { image_size: size, align, faces, find }: FaceSettings,
): Promise<readonly SeenFace[]> {
  const cut = (known: KnownFace): Uint8Array => prepareKnown(image, known, size, canvasOf(align)).data;
  if (faces === 'none') return [{ pixels: align ? cut(face) : prepareFace(image, null, size).data, place: {} }];
  if (face) {
    const place = { face: 0, box: face.box, landmarks: landmarks && points(landmarks), score: null };
    return [{ pixels: cut(align ? face : { box: face.box }), place }];
  }
  const found = await find(image);
  const wanted = faces === 'all' ? found : found.filter((one) => one === largestOf(found));
  // In pixels of the file.
  const { of = image } = image;
  const scale = [of.width / image.width, of.height / image.height];
  const scaled = (v: number, i: number): number => rounded(v * scale[i % 2]);
  return wanted.map((one, i) => {
    const [x, y, width, height] = one.box.map(scaled);
    const landmarks = points(one.landmarks.map(scaled));
    const place = { face: i, box: [x, y, width, height] as const, landmarks, score: one.score };
    // A given box is seen as training sees it, a face that is found wherever it is in the photograph.
    return { pixels: prepareKnown(image, asKnownFace(one, align !== false), size, 'open').data, place };
  });
}

/** The face with the largest box; null: there is none. */
export const largestOf = (found: readonly FoundFace[]): FoundFace | null =>
  found.reduce<FoundFace | null>((best, one) => (best && area(best) >= area(one) ? best : one), null);

const area = ({ box: [, , width, height] }: FoundFace): number => width * height;

/** To a thousandth of a pixel. */
const rounded = (v: number): number => Math.round(v * 1000) / 1000;

/** x0, y0, x1, y1, ... as points. */
const points = (numbers: ArrayLike<number>): [number, number][] =>
  Array.from({ length: numbers.length / 2 }, (_, i) => [rounded(numbers[2 * i]), rounded(numbers[2 * i + 1])]);
