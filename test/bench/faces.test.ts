// npm run bench -- faces as far as it needs no other engine (that is a download).
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ourFaces, pictures } from '../../bench/faces';
import { device } from '../gpu';

const test = suite('bench faces');

test('nine faces of the three pictures, each with a box, landmarks and probabilities', async () => {
  const facesOf = ourFaces(device);
  const counts: number[] = [];
  for (const picture of pictures()) {
    const [boxes, points, probabilities] = await facesOf(picture);
    const count = boxes.length / 5;
    counts.push(count);
    assert.equal([points.length, probabilities.length], [136 * count, 7 * count]);
    for (let i = 0; i < count; i++) {
      const sum = probabilities.slice(7 * i, 7 * i + 7).reduce((a, b) => a + b);
      assert.ok(Math.abs(sum - 1) < 1e-5, String(sum));
    }
  }
  assert.equal(counts, [1, 1, 7]);
});

test.run();
