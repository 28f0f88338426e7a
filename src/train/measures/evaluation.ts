import type { Intervals } from './bootstrap';
import type { Metrics } from './metrics';
import type { VideoFigures } from './per_video';

/** What `evaluate` finds. */
export interface Evaluation {
  readonly metrics: Metrics;
  /** 95 %, bootstrap. */
  readonly intervals: Intervals;
  /** Of each video, by its name; null where the data set has none. */
  readonly videos: Record<string, VideoFigures> | null;
  /** Of the annotations: see `hashOf`. */
  readonly hash: string;
  /** The text of predictions.csv. */
  readonly predictions: string;
}
