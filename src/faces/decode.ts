/** A box that the detector found: left, top, width, height, and how sure it is, 0 to 1. */
export type ScoredBox = readonly [x: number, y: number, width: number, height: number, score: number];

/** Width and height of the anchors, in cells. */
export const ANCHORS = [
  [1.603231, 2.094468],
  [6.041143, 7.080126],
  [2.882459, 3.518061],
  [4.266906, 5.178857],
  [9.041765, 10.66308],
] as const;

const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));

/**
 * Boxes whose score = sigmoid(t4) is above the threshold, in fractions of the picture, row by row, then column, then anchor:
 * centre = (cell + sigmoid(t)) / G, size = exp(t) * anchor / G, of a square of which the picture takes up the upper left part (YOLO v2,
 * Redmon and Farhadi 2017).
 * @param raw [25, G, G] of the detector: anchor * 5 + (x, y, w, h, score)
 * @param width of the picture, before it was padded to a square and resized to `size`
 */
export function candidates(
  raw: ArrayLike<number>,
  width: number,
  height: number,
  size: number,
  threshold = 0.5,
): ScoredBox[] {
  const cells = Math.sqrt(raw.length / 25);
  // The picture's share of the square in whole pixels of the input, as face-api has it.
  const share = (side: number): number => Math.max(1, Math.floor((side * size) / Math.max(width, height) + 0.5));
  const [rw, rh] = [share(width), share(height)];
  const [cx, cy] = [Math.max(rw, rh) / rw / cells, Math.max(rw, rh) / rh / cells];
  const found: ScoredBox[] = [];
  for (let row = 0; row < cells; row++)
    for (let column = 0; column < cells; column++)
      for (const [a, [aw, ah]] of ANCHORS.entries()) {
        const t = (i: number): number => raw[((a * 5 + i) * cells + row) * cells + column];
        const score = sigmoid(t(4));
        if (!(score > threshold)) continue;
        const [w, h] = [Math.exp(t(2)) * aw * cx, Math.exp(t(3)) * ah * cy];
        found.push([(column + sigmoid(t(0))) * cx - w / 2, (row + sigmoid(t(1))) * cy - h / 2, w, h, score]);
      }
  return found;
}

function overlap(a: ScoredBox, b: ScoredBox): number {
  const side = (i: 0 | 1): number => Math.min(a[i] + a[i + 2], b[i] + b[i + 2]) - Math.max(a[i], b[i]);
  return Math.max(0, side(0)) * Math.max(0, side(1));
}

const area = ([, , w, h]: ScoredBox): number => w * h;

/** Boxes, best first, without those that `covers` says of a better one that stays; of equal scores the later comes first. */
function best(boxes: readonly ScoredBox[], covers: (better: ScoredBox, box: ScoredBox) => boolean): ScoredBox[] {
  const kept: ScoredBox[] = [];
  for (const box of boxes.toReversed().sort((a, b) => b[4] - a[4]))
    if (!kept.some((better) => covers(better, box))) kept.push(box);
  return kept;
}

/** Non-maximum suppression: a box goes if its intersection over union with a better one that stays is above 0.4. */
export const suppress = (boxes: readonly ScoredBox[], threshold = 0.4): ScoredBox[] =>
  best(boxes, (a, b) => {
    const both = overlap(a, b);
    return both / (area(a) + area(b) - both) > threshold;
  });

/** Drops a box of which, or in which, a better one lies: with more than 80 % of the smaller area in common. Best first. */
export const dropInner = (boxes: readonly ScoredBox[]): ScoredBox[] =>
  best(boxes, (a, b) => overlap(a, b) > 0.8 * Math.min(area(a), area(b)));
