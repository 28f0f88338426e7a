import { basename, dirname } from 'node:path';
import type { Samples } from '../../data';
import { computeMetrics, type Metrics, type Predictions } from './metrics';
import type { SamplePredictions } from './predictions';

const FIGURES = [
  'samples',
  'accuracy',
  'macro_f1',
  'ccc_valence',
  'ccc_arousal',
  'rmse_valence',
  'rmse_arousal',
  'challenge_expression',
  'challenge_va',
] as const;

/** What is reported about one video; as in `Metrics`. */
export type VideoFigures = Pick<Metrics, (typeof FIGURES)[number]>;

/** The figures of each video: of the frames in one folder, by the folder's name, in the order of the names. */
export function perVideo(
  samples: Samples,
  predictions: Predictions & Pick<SamplePredictions, 'rows'>,
): Record<string, VideoFigures> {
  const { classes, rows, labels, predicted, va, untrained } = predictions;
  const places = new Map<string, number[]>();
  for (const [place, row] of rows.entries()) {
    const video = basename(dirname(samples.imageAt(row)));
    const found = places.get(video);
    if (found) found.push(place);
    else places.set(video, [place]);
  }
  const videos = [...places].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    videos.map(([video, at]) => {
      const pairs = (of: ArrayLike<number>) => at.flatMap((i) => [of[2 * i], of[2 * i + 1]]);
      const metrics = computeMetrics({
        classes,
        untrained,
        labels: at.map((i) => labels[i]),
        predicted: at.map((i) => predicted[i]),
        va: va && { truth: pairs(va.truth), predicted: pairs(va.predicted) },
      });
      return [video, Object.fromEntries(FIGURES.map((name) => [name, metrics[name]])) as unknown as VideoFigures];
    }),
  );
}
