import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { candidates, dropInner, type ScoredBox, suppress } from '../../src/faces/decode';
import { clipBox } from '../../src/faces/geometry';
import { golden, near, planes } from './goldens';

test('candidates, the boxes kept and their crops are those of the goldens', () => {
  const { metadata, numbers } = golden('decode');
  for (const [name, text] of Object.entries(metadata)) {
    const { width, height, size } = JSON.parse(text);
    const found = candidates(planes(numbers(`${name}.raw`), 25), width, height, size);
    const rows = numbers(`${name}.candidates`);
    const wanted = Array.from({ length: rows.length / 8 }, (_, i) => [...rows.subarray(i * 8, i * 8 + 5)]);
    // Both are computed in double.
    near(found.flat(), wanted.flat(), 1e-12, name);
    const kept = suppress(found);
    assert.equal(
      kept.map((box) => found.indexOf(box)),
      [...numbers(`${name}.kept`)],
    );
    // The goldens give a size below 1 to what lies outside the picture.
    const crops = numbers(`${name}.crops`);
    for (const [i, [x, y, w, h]] of kept.entries()) {
      const crop = [...crops.subarray(i * 4, i * 4 + 4)];
      const wanted = crop[2] > 0 && crop[3] > 0 ? crop : null;
      assert.equal(clipBox([x * width, y * height, w * width, h * height], width, height), wanted);
    }
  }
});

test('of equal scores the later box stays; a box inside a better one goes, beside it stays', () => {
  const box = (x: number, y: number, w: number, h: number, score: number): ScoredBox => [x, y, w, h, score];
  const [first, second] = [box(0, 0, 10, 10, 0.7), box(1, 0, 10, 10, 0.7)];
  assert.equal(suppress([first, second]), [second]);
  const outer = box(0, 0, 10, 10, 0.9);
  const inner = box(1, 1, 4, 4, 0.8);
  const beside = box(8, 0, 10, 10, 0.6);
  assert.equal(suppress([inner, beside, outer]), [outer, inner, beside]);
  assert.equal(dropInner([inner, beside, outer]), [outer, beside]);
  // The larger one goes where it is the worse; exactly 80 % stays.
  assert.equal(dropInner([box(1, 1, 4, 4, 0.95), outer]), [box(1, 1, 4, 4, 0.95)]);
  assert.equal(dropInner([outer, box(6, 0, 5, 1, 0.4)]).length, 2);
});

test('a picture of one row has candidates with finite boxes', () => {
  const raw = new Float64Array(25 * 9).fill(1);
  for (const box of candidates(raw, 5000, 1, 96)) assert.ok(box.every(Number.isFinite));
});

test.run();
