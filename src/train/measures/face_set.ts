// The faces of one's own photographs, found and written down as AffectNet's are.
import { relative, resolve } from 'node:path';
import { orAborted } from '../../base/abort';
import { InputError } from '../../base/errors';
import { eyeCentres } from '../../base/pixels/align';
import {
  AFFECTNET_COLUMNS,
  type AnnotationSet,
  decodeImage,
  describeAnnotations,
  describeBad,
  EIGHT_CLASSES,
  headerOf,
  ImageError,
  layoutOf,
  MAX_PIXELS,
  readAnnotations,
  readPicture,
} from '../../data';
import { ImageRoot } from '../../data/image_root';
import { picturesBelow } from '../../data/picture_folder';
import type { FaceFinder, FoundFace } from '../../faces/finder';
import { affectNetBox } from '../../faces/geometry';
import { readClasses } from '../settings/data';
import { Budget } from './budget';
import { largestOf } from './picture_faces';
import { csvField } from './predictions';

/** A photograph of a set. */
export interface LabelledPhoto {
  /** As the row has it: from the folder of the set. */
  readonly image: string;
  readonly path: string | Buffer;
  /** AffectNet's number or a class's name; empty: none is known. */
  readonly expression: string;
  /** NaN: none. */
  readonly valence: number;
  readonly arousal: number;
}

/** The photographs of a folder, by what its folders say of them. */
export interface PhotoSets {
  readonly root: ImageRoot;
  /** What `train` needs besides to learn from them; null: they have no labels. */
  readonly flags: readonly string[] | null;
  readonly train: PhotoSet;
  readonly val: PhotoSet | null;
}

export interface PhotoSet {
  readonly count: number;
  readonly photos: Iterable<LabelledPhoto>;
}

/**
 * The photographs of a folder that `train --data` takes, a folder a class, or of any other: those have no labels.
 * @throws InputError: it cannot be read, holds no pictures, or annotations of another kind
 */
export async function openPhotos(dir: string, say: (line: string) => void): Promise<PhotoSets> {
  const root = new ImageRoot(dir);
  const layout = await layoutOf(dir).catch((error) => {
    if (error instanceof InputError) return null;
    throw error;
  });
  if (layout === null) {
    const { pictures, passedOver } = picturesBelow(dir, root);
    if (passedOver) say(`passed over in ${dir}: ${passedOver}`);
    if (pictures.length === 0) throw new InputError(`${dir}: expected photographs, found none in this folder`);
    const photos = pictures.map(({ file, path }) => ({
      image: relative(dir, file),
      path,
      expression: '',
      valence: Number.NaN,
      arousal: Number.NaN,
    }));
    return { root, flags: null, train: { count: photos.length, photos }, val: null };
  }
  if (layout.name !== 'folders')
    throw new InputError(
      `${dir}: expected photographs, in a folder a class, found annotations (${layout.name}): train takes them`,
    );
  const { num_classes, classes } = readClasses(
    { dataset: 'affectnet', num_classes: null, classes: null, data: dir },
    {},
  );
  const own = num_classes === null ? classes : null;
  const how = { dataset: 'affectnet', classes: own ?? EIGHT_CLASSES, imageDir: dir } as const;
  const { train, val } = await readAnnotations(dir, how);
  const setOf = (set: AnnotationSet): PhotoSet => {
    say(describeAnnotations(set));
    for (const item of set.bad) say(`left out: ${describeBad(item)}`);
    return { count: set.samples.length, photos: labelled(dir, set, own) };
  };
  const isContempt = train.samples.some(({ expression }) => own === null && expression === CONTEMPT);
  // The others learn from samples with both alone.
  const isContinuous = [train, val].every(
    (set) => !set?.samples.some((sample) => Number.isNaN(sample.valence + sample.arousal)),
  );
  const flags = [
    // The original's canvas would cut off the right of wide photographs.
    '--align open',
    ...(own ? [`--classes '${own.join(',').replaceAll("'", "'\\''")}'`] : isContempt ? ['--num_classes 8'] : []),
    ...(isContinuous ? [] : ['--model single_task']),
  ];
  return { root, flags, train: setOf(train), val: val && setOf(val) };
}

function* labelled(dir: string, { samples }: AnnotationSet, own: readonly string[] | null): Generator<LabelledPhoto> {
  for (const { image, expression, valence, arousal } of samples)
    yield { image, path: resolve(dir, image), expression: own ? own[expression] : `${expression}`, valence, arousal };
}

/** What became of a photograph: its row, and what a person should look at. */
export interface FoundPhoto {
  readonly image: string;
  /** null: it is left out. */
  readonly row: string | null;
  readonly what: string | null;
}

export interface FaceSetSettings {
  /** The folder out of which no link may lead. */
  readonly root: ImageRoot;
  readonly finder: Pick<FaceFinder, 'find'>;
  /** Hears of each photograph, in order. */
  readonly onPhoto: (found: FoundPhoto) => void;
  readonly signal?: AbortSignal;
}

/** Photographs that are read ahead of the finder; no more are decoded than one of MAX_PIXELS takes. */
const AT_ONCE = 8;

const CONTEMPT = EIGHT_CLASSES.indexOf('Contempt');

/** AffectNet's mark for no valence and no arousal. */
const NONE = -2;

/**
 * AffectNet's CSV of photographs, in pieces, in their order: of each the largest face, by its landmarks and the box as AffectNet has it, with which
 * training levels and cuts it. Photographs without a face are left out.
 * @throws InputError if there is no face in any
 */
export async function* faceSet(
  photos: Iterable<LabelledPhoto>,
  { root, finder, onPhoto, signal }: FaceSetSettings,
): AsyncGenerator<string> {
  const [pixels, finding] = [new Budget(MAX_PIXELS), new Budget(1)];
  const look = async (photo: LabelledPhoto): Promise<FoundPhoto> => {
    const { image, path } = photo;
    try {
      const content = await readPicture(path, root);
      const { width, height } = (await headerOf(content)) ?? { width: 0, height: 0 };
      const found = await pixels.run(width * height, async () => {
        const picture = await decodeImage(content);
        return finding.run(1, async () => (signal?.aborted ? [] : finder.find(picture)));
      });
      const largest = largestOf(found);
      if (!largest) throw new ImageError('no face found');
      const what = found.length > 1 ? `${found.length} faces found, the largest is taken` : null;
      return { image, row: rowOf(photo, largest), what };
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      return { image, row: null, what: error.message };
    }
  };
  yield `${AFFECTNET_COLUMNS.join(',')}\n`;
  const ahead: Promise<FoundPhoto>[] = [];
  let rows = 0;
  const next = async (): Promise<string> => {
    const found = await orAborted(ahead.shift() as Promise<FoundPhoto>, signal);
    onPhoto(found);
    if (found.row !== null) rows++;
    return found.row ?? '';
  };
  for (const photo of photos) {
    const found = look(photo);
    found.catch(() => {}); // it is thrown where the row is waited for
    if (ahead.push(found) >= AT_ONCE) yield await next();
  }
  while (ahead.length > 0) yield await next();
  if (rows === 0)
    throw new InputError(`no face was found in any of the photographs; emotion-gcn predict --draw DIR shows them`);
}

/** @throws ImageError where the eyes lie so near each other that they do not tell how the face is turned */
function rowOf({ image, expression, valence, arousal }: LabelledPhoto, { landmarks }: FoundFace): string {
  const points = Array.from(landmarks, (v) => v.toFixed(2));
  const [left, right] = eyeCentres(points.map(Number));
  if (left.join() === right.join()) throw new ImageError('the face is too small: both eyes are at one place');
  const unit = (v: number): number => (Number.isNaN(v) ? NONE : v);
  const box = affectNetBox(points.map(Number));
  const fields = [csvField(image), ...box, points.join(';'), csvField(expression), unit(valence), unit(arousal)];
  return `${fields.join(',')}\n`;
}
