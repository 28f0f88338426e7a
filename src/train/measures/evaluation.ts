import type { Intervals } from './bootstrap';
import type { Metrics } from './metrics';
import type { VideoFigures } from './per_video';

/** What an evaluation is of. */
export interface Measured {
  /** Annotations, of those with two parts the validation part, and how they are laid out. */
  readonly file: string;
  readonly layout: string;
  /** Of the annotations: see `hashOf`. */
  readonly hash: string;
  /** Rows that were looked at, and faces of them that were measured. */
  readonly rows: number;
  readonly samples: number;
  readonly classes: readonly string[];
  /** Whether scores are means over a picture and its mirror image. */
  readonly tta: Tta;
}

export const TTA = ['off', 'flip'] as const;
export type Tta = (typeof TTA)[number];

/** What `evaluate` finds. */
export interface Evaluation {
  readonly metrics: Metrics;
  /** 95 %, bootstrap. */
  readonly intervals: Intervals;
  /** Of each video, by its name; null where the data set has none. */
  readonly videos: Record<string, VideoFigures> | null;
  readonly measured: Measured;
  /** The text of predictions.csv. */
  readonly predictions: string;
}
