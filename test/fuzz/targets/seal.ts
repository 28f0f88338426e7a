import fc from 'fast-check';
import { readSafetensors, writeSafetensors } from '../../../src/formats/safetensors';
import type { Target } from '../target';
import { edited, edits } from './edits';

const FILE = 'fuzzed.safetensors';
/** How the checksum's place begins; where it does not stand any more, the file is one without. */
const SEALED = '"checksum":"sha256:';

const whole = writeSafetensors(
  { a: { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }, n: { shape: [], data: BigInt64Array.of(7n) } },
  { format: 'pt', epoch: '3' },
  { sealed: true },
);

/** A file with a checksum, some bytes of it changed: never read. */
export const target: Target = {
  names: FILE,
  seeds: () => [new Uint8Array(), ...fc.sample(edits(whole.length), { seed: 1, numRuns: 20 })],
  read(changes) {
    const file = edited(whole, changes);
    readSafetensors(file, FILE);
    if (Buffer.from(file).includes(SEALED) && !Buffer.from(file).equals(whole))
      throw new Error('a file that is not what its checksum says was read');
  },
};
