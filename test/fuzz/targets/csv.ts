import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { CLASSES, readAnnotations } from '../../../src/data';
import { encode, place, put } from '../files';
import type { Target } from '../target';
import { checkSamples } from './samples';

const NAME = 'fuzzed.csv';
const HEADER = 'subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal';
const POINTS = Array.from({ length: 136 }, (_, i) => i).join(';');

const quoted = fc.string({ unit: 'grapheme' }).map((text) => `"${text.replaceAll('"', '""')}"`);
const row = fc
  .tuple(quoted, fc.integer({ min: -3, max: 12 }), fc.oneof(fc.double(), fc.constantFrom(-2, '', 'nan', 'x')))
  .map(([path, expression, valence]) => `${path},0,0,10.5,9,${POINTS},${expression},${valence},0.5`);

/** AffectNet's CSV, with landmarks and without. */
export const target: Target = {
  names: NAME,
  seeds: () => {
    const lines = readFileSync('test/golden/older_runs/faces/training.csv', 'utf8').split('\n').slice(0, 3);
    const faces = lines.join('\n');
    const short = 'subDirectory_filePath,expression\na.jpg,1\n"b ""c"".jpg",Happy\n';
    return [faces, faces.replaceAll('\n', '\r\n'), short, `\ufeff${short}`, `${short}\n"d\ne.jpg",3`]
      .map(encode)
      .concat(new Uint8Array(Buffer.from(`\ufeff${short}`, 'utf16le')));
  },
  made: fc
    .array(row, { maxLength: 4 })
    .map((rows) => encode(`${[HEADER, `a.jpg,0,0,9,9,${POINTS},1,0,0`, ...rows].join('\n')}\n`)),
  async read(bytes) {
    const file = put(NAME, bytes);
    const options = { dataset: 'affectnet', classes: CLASSES, imageDir: place('.') } as const;
    // What is no face is no reason to refuse what has no need of one.
    checkSamples((await readAnnotations(file, { ...options, align: false })).train, CLASSES.length);
    checkSamples((await readAnnotations(file, options)).train, CLASSES.length);
  },
};
