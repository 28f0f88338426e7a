// What is drawn for training pictures: torchvision's numbers, pure functions of (seed, epoch, row), and mixup's distribution.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomStream, randomUniform } from '../../src/base/random';
import { type Augmentation, changesOf, largerShare, mixRows } from '../../src/data/augment';
import { readSafetensors } from '../../src/formats/safetensors';

const test = suite('augment');
const OFF: Augmentation = { rotation: null };
const ALL: Augmentation = { rotation: 30, random_erasing: 0.5, color_jitter: 0.4, mixup: 0.3 };

const { tensors } = readSafetensors(readFileSync('test/golden/data/augment.safetensors'), 'augment.safetensors');
const golden = (name: string): number[] => Array.from(tensors.get(name)?.data as BigInt64Array, Number);
/** The batch that the golden file was drawn for. */
const AT = { seed: 7, epoch: 3, step: 5 };
const rows = Array.from({ length: 200 }, (_, i) => i);

test("random erasing: torchvision's boxes for the same random numbers, also where few fit", () => {
  for (const [size, random_erasing] of [
    [227, 0.7],
    [6, 1],
  ]) {
    const { erased } = changesOf({ ...OFF, random_erasing }, rows, size, AT);
    assert.equal([...(erased as Int32Array)], golden(`boxes.${size}`));
  }
});

test("color jitter: torchvision's factors in 1/4096, the strength either way", () => {
  const { color } = changesOf({ ...OFF, color_jitter: 0.8 }, rows, 8, AT);
  assert.equal([...(color as Int32Array)], golden('factors'));
  const all = changesOf({ ...OFF, color_jitter: 1 }, rows, 8, AT).color as Int32Array;
  assert.ok(Math.min(...all) >= 0 && Math.max(...all) <= 8192 && Math.max(...all) > 8000 && Math.min(...all) < 192);
});

test('what is off is not drawn, and changes nothing of the others', () => {
  const all = changesOf(ALL, rows, 32, AT);
  assert.equal(changesOf({ rotation: 30 }, rows, 32, AT), { ...all, color: null, erased: null, share: null });
  const none = changesOf(OFF, rows, 32, AT);
  assert.equal(changesOf(null, rows, 32, AT), none);
  assert.equal([none.color, none.erased, none.share], [null, null, null]);
  assert.equal([...none.flip], new Array(200).fill(0));
  assert.equal([...none.affine.subarray(0, 6)], [32768, 65536, 0, 32768, 0, 65536]);
});

test('a picture is changed alike in any batch of an epoch, otherwise in the next, and with another seed', () => {
  const all = changesOf(ALL, rows, 32, AT);
  const some = changesOf(ALL, [150, 3], 32, { ...AT, step: 9 });
  for (const [name, each] of [
    ['affine', 6],
    ['flip', 1],
    ['color', 3],
    ['erased', 4],
  ] as const) {
    const of = (c: typeof all, i: number) => [...(c[name] as Int32Array).subarray(i * each, (i + 1) * each)];
    assert.equal([of(some, 0), of(some, 1)], [of(all, 150), of(all, 3)], name);
    for (const at of [
      { ...AT, epoch: 4 },
      { ...AT, seed: 8 },
    ])
      assert.not.equal(changesOf(ALL, rows, 32, at)[name], all[name], name);
  }
  const share = (at: Partial<typeof AT>) => changesOf(ALL, [0, 1], 32, { ...AT, ...at }).share;
  const shares = [share({}), share({ step: 6 }), share({ epoch: 4 }), share({ seed: 8 })];
  assert.is(new Set(shares).size, 4);
  assert.is(share({}), all.share);
});

/** Share drawn with u and v of a stream, `n` times. */
function shares(alpha: number, n: number): number[] {
  const stream = randomStream('shares', 0);
  return Array.from({ length: n }, (_, i) =>
    largerShare(alpha, randomUniform(stream, 2 * i), randomUniform(stream, 2 * i + 1)),
  );
}

// max(b, 1 - b): of alpha 1 uniform in [1/2, 1]; of alpha 1/2 the arcsine law; of alpha 2 the density 6 b (1 - b), twice. Kolmogorov and
// Smirnov's distance is below 1.63 / sqrt(n) in 99 of 100 such samples; this one is fixed.
test('mixup: the larger share of Beta(alpha, alpha)', () => {
  const n = 20000;
  const laws: [number, (b: number) => number][] = [
    [1, (b) => b],
    [0.5, (b) => (2 / Math.PI) * Math.asin(Math.sqrt(b))],
    [2, (b) => b * b * (3 - 2 * b)],
  ];
  for (const [alpha, law] of laws) {
    const drawn = shares(alpha, n).sort((a, b) => a - b);
    const distance = Math.max(...drawn.map((b, i) => Math.abs(2 * (law(b) - 0.5) - (i + 0.5) / n)));
    assert.ok(distance < 1.63 / Math.sqrt(n), `alpha ${alpha}: ${distance}`);
  }
  for (const alpha of [0.1, 0.4, 8]) {
    // E (2 b - 1)^2 = 1 / (2 alpha + 1), whose standard error is below 0.5 / sqrt(n).
    const second = shares(alpha, n).reduce((sum, b) => sum + (2 * b - 1) ** 2, 0) / n;
    assert.ok(Math.abs(second - 1 / (2 * alpha + 1)) < 1.5 / Math.sqrt(n), `alpha ${alpha}: ${second}`);
  }
});

test('mixup: a share is a number from 1/2 to 1 at the ends of what can be drawn', () => {
  for (const alpha of [1e-9, 0.2, 1, 1e9])
    for (const u of [0, 2 ** -24, 0.5, 1 - 2 ** -24])
      for (const v of [0, 0.25, 0.5, 1 - 2 ** -24]) {
        const share = largerShare(alpha, u, v);
        assert.ok(share >= 0.5 && share <= 1 && share === Math.fround(share), `${alpha}, ${u}, ${v}: ${share}`);
      }
});

test('rows are mixed with those as far from the end', () => {
  const va = Float32Array.of(1, -1, 0.5, 0.25, 0, 1);
  assert.equal([...mixRows(va, 2, 0.75)], [0.75, -0.5, 0.5, 0.25, 0.25, 0.5]);
});

test.run();
