// SHA-256 in TypeScript, which pages seal files by: the same as Node's.
import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inScript } from '../src/base/sha256';

const ofNode = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

test('it is that of FIPS 180-4', () => {
  const abc = new TextEncoder().encode('abc');
  assert.is(inScript([abc]), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('every length to three blocks, in parts of any size, and a long message', () => {
  for (let length = 0; length <= 192; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 7 + length);
    const [a, b] = [Math.floor(length / 3), Math.floor(length / 2)];
    assert.is(
      inScript([bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)]),
      ofNode(bytes),
      `${length} bytes`,
    );
  }
  const long = new Uint8Array(1e6).fill(255);
  assert.is(inScript([long.subarray(0, 99), long.subarray(99)]), ofNode(long));
});

test.run();
