import { isDeepStrictEqual } from 'node:util';
import {
  AFFWILD2_CLASSES,
  CLASSES,
  datasetOfPickle,
  encodeAnnotationPickle,
  parseAnnotationPickle,
} from '../../../src/data';
import { readPickle } from '../../../src/formats/pickle';
import { filesIn } from '../files';
import type { Target } from '../target';
import { checkSamples } from './samples';

const FILE = 'fuzzed.pkl';

/** The original's annotation pickles. */
export const target: Target = {
  names: FILE,
  seeds: () => filesIn('test/golden/pickles', /^aff.*\.pkl$/),
  read(bytes) {
    const dataset = datasetOfPickle(readPickle(bytes, FILE)) ?? 'affectnet';
    const classes = dataset === 'affwild2' ? AFFWILD2_CLASSES : CLASSES;
    const { train, val } = parseAnnotationPickle(bytes, FILE, { dataset, classes });
    for (const set of [train, val]) checkSamples(set, classes.length);
    // The original's eyes are whole numbers.
    const eyes = [...train.samples, ...val.samples].flatMap(({ pose }) =>
      pose && 'leftEye' in pose ? [...pose.leftEye, ...pose.rightEye] : [],
    );
    if (!eyes.every(Number.isInteger)) return;
    const written = encodeAnnotationPickle({ train: train.samples, val: val.samples }, dataset);
    const again = parseAnnotationPickle(written, FILE, { dataset, classes });
    const told = ({ samples }: typeof train) => [...samples].map(({ where: _, ...sample }) => sample);
    if (!isDeepStrictEqual([told(again.train), told(again.val)], [told(train), told(val)]))
      throw new Error('what is written of them is read otherwise');
  },
};
