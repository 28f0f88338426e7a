// A piece of the line that a run is drawn with.
import type { Paint } from './palette';

export function Swatch({ paint }: { paint: Paint }) {
  return (
    <svg class="swatch" width="22" height="8" viewBox="0 0 22 8" aria-hidden="true" focusable="false">
      <line
        x1="1"
        y1="4"
        x2="21"
        y2="4"
        stroke={paint.color}
        stroke-width="3"
        stroke-dasharray={paint.dash.join(' ')}
      />
    </svg>
  );
}
