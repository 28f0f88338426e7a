import type { RateRange } from '../../measures/rate_range';
import { BLUE, FAINT, type Picture } from './canvas';
import { drawCurves } from './curves';

/** The loss against the learning rate, as it was and smoothed, with a mark where it falls steepest. */
export function drawRateRange({ steps, steepest, lowest }: RateRange): Promise<Picture> {
  // Where it diverges it leaves the panel: what is of interest is the fall before.
  const fall = steps.filter(({ lr }) => lowest === null || lr <= lowest).map(({ smoothed }) => smoothed);
  const [low, high] = [Math.min(...fall), Math.max(...fall)];
  const points = (of: 'loss' | 'smoothed') => steps.map((step) => [step.lr, step[of]] as const);
  return drawCurves([
    {
      title: 'Loss against learning rate',
      x: {
        name: 'learning rate',
        log: true,
        min: steps[0].lr,
        max: steps.at(-1)?.lr ?? steps[0].lr,
        ...(steepest !== null && { mark: { at: steepest, name: steepest.toExponential(1) } }),
      },
      top: high + Math.max(high - low, 0.1 * Math.abs(high)),
      curves: [
        { name: 'loss', color: FAINT, points: points('loss') },
        { name: 'smoothed', color: BLUE, points: points('smoothed') },
      ],
    },
  ]);
}
