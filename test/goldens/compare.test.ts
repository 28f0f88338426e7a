// The rule by which a golden is held: one number just beyond what is allowed fails, just within passes.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Check, compareExact, compareStored, passes, STORED } from './compare';

const OWN = { relL2: 1e-7, maxAbs: 2e-7 };
const reference = Float64Array.from({ length: 10_000 }, (_, i) => Math.sin(i));

/** What is said of the reference with `by` added to one of its numbers. */
function changed(by: number): Check {
  const got = reference.slice();
  got[1234] += by;
  return compareStored('y', got, reference, OWN);
}

test('one number: as far off as 8 times its own error and 4e-7 of the largest, and no farther', () => {
  const [factor, floor] = STORED.each as readonly [number, number];
  // The largest sine among the reference is 1 to six digits.
  const limit = factor * OWN.maxAbs + floor;
  for (const sign of [1, -1]) {
    assert.ok(passes(changed(sign * 0.99 * limit)));
    assert.not.ok(passes(changed(sign * 1.01 * limit)));
  }
  assert.not.ok(passes(changed(Number.NaN)));
});

test('all numbers: as far off as 4 times the own error and 3e-7 of them, and no farther', () => {
  const scaled = (by: number): Check =>
    compareStored(
      'y',
      reference.map((v) => v * (1 + by)),
      reference,
      OWN,
      { factor: STORED.factor, floor: STORED.floor },
    );
  const limit = STORED.factor * OWN.relL2 + STORED.floor;
  assert.ok(passes(scaled(0.99 * limit)));
  assert.not.ok(passes(scaled(1.01 * limit)));
});

test('a number too few, or one that is to be equal and is not', () => {
  assert.not.ok(passes(compareStored('y', reference.slice(1), reference, OWN)));
  assert.not.ok(passes(compareExact('y', [1, 2, 4], [1, 2, 3])));
  assert.not.ok(passes(compareExact('y', [1, 2], [1, 2, 3])));
  assert.ok(passes(compareExact('y', [1, 2, 3], [1, 2, 3])));
});

test.run();
