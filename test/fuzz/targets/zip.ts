import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { readCheckpoint, writeCheckpoint } from '../../../src/formats/torch';
import type { Target } from '../target';
import { edited, edits } from './edits';

const FILE = 'fuzzed.pth';
const state = new Map([
  ['weight', { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
  ['bias', { shape: [2], data: Float32Array.of(5, 6) }],
]);
const whole = await writeCheckpoint({ epoch: 3, state, optimizer: null });
const { state: numbers } = await readCheckpoint(whole, FILE);

/** A zip archive of torch.save, whose entries have checksums, some bytes of it changed: no other numbers are read. */
export const target: Target = {
  names: FILE,
  seeds: () => [new Uint8Array(), ...fc.sample(edits(whole.length), { seed: 1, numRuns: 20 })],
  async read(changes) {
    const checkpoint = await readCheckpoint(edited(whole, changes), FILE);
    if (checkpoint.epoch !== 3 || !isDeepStrictEqual(checkpoint.state, numbers))
      throw new Error('other numbers were read');
  },
};
