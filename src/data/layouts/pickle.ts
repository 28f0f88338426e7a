// The original's annotation pickles as a layout: records and where their pictures are.
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { readWhole } from '../files';
import { Samples } from '../sample_columns';
import type { AnnotationSet } from '../samples';
import type { Source } from '../sources';
import { parseAnnotationPickle } from './annotation_pickle';
import type { Annotations, DataLayout } from './layout';

/** Frames that are looked for to find out where a pickle's frames are. */
const TRIED = 20;

export const pickle: DataLayout = {
  name: 'pickle',
  ownPictures: false,
  is: (_, kind) => kind === 'pickle',
  async read(data, options) {
    const { dataset, imageDir, align = true } = options;
    const read = { ...parseAnnotationPickle(await readWhole(data), data, options), sources: [{ path: resolve(data) }] };
    const placed = dataset === 'affwild2' && imageDir !== null ? rebased(read, imageDir) : read;
    return align ? placed : { ...placed, train: unposed(placed.train), val: unposed(placed.val) };
  },
};

/** The set with its pictures as they are. */
const unposed = (set: AnnotationSet): AnnotationSet => ({
  ...set,
  samples: Samples.of(set.samples.map((sample) => ({ ...sample, pose: null }))),
  stretched: 0,
});

interface Placed extends Pick<Annotations, 'train' | 'sources'> {
  val: AnnotationSet;
}

/**
 * Frames of a pickle have the path that they had for the script that wrote it (`videos/NAME/00001.jpg`). They are looked
 * for below the image directory by that path, or by its last two parts, or, as the original does, by the path as it stands:
 * wherever one of the first is found.
 */
function rebased({ train, val, sources }: Placed, imageDir: string): Placed {
  const places = [
    (path: string) => path,
    (path: string) => join(basename(dirname(path)), basename(path)),
    (path: string) => resolve(path),
  ];
  const first = [train, val].flatMap(({ samples }) =>
    Array.from({ length: Math.min(samples.length, TRIED) }, (_, i) => samples.imageAt(i)),
  );
  const tried = places.map((at) => first.map((image) => resolve(imageDir, at(image))));
  const place =
    places[
      Math.max(
        0,
        tried.findIndex((paths) => paths.some((path) => existsSync(path))),
      )
    ];
  const move = (set: AnnotationSet): AnnotationSet => ({
    ...set,
    samples: Samples.of(set.samples.map((sample) => ({ ...sample, image: place(sample.image) }))),
  });
  const looked = tried.flat().map((path): Source => ({ path, counts: 'there' }));
  return { train: move(train), val: move(val), sources: [...sources, ...looked] };
}
