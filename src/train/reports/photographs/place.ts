// Where things may stand in a drawing, in pixels of it.

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The area that two have in common. */
function overlap(a: Rect, b: Rect): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return Math.max(0, width) * Math.max(0, height);
}

/** Moved into `room`; what is larger than it stands at its upper left. */
function moveInto(rect: Rect, room: Rect): Rect {
  const into = (at: number, size: number, from: number, length: number): number =>
    Math.max(from, Math.min(at, from + length - size));
  return {
    ...rect,
    x: into(rect.x, rect.width, room.x, room.width),
    y: into(rect.y, rect.height, room.y, room.height),
  };
}

/** Places of something beside a box: above and below by its edges and its middle, then at its sides. */
export function besides({ x, y, width, height }: Rect, size: Pick<Rect, 'width' | 'height'>, gap: number): Rect[] {
  const along = (at: number, length: number, own: number): number[] => [at, at + length - own, at + (length - own) / 2];
  const across = along(x, width, size.width);
  const down = along(y, height, size.height);
  const [above, below] = [y - gap - size.height, y + height + gap];
  const [left, right] = [x - gap - size.width, x + width + gap];
  return [
    ...[above, below].flatMap((top) => across.map((at) => ({ ...size, x: at, y: top }))),
    ...[right, left].flatMap((at) => down.map((top) => ({ ...size, x: at, y: top }))),
  ];
}

/** Places of something at the four corners in a box. */
export function within({ x, y, width, height }: Rect, size: Pick<Rect, 'width' | 'height'>): Rect[] {
  const [right, bottom] = [x + width - size.width, y + height - size.height];
  return [y, bottom].flatMap((top) => [x, right].map((left) => ({ ...size, x: left, y: top })));
}

/** The least rectangle that holds both. */
export function around(a: Rect, b: Rect): Rect {
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  const [right, bottom] = [Math.max(a.x + a.width, b.x + b.width), Math.max(a.y + a.height, b.y + b.height)];
  return { x, y, width: right - x, height: bottom - y };
}

/** A text that another covers is worse than a face that it stands on. */
const TEXT = 4;

/** Of places moved into `room` the one that covers least, the first of equals; and how much that is. */
export function leastCovering(
  places: readonly Rect[],
  faces: readonly Rect[],
  texts: readonly Rect[],
  room: Rect,
): { readonly rect: Rect; readonly covered: number } {
  let best = { rect: places[0], covered: Number.POSITIVE_INFINITY };
  for (const place of places) {
    const rect = moveInto(place, room);
    const sum = (others: readonly Rect[]): number => others.reduce((area, other) => area + overlap(rect, other), 0);
    const covered = sum(faces) + TEXT * sum(texts);
    if (covered < best.covered) best = { rect, covered };
    if (covered === 0) break;
  }
  return best;
}
