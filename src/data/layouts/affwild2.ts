// Aff-Wild2's annotations: a text file a video, a line a frame.
//
//   ANNOTATIONS/EXPR_Set/{Train_Set,Validation_Set}/VIDEO.txt    a header line, then an expression a line, -1 for none
//   ANNOTATIONS/VA_Set/{Train_Set,Validation_Set}/VIDEO.txt      a header line, then valence,arousal a line, -5 for none
//   VIDEOS/VIDEO/NNNNN.jpg                                       the face in frame NNNNN, from 00001
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { InputError } from '../../base/errors';
import { asInputError, lookAt, readText } from '../files';
import { AFFWILD2_CLASSES } from '../labels';
import { type AnnotationSet, beginSet, endSet, type SetReading } from '../samples';
import type { Source } from '../sources';
import type { DataLayout } from './layout';

export const affWild2: DataLayout = {
  name: 'affwild2',
  ownPictures: false,
  is: (data, kind) => kind === 'folder' && ['EXPR_Set', 'VA_Set'].some((set) => lookAt(join(data, set)) === 'a folder'),
  async read(data, { dataset, imageDir }) {
    if (dataset === 'affwild2') {
      const videos = imageDir ?? '.';
      return { ...(await readAffWild2(data, videos)), sources: await sourcesOf(data, videos) };
    }
    throw new InputError(
      `${data}: this is Aff-Wild2's annotation folder, whose classes are others: give --dataset affwild2`,
    );
  },
};

/** The annotation folder's layout in words, for messages. */
const LAYOUT = 'EXPR_Set and VA_Set, each with Train_Set and Validation_Set, each with a VIDEO.txt a video';

/** Larger numbers are neither a label nor a mark for none. */
const FAR = 1e6;

/** The class `Other` of later editions of the challenge: left out as AffectNet's further classes are. */
const OTHER = AFFWILD2_CLASSES.length;

/** What a text file holds. */
interface Labels {
  file: string;
  frames: number;
  /** One or two numbers a frame, from frame 1. */
  values: Float64Array;
}

/**
 * Reads an annotation folder and joins it, by video and frame, with the frames that there are. A frame is a sample where it
 * has an expression and a valence and arousal within -1 .. 1. Its EXPR file decides between training and validation, its
 * VA file may be in either set (in both: the validation set's counts). Whole videos without VA file are left out.
 *
 * A frame that its text file does not reach, and a video without frames, go to `bad` (the original stops at them).
 *
 * @param videos folder of the videos' folders
 * @throws InputError: a folder of the layout is missing; a line that is no label, naming file and line
 */
export async function readAffWild2(
  annotations: string,
  videos: string,
): Promise<{ train: AnnotationSet; val: AnnotationSet }> {
  const valenceArousal = new Map<string, Labels>();
  for (const part of ['Train_Set', 'Validation_Set']) {
    const dir = join(annotations, 'VA_Set', part);
    for (const video of await videosIn(dir))
      valenceArousal.set(video, await readLabels(join(dir, `${video}.txt`), parsePair));
  }
  const read = async (part: string): Promise<AnnotationSet> => {
    const dir = join(annotations, 'EXPR_Set', part);
    const set = beginSet(dir);
    for (const video of await videosIn(dir)) {
      const expressions = await readLabels(join(dir, `${video}.txt`), parseExpression);
      joinFrames(set, video, await framesOf(join(videos, video)), expressions, valenceArousal.get(video));
    }
    return endSet(set);
  };
  const sets = { train: await read('Train_Set'), val: await read('Validation_Set') };
  for (const set of Object.values(sets)) if (set.samples.length === 0) throw nothingFound(set, videos);
  return sets;
}

/** The text files, and which frames there are. */
async function sourcesOf(annotations: string, videos: string): Promise<Source[]> {
  const sources: Source[] = [];
  for (const part of ['Train_Set', 'Validation_Set']) {
    for (const kind of ['EXPR_Set', 'VA_Set'])
      sources.push({ path: resolve(annotations, kind, part), counts: /\.txt$/ });
    const names = await videosIn(join(annotations, 'EXPR_Set', part));
    for (const name of names) sources.push({ path: resolve(videos, name) });
  }
  return sources;
}

/** Adds the frames of a video to a set. */
function joinFrames(
  set: SetReading,
  video: string,
  frames: readonly string[],
  expressions: Labels,
  va: Labels | undefined,
): void {
  const drop = (kind: string) => set.dropped.set(kind, (set.dropped.get(kind) ?? 0) + 1);
  const name = `${basename(set.file)}/${basename(expressions.file)}`;
  if (frames.length === 0) {
    set.rows++;
    set.bad.push({
      where: name,
      image: video,
      reason: 'expected frames NNNNN.jpg in the folder of the video, found none',
    });
  }
  for (const frame of frames) {
    set.rows++;
    const image = `${video}/${frame}`;
    const n = /^\d{5,}\.jpg$/.test(frame) ? Number.parseInt(frame, 10) : 0;
    const where = `${name} line ${n + 1}`;
    if (n < 1) {
      set.bad.push({ where: name, image, reason: 'expected a frame named NNNNN.jpg, from 00001.jpg' });
      continue;
    }
    const short = [expressions, ...(va ? [va] : [])].find((labels) => n > labels.frames);
    if (short) {
      const reason = `expected a label of frame ${n}, found ${short.frames} in ${short.file}`;
      set.bad.push({ where, image, reason });
      continue;
    }
    const expression = expressions.values[n - 1];
    if (expression < 0 || expression >= OTHER) drop(`expression ${expression}`);
    else if (!va) drop('no valence and arousal');
    else {
      const [valence, arousal] = va.values.subarray(2 * n - 2, 2 * n);
      if (Math.abs(valence) > 1 || Math.abs(arousal) > 1) drop('valence or arousal outside -1 .. 1');
      else
        set.samples.push(
          { image, expression, valence, arousal, pose: null, group: null },
          `${name.replaceAll('%', '%%')} line %`,
          n + 1,
        );
    }
  }
}

/** Names of the videos that a folder of text files annotates, in order. */
async function videosIn(dir: string): Promise<string[]> {
  try {
    const names = await readdir(dir);
    return names
      .filter((name) => name.endsWith('.txt') && !name.startsWith('.'))
      .map((name) => name.slice(0, -4))
      .sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw asInputError(dir, error);
    throw new InputError(`${dir}: no such folder; expected Aff-Wild2's annotations: ${LAYOUT}`);
  }
}

/** File names of a video's frames, in order; none if there is no such folder. */
async function framesOf(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).filter((name) => name.endsWith('.jpg') && !name.startsWith('.')).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw asInputError(dir, error);
  }
}

async function readLabels(file: string, parse: (line: string) => number[] | string): Promise<Labels> {
  const lines = (await readText(file)).trimEnd().split(/\r\n|\n|\r/);
  const fail = (i: number, expected: string): InputError => {
    const found = lines[i].length > 60 ? `${lines[i].slice(0, 60)}...` : lines[i];
    return new InputError(`${file}: line ${i + 1}: expected ${expected}, found ${JSON.stringify(found)}`);
  };
  if (typeof parse(lines[0]) !== 'string') throw fail(0, 'a header line before the labels');
  const values = lines.slice(1).flatMap((line, i) => {
    const labels = parse(line);
    if (typeof labels === 'string') throw fail(i + 1, labels);
    return labels;
  });
  return { file, frames: lines.length - 1, values: Float64Array.from(values) };
}

/** The expression of a line, or what was expected of it. */
function parseExpression(line: string): number[] | string {
  const n = /^\s*[+-]?\d+\s*$/.test(line) ? Number(line) : Number.NaN;
  return n >= -1 && n <= OTHER ? [n] : `an expression of -1 to ${AFFWILD2_CLASSES.length - 1}`;
}

const NUMBER = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i;

/** Valence and arousal of a line, or what was expected of it. */
function parsePair(line: string): number[] | string {
  const fields = line.split(',');
  const numbers = fields.map((field) => (NUMBER.test(field) ? Number(field) : Number.NaN));
  return numbers.length === 2 && numbers.every((v) => Math.abs(v) <= FAR) ? numbers : 'two numbers valence,arousal';
}

function nothingFound({ file, rows, bad, dropped }: AnnotationSet, videos: string): InputError {
  const left = [...dropped].map(([kind, n]) => `${n} with ${kind}`);
  if (bad.length > 0) left.push(`${bad.length} broken, the first ${bad[0].image}: ${bad[0].reason}`);
  return new InputError(
    `${file}: expected frames below ${videos} with an expression, valence and arousal, found none among ${rows}` +
      `${left.length > 0 ? ` (${left.join('; ')})` : ''}; check --image_dir, the folder of the videos' folders`,
  );
}
