import { rmSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { CLASSES, folderClasses, readAnnotations } from '../../../src/data';
import { encode, place, put } from '../files';
import type { Target } from '../target';
import { checkSamples } from './samples';

const MOST = 6;

/** Folders of pictures, a folder a class: a path a line, and what stands behind a NUL is the file of valence and arousal. */
export const target: Target = {
  names: 'fuzzed',
  seeds: () =>
    [
      'Happy/a.jpg\nSad/b.png\0file,valence,arousal\nHappy/a.jpg,0.5,-0.5\n',
      'train/0/a.jpg\ntrain/1/b.jpg\nval/1/c.jpg\0file,valence,arousal\ntrain/0/a.jpg,1,1\n',
      'training set/calm/a.jpg\ntest/bored/b.jpg\n',
    ].map(encode),
  async read(bytes) {
    const root = resolve(place('fuzzed', 'x'), '..');
    rmSync(root, { recursive: true, force: true });
    const [paths, pairs] = Buffer.from(bytes).toString('latin1').split('\0');
    for (const path of paths.split('\n').slice(0, MOST))
      if (path.length < 100 && resolve(root, path).startsWith(root + sep)) tryToPut(`fuzzed/${path}`);
    place('fuzzed', 'x');
    if (pairs !== undefined) put('fuzzed/valence_arousal.csv', Buffer.from(pairs, 'latin1'));
    const classes = [...CLASSES];
    const { train, val } = await readAnnotations(root, { dataset: 'affectnet', classes, imageDir: null });
    for (const set of val ? [train, val] : [train]) checkSamples(set, classes.length);
    folderClasses(root);
  },
};

/** One path may be the folder of another. */
function tryToPut(name: string): void {
  try {
    put(name, 'x');
  } catch (error) {
    if (!['EEXIST', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
