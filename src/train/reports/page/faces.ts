// Some of a run's predictions, where there are too many.
import type { PagePredictions } from '../../../page/protocol';

/** At most `most` of the places 0 to n - 1, evenly, the first and the last among them. */
export function evenly(n: number, most: number): number[] {
  const few = Math.max(1, Math.min(n, Math.floor(most)));
  return n === 0 ? [] : Array.from({ length: few }, (_, i) => Math.round((i * (n - 1)) / Math.max(1, few - 1)));
}

/** Places of wrong answers, those where the true class was held least likely first. */
export function worstOf({ expression, predicted, likelihood }: PagePredictions): number[] {
  const wrong = [...expression.keys()].filter((i) => expression[i] !== predicted[i]);
  return likelihood ? wrong.sort((a, b) => likelihood[a] - likelihood[b]) : wrong;
}

/** All places, the least certain first; none where that is not known. */
export const leastCertainOf = ({ confidence }: PagePredictions): number[] =>
  confidence ? [...confidence.keys()].sort((a, b) => confidence[a] - confidence[b]) : [];

/** At most about `most` of them in their order: the worst, the least certain, and of the others evenly. */
export function fewer(of: PagePredictions, most: number): PagePredictions {
  const n = of.image.length;
  if (n <= most) return of;
  const tenth = Math.floor(most / 10);
  const marked = [...worstOf(of).slice(0, tenth), ...leastCertainOf(of).slice(0, tenth)];
  const places = [...new Set([...marked, ...evenly(n, most - 2 * tenth)])].sort((a, b) => a - b);
  const pick = <T>(column: readonly T[]): T[] => places.map((place) => column[place]);
  return {
    image: pick(of.image),
    expression: pick(of.expression),
    predicted: pick(of.predicted),
    confidence: of.confidence && pick(of.confidence),
    likelihood: of.likelihood && pick(of.likelihood),
    valence: of.valence && pick(of.valence),
    arousal: of.arousal && pick(of.arousal),
  };
}
