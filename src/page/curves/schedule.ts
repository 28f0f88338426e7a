// Drawing in turns: as many as fit into a frame, the others in the next, so that no task is long.

const BUDGET = 8;
const waiting = new Map<object, () => void>();
let asked = false;

/** Calls `draw` in the next frame that has time; a later call with the same key takes its place. */
export function soon(key: object, draw: () => void): void {
  waiting.set(key, draw);
  ask();
}

export const forget = (key: object): void => void waiting.delete(key);

function ask(): void {
  if (asked || waiting.size === 0) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    const end = performance.now() + BUDGET;
    for (const [key, draw] of waiting) {
      waiting.delete(key);
      draw();
      if (performance.now() > end) break;
    }
    ask();
  });
}
