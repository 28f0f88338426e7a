import { AFFWILD2_CLASSES, readAnnotations } from '../../../src/data';
import { encode, place, put } from '../files';
import type { Target } from '../target';
import { checkSamples } from './samples';

/** Aff-Wild2's texts: expressions, and behind a NUL valence and arousal. */
export const target: Target = {
  names: 'fuzzed',
  seeds: () =>
    [
      'Neutral,Anger\n1\n-1\n0\n\0valence,arousal\n0.5,0.5\n-5,-5\n',
      'Neutral\r\n6\r\n\0valence,arousal\r\n-1,1e-3\r\n',
    ].map(encode),
  async read(bytes) {
    const at = bytes.indexOf(0);
    const texts = at < 0 ? [bytes, bytes] : [bytes.subarray(0, at), bytes.subarray(at + 1)];
    for (const [i, set] of ['EXPR_Set', 'VA_Set'].entries()) {
      put(`fuzzed/${set}/Train_Set/v.txt`, texts[i]);
      put(`fuzzed/${set}/Validation_Set/w.txt`, i === 0 ? 'Neutral\n1\n' : 'valence,arousal\n0.5,0.5\n');
    }
    for (const frame of ['v/00001.jpg', 'v/00003.jpg', 'w/00001.jpg']) put(`videos/${frame}`, 'x');
    const options = { dataset: 'affwild2', classes: AFFWILD2_CLASSES, imageDir: place('videos') } as const;
    const { train, val } = await readAnnotations(place('fuzzed'), options);
    for (const set of val ? [train, val] : [train]) checkSamples(set, AFFWILD2_CLASSES.length);
  },
};
