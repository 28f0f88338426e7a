// Drawing in turns, a chart a frame: what a canvas is told is painted when its frame ends, and with all charts that would be a long task.

const waiting = new Map<object, () => void>();
let asked = false;

/** Calls `draw` in a frame of its own, soon; a later call with the same key takes its place. */
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
    const [[key, draw]] = [...waiting].slice(0, 1);
    waiting.delete(key);
    draw();
    ask();
  });
}
