import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatVideos, videosCsv } from '../../src/cli/format';
import { type Sample, Samples } from '../../src/data';
import { computeMetrics } from '../../src/train/measures/metrics';
import { perVideo } from '../../src/train/measures/per_video';

const sample = (image: string): Sample => ({
  image,
  where: '',
  expression: 0,
  valence: 0,
  arousal: 0,
  pose: null,
  group: null,
});
// Frames of two videos, in any order; the last is not among the predictions.
const samples = Samples.of(
  ['v/b/00002.jpg', 'v/a/00001.jpg', 'v/b/00001.jpg', 'v/a/00002.jpg', 'v/c/00001.jpg'].map(sample),
);
const predictions = {
  classes: ['Calm', 'Cross'],
  rows: [3, 0, 1, 2],
  labels: [0, 1, 1, 0],
  predicted: [0, 0, 1, 0],
  va: { truth: [0.1, 0.5, -1, 0, 0.3, -0.5, 1, 0.25], predicted: [0.2, 0.5, -1, 0.5, 0.1, -0.4, 0.5, 0.5] },
};

test('the figures of a video are those of its frames alone', () => {
  const videos = perVideo(samples, predictions);
  assert.equal(Object.keys(videos), ['a', 'b']);
  const a = computeMetrics({
    classes: predictions.classes,
    labels: [0, 1],
    predicted: [0, 1],
    va: { truth: [0.1, 0.5, 0.3, -0.5], predicted: [0.2, 0.5, 0.1, -0.4] },
  });
  for (const [name, value] of Object.entries(videos.a)) assert.is(value, a[name as keyof typeof a], name);
  assert.equal([videos.a.samples, videos.a.accuracy, videos.b.samples, videos.b.accuracy], [2, 1, 2, 0.5]);
  assert.match(formatVideos(videos), /video +frames +accuracy .*\na +2 +100.0 %.*\nb +2 +50.0 %/);
  assert.ok(videosCsv(videos).includes('video/b/accuracy,0.5,,'));
});

test('without valence and arousal these figures are null, and empty in CSV', () => {
  const videos = perVideo(samples, { ...predictions, va: undefined });
  assert.is(videos.a.ccc_valence, null);
  assert.ok(videosCsv(videos).includes('video/a/ccc_valence,,,'));
});

test.run();
