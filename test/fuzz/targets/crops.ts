import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { KeyFile, readKeys } from '../../../src/data/crops/crop_keys';
import { CropPacks, cropKey, digest, fileName, namesOf } from '../../../src/data/crops/crop_packs';
import { place, put } from '../files';
import type { Target } from '../target';
import { edited, edits } from './edits';

const SIZE = 4;
const dir = place('crops', 'x', '..');
const faces = [1, 2, 3].map((n) => ({
  source: digest(`${n}`),
  key: cropKey(Uint8Array.of(n), ''),
  pixels: new Uint8Array(3 * SIZE ** 2).fill(n),
}));
const packs = new CropPacks(dir, SIZE);
const rows = new KeyFile(dir, SIZE);
for (const { source, key, pixels } of faces) rows.append(source, key, packs.put(key, pixels));
const paths = (['pack', 'keys'] as const).map((kind) => fileName(SIZE, namesOf(dir, SIZE, kind)[0], kind));
const whole = paths.map((name) => new Uint8Array(readFileSync(join(dir, name))));
const both = Buffer.concat(whole);

/** The cache of crops, some bytes of its pack and its keys changed, and its end cut off by the first byte: a face is the right one, or gone. */
export const target: Target = {
  names: '',
  seeds: () => fc.sample(edits(both.length), { seed: 1, numRuns: 20 }).map((changes) => Uint8Array.of(0, ...changes)),
  read(changes) {
    const all = edited(both, changes.subarray(1));
    put(`crops/${paths[0]}`, all.subarray(0, Math.max(0, whole[0].length - (changes[0] ?? 0))));
    put(`crops/${paths[1]}`, all.subarray(whole[0].length));
    const keys = readKeys(dir, SIZE, 0);
    const found = new CropPacks(dir, SIZE);
    try {
      for (const { source, key, pixels } of faces)
        for (const by of [source, key]) {
          const at = keys.find(by);
          const crop = at && found.read(at, key);
          if (crop && !Buffer.from(crop).equals(pixels)) throw new Error('another face');
        }
    } finally {
      found.close();
    }
    if (readdirSync(dir).length !== 2) throw new Error('files of its own');
  },
};
