import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { type Annotations, CLASSES, readAnnotations } from '../../../src/data';
import { place, put } from '../files';
import type { Target } from '../target';
import { edited, edits } from './edits';

const csv = put(
  'kept/a.csv',
  'subDirectory_filePath,expression,valence,arousal\na.jpg,1,0.5,0.5\nb.jpg,3,-2,-2\nc.jpg,x,0,0\n',
);
// What has just been written is not kept.
await new Promise((done) => setTimeout(done, 200));
const options = { dataset: 'affectnet', classes: CLASSES, imageDir: place('kept', 'x', '..'), align: false } as const;
const read = () => readAnnotations(csv, options, { cache: place('cache') });
const told = ({ train, val, hash }: Annotations) => [
  [...train.samples],
  train.bad,
  [...train.dropped],
  train.rows,
  val,
  hash,
];
const good = told(await read());
const file = join(place('cache'), 'annotations', readdirSync(join(place('cache'), 'annotations'))[0]);
const whole = new Uint8Array(readFileSync(file));

/** Annotations that were kept, some bytes of the file changed: what is wrong is read anew. */
export const target: Target = {
  names: '',
  seeds: () => fc.sample(edits(whole.length), { seed: 1, numRuns: 20 }),
  async read(changes) {
    writeFileSync(file, edited(whole, changes));
    if (!isDeepStrictEqual(told(await read()), good)) throw new Error('other annotations were read');
  },
};
