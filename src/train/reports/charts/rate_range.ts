import type { RateRange } from '../../measures/rate_range';
import { BLUE, FAINT, ORANGE, type Picture } from './canvas';
import { type Curve, drawCurves } from './curves';

/** The loss against the learning rate, as it was and smoothed, with a mark where it falls steepest. */
export function drawRateRange({ steps, steepest, lowest }: RateRange): Promise<Picture> {
  // Where it diverges it leaves the panel: what is of interest is the fall before.
  const fall = steps.filter(({ lr }) => lowest === null || lr <= lowest).map(({ smoothed }) => smoothed);
  const [low, high] = [Math.min(...fall), Math.max(...fall)];
  const top = Number((high + Math.max(high - low, 0.1 * high)).toPrecision(2));
  const mark: Curve[] = [];
  if (steepest !== null) {
    const points = [low, top].map((y) => [steepest, y] as const);
    mark.push({ name: `steepest at ${steepest.toExponential(1)}`, color: ORANGE, line: 'dashed', points });
  }
  const points = (of: 'loss' | 'smoothed') => steps.map((step) => [step.lr, step[of]] as const);
  return drawCurves([
    {
      title: 'Loss against learning rate',
      x: {
        name: 'learning rate',
        log: true,
        min: steps[0].lr,
        max: steps.at(-1)?.lr ?? steps[0].lr,
      },
      top,
      curves: [
        { name: 'loss', color: FAINT, points: points('loss') },
        { name: 'smoothed', color: BLUE, points: points('smoothed') },
        ...mark,
      ],
    },
  ]);
}
