// The original's annotation pickles as a layout: records and where their pictures are.
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { readWhole } from '../files';
import { Samples } from '../sample_columns';
import type { AnnotationSet } from '../samples';
import { parseAnnotationPickle } from './annotation_pickle';
import type { DataLayout } from './layout';

/** Frames that are looked for to find out where a pickle's frames are. */
const TRIED = 20;

export const pickle: DataLayout = {
  name: 'pickle',
  ownPictures: false,
  is: (_, kind) => kind === 'pickle',
  async read(data, options) {
    const { dataset, imageDir, align = true } = options;
    const sets = parseAnnotationPickle(await readWhole(data), data, options);
    const placed = dataset === 'affwild2' && imageDir !== null ? rebased(sets, imageDir) : sets;
    return align ? placed : { train: unposed(placed.train), val: unposed(placed.val) };
  },
};

/** The set with its pictures as they are. */
const unposed = (set: AnnotationSet): AnnotationSet => ({
  ...set,
  samples: Samples.of(set.samples.map((sample) => ({ ...sample, pose: null }))),
  stretched: 0,
});

/**
 * Frames of a pickle have the path that they had for the script that wrote it (`videos/NAME/00001.jpg`). They are looked
 * for below the image directory by that path, or by its last two parts, or, as the original does, by the path as it stands:
 * wherever one of the first is found.
 */
function rebased(sets: { train: AnnotationSet; val: AnnotationSet }, imageDir: string): typeof sets {
  const places = [
    (path: string) => path,
    (path: string) => join(basename(dirname(path)), basename(path)),
    (path: string) => resolve(path),
  ];
  const first = Object.values(sets).flatMap(({ samples }) =>
    Array.from({ length: Math.min(samples.length, TRIED) }, (_, i) => samples.at(i)),
  );
  const place = places.find((at) => first.some(({ image }) => existsSync(resolve(imageDir, at(image))))) ?? places[0];
  const move = (set: AnnotationSet): AnnotationSet => ({
    ...set,
    samples: Samples.of(set.samples.map((sample) => ({ ...sample, image: place(sample.image) }))),
  });
  return { train: move(sets.train), val: move(sets.val) };
}
