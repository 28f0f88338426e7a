import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { alignMatrix, eyeCentres } from '../../src/base/pixels/align';
import { cropBox } from '../../src/base/pixels/crop';
import {
  affectNetBox,
  centredSquare,
  clipBox,
  pictureSquare,
  pointsInPicture,
  resizeSquare,
  uprightBox,
} from '../../src/faces/geometry';
import { golden, near } from './goldens';

/** Two roundings to float32, of up to 2^-17 at 255: as they are kept, and as they are made pixels again here. */
const FLOAT = 2 ** -16;
/** The numbers as pixels, before mean and scale. */
const pixels = (x: Float32Array): Float32Array => x.map((v) => v * 255);

/** [H, W, 1 or 3] as three channels. */
const inRgb = (hwc: Float64Array, channels: number): Float64Array =>
  channels === 3 ? hwc : Float64Array.from({ length: hwc.length * 3 }, (_, i) => hwc[Math.floor(i / 3)]);

test('padding and resizing give the goldens', () => {
  const { metadata, numbers, picture, shape } = golden('resize');
  for (const [name, text] of Object.entries(metadata)) {
    const { centre, size } = JSON.parse(text);
    const image = picture(`${name}.in`);
    const { width, height } = image;
    const square = centre ? centredSquare([0, 0, width, height]) : pictureSquare(image, 0);
    const found = pixels(resizeSquare(image, square, size, [0, 0, 0]));
    near(found, inRgb(numbers(`${name}.out`), shape(`${name}.out`)[2]), FLOAT, name);
  }
});

test('a part, a border and the mean: as a picture that is cut out and padded first', () => {
  const image = golden('resize').picture('5.in');
  const { width, data } = image;
  const [x, y, w, h] = [4, 3, 11, 16];
  const cut = new Uint8Array(w * h * 3);
  for (let r = 0; r < h; r++)
    cut.set(data.subarray(((y + r) * width + x) * 3, ((y + r) * width + x + w) * 3), r * w * 3);
  const mean = [10, 20, 30];
  const whole = resizeSquare({ width: w, height: h, data: cut }, centredSquare([0, 0, w, h]), 8, mean);
  assert.equal(resizeSquare(image, centredSquare([x, y, w, h]), 8, mean), whole);

  // 31 x 20 with a border of 7.75, rounded to 8: 47 x 47 with the picture at 8, 8.
  const side = 47;
  const padded = new Uint8Array(side * side * 3);
  for (let r = 0; r < 20; r++) padded.set(data.subarray(r * 31 * 3, (r + 1) * 31 * 3), ((r + 8) * side + 8) * 3);
  const all = { width: side, height: side, data: padded };
  const found = resizeSquare(image, pictureSquare(image, 0.25), 32, mean);
  assert.equal(found, resizeSquare(all, pictureSquare(all, 0), 32, mean));
  near(
    found.subarray(0, 3),
    mean.map((m) => -m / 255),
    1e-8,
    'outside: 0 less the mean',
  );
});

test('the networks see the photographs as the goldens do', () => {
  for (const name of ['photo_000', 'photo_009']) {
    const { numbers, picture, shape } = golden(name);
    const image = picture('pixels');
    const channels = shape('pixels')[2];
    const check = (found: Float32Array, key: string): void =>
      near(pixels(found), inRgb(numbers(key), channels), FLOAT * 2, key);
    check(resizeSquare(image, pictureSquare(image, 0.25), 96, [0, 0, 0]), '96_0.25.input');
    const crop = clipBox(numbers('96_0.25.boxes').subarray(0, 4) as unknown as number[], image.width, image.height)!;
    assert.equal([...crop], [...numbers('96_0.25.crops')]);
    check(resizeSquare(image, centredSquare(crop), 112, [0, 0, 0]), '96_0.25.0.crop112');
  }
});

test('boxes are clipped to whole pixels of the picture, and points come back into it', () => {
  assert.equal(clipBox([-3.5, 2.7, 10.2, 4.1], 20, 30), [0, 2, 6, 4]);
  assert.equal(clipBox([15, 25, 100, 100], 20, 30), [15, 25, 5, 5]);
  for (const outside of [
    [-10, 0, 9, 9],
    [20.5, 0, 5, 5],
    [0, -3, 5, 3.5],
    [3, 3, 0.9, 5],
  ])
    assert.is(clipBox(outside, 20, 30), null, String(outside));
  const { metadata, numbers } = golden('landmarks');
  for (const i of [0, 1, 2]) {
    const { width, height } = JSON.parse(metadata[`points.${i}`]);
    const wanted = numbers(`points.${i}`).map((v, k) => (k % 2 ? v * height + 7 : v * width + 5));
    near(pointsInPicture(numbers('out'), [5, 7, width, height]), wanted, 1e-9, `points.${i}`);
  }
});

/** 68 points of a face that is turned: all at the eyes' middle but eyes and mouth. */
function face(distance: number, mouth: number, degrees: number): Float64Array {
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return Float64Array.from({ length: 136 }, (_, i) => {
    const point = i >> 1;
    const u = point >= 36 && point < 48 ? (point < 42 ? -distance / 2 : distance / 2) : 0;
    const v = point >= 48 ? mouth : 0;
    return i % 2 === 0 ? 400 + c * u - s * v : 300 + s * u + c * v;
  });
}

test("AffectNet's box: levelled and cut by it, eyes lie where they do in its frames", () => {
  for (const degrees of [0, 12, -33, 60])
    for (const distance of [100, 31]) {
      const landmarks = face(distance, distance, degrees);
      const [left, right] = eyeCentres(landmarks);
      const m = alignMatrix(left, right);
      const [x0, y0, x1, y1] = cropBox(m, affectNetBox(landmarks));
      const side = Math.round(distance / 0.357);
      assert.equal([x1 - x0, y1 - y0], [side, side]);
      // Eyes and corners are whole pixels, which is up to two pixels each way.
      for (const [point, x] of [
        [36, 0.318],
        [42, 0.675],
      ]) {
        const [px, py] = [landmarks[2 * point], landmarks[2 * point + 1]];
        const found = [m[0] * px + m[1] * py + m[2] - x0, m[3] * px + m[4] * py + m[5] - y0];
        near(found, [x * side, 0.389 * side], 2, `${degrees} degrees, ${distance} pixels: ${point}`);
      }
    }
  assert.equal(uprightBox(face(100, 100, 0)), affectNetBox(face(100, 100, 0)));
  // Of a face in profile the eyes are near each other, and at last at one place.
  assert.is(affectNetBox(face(40, 100, 20))[2], Math.round(100 / 0.385));
  assert.equal(affectNetBox(face(0, 77, 0)), [301, 222, 200, 200]);
});

test.run();
