import type { RgbImage } from './rgb_image';

/** Bytes of what is turned at once: all memory that turning a picture takes beside it. */
const ASIDE = 2 ** 25;

/**
 * Turns a picture as EXIF's orientation says, 1 to 8, in its own memory.
 * @returns null, and nothing is done, where its height has no divisor for it
 */
export function turnInPlace(image: RgbImage, orientation: number): RgbImage | null {
  // 5 to 8 change rows for columns; then lines are read backwards, and from the last.
  const across = orientation > 4;
  const turned = across ? transpose(image) : image;
  if (!turned) return null;
  if ([2, 3, 6, 7].includes(orientation)) mirror(turned);
  if ([3, 4, 7, 8].includes(orientation)) flip(turned);
  return turned;
}

function mirror({ width, height, data }: RgbImage): void {
  for (let y = 0; y < height; y++)
    for (let a = y * width * 3, b = a + (width - 1) * 3; a < b; a += 3, b -= 3)
      for (let c = 0; c < 3; c++) {
        const v = data[a + c];
        data[a + c] = data[b + c];
        data[b + c] = v;
      }
}

function flip({ width, height, data }: RgbImage): void {
  const run = width * 3;
  for (let y = 0; 2 * y < height - 1; y++) {
    const other = (height - 1 - y) * run;
    const line = data.slice(y * run, (y + 1) * run);
    data.copyWithin(y * run, other, other + run);
    data.set(line, other);
  }
}

/** Rows become columns: first within panels of `high` rows, whose columns then are runs of memory, which change places. */
function transpose({ width, height, data }: RgbImage): RgbImage | null {
  const most = Math.floor(ASIDE / (3 * width));
  let high = Math.min(most, height);
  while (high > 0 && height % high !== 0) high--;
  // Shorter runs would take longer to move than they are worth.
  if (high < Math.min(16, height)) return null;
  const panel = new Uint8Array(high * width * 3);
  for (let from = 0; from < data.length; from += panel.length) {
    panel.set(data.subarray(from, from + panel.length));
    for (let x = 0, o = from; x < width; x++)
      for (let y = 0, i = x * 3; y < high; y++, i += width * 3, o += 3) {
        data[o] = panel[i];
        data[o + 1] = panel[i + 1];
        data[o + 2] = panel[i + 2];
      }
  }
  const panels = height / high;
  const run = high * 3;
  /** Where the run comes from that belongs at place i. */
  const source = (i: number): number => (i % panels) * width + Math.floor(i / panels);
  const moved = new Uint8Array(panels * width);
  for (let start = 0; start < moved.length; start++) {
    if (moved[start]) continue;
    const first = data.slice(start * run, (start + 1) * run);
    let at = start;
    for (let next = source(at); next !== start; at = next, next = source(at)) {
      data.copyWithin(at * run, next * run, (next + 1) * run);
      moved[at] = 1;
    }
    data.set(first, at * run);
    moved[at] = 1;
  }
  return { width: height, height: width, data };
}
