// The loss of a lesson as it goes: of what is learnt, and of what was held out.
import type { Lap } from './messages';

/** In units of the drawing: its sides, and room for numbers on the left and below. */
const [WIDTH, HEIGHT, LEFT, BELOW] = [480, 200, 40, 20];

export function LossChart({ laps }: { readonly laps: readonly Lap[] }) {
  const { epochs } = laps[0];
  const highest = laps.reduce((most, { loss, heldLoss }) => Math.max(most, loss, heldLoss ?? 0), 0);
  const step = niceStep(highest / 4);
  const top = Math.max(step * Math.ceil(highest / step), step);
  const x = (epoch: number): number => LEFT + ((WIDTH - LEFT - 8) * epoch) / epochs;
  const y = (loss: number): number => 8 + (HEIGHT - BELOW - 8) * (1 - loss / top);
  const line = (of: (lap: Lap) => number | null): string =>
    laps
      .flatMap((lap) => {
        const loss = of(lap);
        return loss === null ? [] : [`${x(lap.epoch).toFixed(1)} ${y(loss).toFixed(1)}`];
      })
      .join('L');
  const trained = line(({ loss }) => loss);
  const held = line(({ heldLoss }) => heldLoss);
  const marks = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step);
  return (
    <figure class="loss">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label="The loss by epoch">
        {marks.map((v) => (
          <g key={v}>
            <path class="grid" d={`M${LEFT} ${y(v)}H${WIDTH - 8}`} />
            <text x={LEFT - 8} y={y(v) + 4} text-anchor="end">
              {Number(v.toPrecision(6))}
            </text>
          </g>
        ))}
        <text x={LEFT} y={HEIGHT - 4}>
          0
        </text>
        <text x={WIDTH - 8} y={HEIGHT - 4} text-anchor="end">
          epoch {epochs}
        </text>
        {held && <path class="held" d={`M${held}`} />}
        <path class="trained" d={`M${trained}`} />
      </svg>
      <figcaption>
        <span class="trained">loss</span>
        {held && <span class="held">of what was held out</span>}
      </figcaption>
    </figure>
  );
}

/** 1, 2 or 5 times a power of ten, and at least `v`. */
function niceStep(v: number): number {
  const power = 10 ** Math.floor(Math.log10(v || 1));
  return power * ([1, 2, 5].find((n) => n * power >= v) ?? 10);
}
