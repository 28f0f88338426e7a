// The points of the plane, on a canvas.
import { useEffect, useRef } from 'preact/hooks';
import type { PagePredictions } from '../protocol';
import { onTheme } from '../theme';
import { classColour, css } from './colours';

/** So far the canvas goes beyond the plane, so that points on its edge are whole. */
const PAD = 6;
/** Points that are drawn at once: a frame each, so that a hundred thousand do not hold the page up. */
const AT_ONCE = 1000;

interface DotsProps {
  readonly predictions: PagePredictions;
  readonly sets: readonly Float32Array[];
  readonly rows: Uint32Array;
  readonly side: number;
  readonly classes: number;
  /** Rings for the second set. */
  readonly hollow: boolean;
  /** Where the plane begins. */
  readonly left: number;
  readonly top: number;
}

/** The points, on a canvas, some thousands a frame. */
export function Dots({ predictions, sets, rows, side, classes, hollow, left, top }: DotsProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let frame = 0;
    const draw = (): void => {
      cancelAnimationFrame(frame);
      const context = canvas.current?.getContext('2d');
      if (!canvas.current || !context) return;
      const scale = devicePixelRatio || 1;
      const pixels = side * scale;
      canvas.current.width = canvas.current.height = Math.round(pixels + 2 * PAD * scale);
      const radius = scale * (rows.length <= 300 ? 4 : rows.length <= 3000 ? 3 : rows.length <= 20000 ? 2 : 1.25);
      const alpha = rows.length <= 300 ? 0.85 : rows.length <= 3000 ? 0.6 : 0.45;
      const stamps = sets.map((_, s) =>
        Array.from({ length: classes }, (_, c) =>
          stamp(colourOn(canvas.current!, c), radius, alpha, hollow && s === 1),
        ),
      );
      let next = 0;
      const some = (): void => {
        const end = Math.min(rows.length, next + AT_ONCE / sets.length);
        for (; next < end; next++) {
          const row = rows[next];
          for (const [s, points] of sets.entries()) {
            const dot = stamps[s][predictions.expression[row]];
            const [vx, vy] = [points[2 * row], points[2 * row + 1]];
            if (!dot || Number.isNaN(vx) || Number.isNaN(vy)) continue;
            const shift = PAD * scale - dot.width / 2;
            context.drawImage(dot, ((vx + 1) / 2) * pixels + shift, ((1 - vy) / 2) * pixels + shift);
          }
        }
        if (next < rows.length) frame = requestAnimationFrame(some);
      };
      some();
    };
    draw();
    const end = onTheme(draw);
    return () => {
      cancelAnimationFrame(frame);
      end();
    };
  }, [predictions, sets, rows, side, classes, hollow]);
  return (
    <canvas
      ref={canvas}
      style={{
        left: `${left - PAD}px`,
        top: `${top - PAD}px`,
        width: `${side + 2 * PAD}px`,
        height: `${side + 2 * PAD}px`,
      }}
    />
  );
}

/** A class's colour as the theme that holds there has it. */
function colourOn(element: HTMLElement, c: number): string {
  element.style.color = css(classColour(c));
  return getComputedStyle(element).color;
}

/** A dot, drawn once. */
function stamp(colour: string, radius: number, alpha: number, ring: boolean): HTMLCanvasElement {
  const dot = document.createElement('canvas');
  dot.width = dot.height = 2 * Math.ceil(radius + 1);
  const context = dot.getContext('2d')!;
  context.globalAlpha = alpha;
  context.fillStyle = context.strokeStyle = colour;
  context.beginPath();
  context.arc(dot.width / 2, dot.width / 2, radius, 0, 2 * Math.PI);
  if (ring) context.stroke();
  else context.fill();
  return dot;
}
