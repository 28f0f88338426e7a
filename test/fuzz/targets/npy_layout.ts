import { CLASSES, readAnnotations } from '../../../src/data';
import { writeNpy } from '../../../src/formats/npy_write';
import { filesIn, place, put } from '../files';
import type { Target } from '../target';
import { checkSamples } from './samples';

const SET = 'fuzzed/train_set';

/** The npy release: each label of a face is the file; another face is whole. */
export const target: Target = {
  names: 'fuzzed',
  seeds: () => filesIn('test/golden/npy', /\.npy$/, 1024),
  async read(bytes) {
    for (const id of ['0', '1']) put(`${SET}/images/${id}.jpg`, 'x');
    for (const label of ['exp', 'val', 'aro']) {
      put(`${SET}/annotations/0_${label}.npy`, writeNpy('1'));
      put(`${SET}/annotations/1_${label}.npy`, bytes);
    }
    const options = { dataset: 'affectnet', classes: CLASSES, imageDir: null, align: false } as const;
    const { train } = await readAnnotations(place('fuzzed'), options);
    checkSamples(train, CLASSES.length);
    if (train.rows !== 2) throw new Error(`${train.rows} faces`);
  },
};
