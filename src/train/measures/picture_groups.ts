// Pictures in groups, and of a list that was gone through in part those that are left.
import { InputError } from '../../base/errors';
import { type ListedPicture, type ListSettings, listPictures } from '../../data';
import type { FacePrediction, Faces } from './face_prediction';

/** Pictures of a group, and pixels of frames, which are held until it has been looked at. */
const PICTURES = 32;
const FRAME_PIXELS = 2 ** 24;

/** Pictures that are looked at together. */
export interface PictureGroup {
  /** Groups of all sources before it. */
  readonly number: number;
  readonly pictures: readonly ListedPicture[];
  /** Predictions that are there already, by place. */
  readonly known: ReadonlyMap<number, readonly FacePrediction[]>;
  /** Place of the first that may have new ones: behind what is known of it. */
  readonly first: number;
}

/** The pictures of all sources. */
export async function* groupsOf(
  sources: readonly string[],
  settings: ListSettings,
  say: (line: string) => void,
): AsyncGenerator<PictureGroup> {
  let [pictures, pixels, number]: [ListedPicture[], number, number] = [[], 0, 0];
  for (const source of sources) {
    for await (const picture of listPictures(source, settings, say)) {
      pixels += picture.frame ? picture.frame.width * picture.frame.height : 0;
      if (pictures.push(picture) < PICTURES && pixels < FRAME_PIXELS) continue;
      yield { number: number++, pictures, known: new Map(), first: 0 };
      [pictures, pixels] = [[], 0];
    }
  }
  if (pictures.length > 0) yield { number, pictures, known: new Map(), first: 0 };
}

/** Predictions of an earlier run over the same sources, and the file they are in. */
export interface Done {
  readonly rows: AsyncIterable<FacePrediction>;
  readonly file: string;
}

/**
 * The groups from the last one on of which something is done: looked at once more as a whole, it tells whether the network is the same, and
 * its new pictures get the very numbers that they have in an unbroken run.
 * @throws InputError if what is done is not of the first pictures that could be used, or more faces were looked at
 */
export async function* remaining(
  groups: AsyncIterable<PictureGroup>,
  { rows, file }: Done,
  faces: Faces,
  say: (line: string) => void,
): AsyncGenerator<PictureGroup> {
  const there = rows[Symbol.asyncIterator]();
  let row = await there.next();
  let [count, isSaid] = [0, row.done];
  for await (const { number, pictures } of groups) {
    const known = new Map<number, readonly FacePrediction[]>();
    let first = 0;
    for (let i = 0; !row.done && i < pictures.length; i++) {
      const of: FacePrediction[] = [];
      for (; !row.done && follows(row.value, of, pictures[i]); row = await there.next()) of.push(row.value);
      if (of.length === 0) continue;
      if (faces === 'largest' && of.length > 1)
        throw new InputError(
          `${file}: it was begun with another --faces: it has ${of.length} faces of ${pictures[i].file}, --faces largest gives one; ` +
            'finish it with --faces all, or give another --out',
        );
      known.set(i, of);
      first = i;
      count += of.length;
    }
    if (!row.done) continue;
    if (!isSaid) say(`${file} has ${count} predictions; going on behind them`);
    isSaid = true;
    yield { number, pictures, known, first };
  }
  if (row.done) return;
  const { image, time } = row.value;
  throw new InputError(
    `${file}: prediction ${count + 1} is of ${image}${time === undefined ? '' : ` at ${time} s`}, which does not follow in what is to be ` +
      'looked at: it was begun with other pictures; give those, or another --out',
  );
}

/** Whether a prediction is the next of a picture, of which there are some. */
function follows({ image, time, face }: FacePrediction, before: readonly unknown[], picture: ListedPicture) {
  return image === picture.file && (time ?? null) === picture.time && (face ?? 0) === before.length;
}
