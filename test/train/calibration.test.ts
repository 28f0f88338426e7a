// How sure a network is against how often it is right, and what it says of a picture and its mirror image.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomStream, randomUniform } from '../../src/base/random';
import { formatMetrics, metricsCsv } from '../../src/cli/format';
import { buildModel } from '../../src/models';
import { Learner } from '../../src/train/loop/learner';
import { bootstrap } from '../../src/train/measures/bootstrap';
import { BINS, calibrationError, confidences, likelihoods, reliability } from '../../src/train/measures/calibration';
import { computeMetrics } from '../../src/train/measures/metrics';
import { withMirror } from '../../src/train/measures/mirror';
import { drawReliability } from '../../src/train/reports/charts/reliability';
import { release } from '../goldens/network';
import { device } from '../gpu';

const test = suite('calibration');
const close = (got: number | null, wanted: number) =>
  assert.ok(Math.abs((got as number) - wanted) < 1e-12, `${got}, wanted ${wanted}`);

test('the confidence is the largest share of the softmax', () => {
  const logits = [1, 2, 3, 0, 0, 0, 1000, 0, -1000];
  const [a, b, c] = confidences(logits, 3);
  close(a, Math.exp(3) / (Math.exp(1) + Math.exp(2) + Math.exp(3)));
  close(b, 1 / 3);
  assert.is(c, 1);
  const [d, e, f] = likelihoods(logits, 3, [1, 2, 2]);
  close(d, Math.exp(2) / (Math.exp(1) + Math.exp(2) + Math.exp(3)));
  close(e, 1 / 3);
  assert.is(f, 0);
});

test('the error by hand: four bins of their own size', () => {
  // Bins are above m / 15, at most (m + 1) / 15: 0.2 ends the third, 0.9 lies in the fourteenth, 1 in the last.
  const confidence = [0.2, 0.15, 0.9, 0.9, 0.9, 1, 0.5];
  const right = [0, 1, 1, 0, 1, 1, 0];
  const bins = reliability(confidence, (i) => right[i] === 1);
  assert.is(bins.length, BINS);
  assert.equal(
    bins.map(({ samples }) => samples),
    [0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 3, 1],
  );
  close(bins[2].confidence, 0.175);
  close(bins[2].accuracy, 0.5);
  assert.equal([bins[0].confidence, bins[0].accuracy], [null, null]);
  close(calibrationError(bins), (2 * (0.5 - 0.175) + 0.5 + 3 * (0.9 - 2 / 3) + 0) / 7);
  assert.is(calibrationError(reliability([], () => true)), null);
});

test('who is right as often as said has no error but chance, who is surer has the difference', () => {
  const draw = randomStream('calibration', 0);
  const n = 200_000;
  const said = Float64Array.from({ length: n }, (_, i) => 0.3 + 0.7 * randomUniform(draw, 2 * i));
  const right = Array.from(said, (p, i) => randomUniform(draw, 2 * i + 1) < p);
  const honest = calibrationError(reliability(said, (i) => right[i])) as number;
  assert.ok(honest < 0.005, `${honest}`);
  // Said to be 0.1 surer, where that stays below 1.
  const boast = said.map((p) => Math.min(1, p + 0.1));
  const wanted = boast.reduce((sum, p, i) => sum + p - said[i], 0) / n;
  const found = calibrationError(reliability(boast, (i) => right[i])) as number;
  assert.ok(Math.abs(found - wanted) < 0.005, `${found}, wanted ${wanted}`);
});

test('it stands among the metrics where confidences are known, with an interval, in tables and in a picture', async () => {
  const of = { classes: ['A', 'B'], labels: [0, 0, 1, 1, 0], predicted: [0, 1, 1, 1, 0] };
  const without = computeMetrics(of);
  assert.is(without.ece, null);
  assert.not('reliability' in without);
  const known = { ...of, confidence: [0.9, 0.6, 0.8, 0.7, 1] };
  const metrics = computeMetrics(known);
  close(metrics.ece, (0.1 + 0.6 + 0.2 + 0.3) / 5);
  const intervals = bootstrap(known);
  assert.ok(intervals.ece[0] < (metrics.ece as number) && (metrics.ece as number) < intervals.ece[1]);
  assert.match(formatMetrics(metrics, intervals), /expected calibration error +24\.0 % \(/);
  assert.match(formatMetrics(metrics), /\n0\.87 to 0\.93 +90\.0 % +100\.0 % +1\n/);
  const lines = metricsCsv(metrics, intervals).split('\n');
  assert.ok(lines.some((line) => line.startsWith('ece,0.24')));
  assert.ok(lines.includes('reliability_0.93_confidence,0.9,,') && lines.includes('reliability_0.07_accuracy,,,'));
  const { svg, png } = await drawReliability(metrics.reliability!, metrics.ece as number);
  assert.ok(svg.startsWith('<svg') && !svg.includes('<text') && png.length > 1000);
});

test('--tta flip: the mean of a picture and its mirror image, so that it is the same for both, to the bit', async () => {
  const [n, size] = [3, 16];
  const model = buildModel(device, {
    network: 'bregnext',
    model: 'multi_task',
    imageSize: size,
    classes: 5,
  }).initialise(2);
  const learner = new Learner(device, model, { embedding: null, loss: null });
  const images = Uint8Array.from({ length: n * size * size * 3 }, (_, i) => (i * 7919 + (i >> 4)) % 256);
  const mirrored = images.map((_, i) => {
    const [row, x, c] = [Math.floor(i / (3 * size)), Math.floor(i / 3) % size, i % 3];
    return images[(row * size + (size - 1 - x)) * 3 + c];
  });
  const batch = (of: Uint8Array) => ({
    images: of,
    affine: Int32Array.from({ length: 6 * n }, (_, i) => [0, 65536, 0, 0, 0, 65536][i % 6]),
    flip: new Uint32Array(n),
    labels: new Uint32Array(n),
    va: new Float32Array(2 * n),
    rows: new Uint32Array(n),
  });
  const [plain, other] = [await learner.evaluate(batch(images)), await learner.evaluate(batch(mirrored))];
  assert.not.equal(plain.logits, other.logits);
  const asked = withMirror(learner, 5);
  const [once, again] = [await asked.evaluate(batch(images)), await asked.evaluate(batch(mirrored))];
  assert.equal(
    once.logits,
    plain.logits.map((v, i) => (v + other.logits[i]) / 2),
  );
  assert.equal(
    once.va,
    plain.va!.map((v, i) => (v + other.va![i]) / 2),
  );
  assert.equal([again.logits, again.va, again.predicted], [once.logits, once.va, once.predicted]);
  assert.equal(
    once.predicted,
    [0, 1, 2].map((r) => {
      const row = [...once.logits.subarray(5 * r, 5 * r + 5)];
      return row.indexOf(Math.max(...row));
    }),
  );
  release(device, model);
});

test.run();
