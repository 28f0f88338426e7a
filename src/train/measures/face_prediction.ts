/** What a run's network says of one face; of a picture without one, all but `image`, `time` and `face` is null. */
export interface FacePrediction {
  readonly image: string;
  /** Only of frames of a video: seconds from its start. */
  readonly time?: number;
  /** Where faces are looked for: from 0, left to right; null: the picture has none. */
  readonly face?: number | null;
  /** The likeliest class. */
  readonly expression: string | null;
  readonly probabilities: Record<string, number> | null;
  /** null where the model has none. */
  readonly valence: number | null;
  readonly arousal: number | null;
  /** With `face`: left, top, width, height in pixels of the upright picture, as the detector or the list gives them. */
  readonly box?: readonly [number, number, number, number] | null;
  /** With `face`: 68 points [x, y]; null: of a given box none are known. */
  readonly landmarks?: readonly (readonly [number, number])[] | null;
  /** With `face`: how sure the detector is, above 0.5, to 1; null: the box was given. */
  readonly score?: number | null;
}

/** Which faces of a picture are looked at: every one that is found, the largest, or the picture itself, which is then a face. */
export const FACES = ['all', 'largest', 'none'] as const;
export type Faces = (typeof FACES)[number];
