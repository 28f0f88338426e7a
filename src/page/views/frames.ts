// Long lists a piece a frame, so that no task holds the page up.
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/**
 * `count` pieces made by `make`: the first at once, each other in a frame of its own, so that a piece shows for a moment what it
 * showed before. A piece that is not made anew is the same VNode, which Preact passes over.
 * @param wanted what pieces are made of: another object (or value), and all are made anew
 */
export function useInFrames(count: number, wanted: unknown, make: (piece: number) => VNode): VNode[] {
  const made = useRef<{ readonly of: unknown; readonly piece: VNode }[]>([]);
  const [, draw] = useState(0);
  const pieces = made.current;
  if (count > 0 && pieces[0]?.of !== wanted) pieces[0] = { of: wanted, piece: make(0) };
  pieces.length = Math.min(pieces.length, count);
  useEffect(() => {
    let [frame, next] = [0, 1];
    const step = (): void => {
      if (next >= count) return;
      pieces[next] = { of: wanted, piece: make(next) };
      next++;
      draw((n) => n + 1);
      frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [wanted, count]);
  return pieces.map(({ piece }) => piece);
}
