// Rows and pictures that cannot be used: how many are passed over.
import { InputError } from '../../base/errors';
import { type BadItem, describeBad } from '../samples';

/** Bad items that a message names. */
const SHOWN = 20;

/** More rows and pictures are bad than may be passed over. */
export class TooManyBad extends InputError {}

/** Counts what is left out of a set. */
export class BadItems {
  private count = 0;
  private readonly first: BadItem[] = [];

  /**
   * @param total rows and pictures of the set
   * @param maxBad largest fraction of them that is passed over
   */
  constructor(
    private readonly total: number,
    private readonly maxBad: number,
  ) {}

  /** How many are passed over. */
  get most(): number {
    return Math.floor(this.maxBad * this.total);
  }

  /** @throws TooManyBad, with a list, if that is more than may be passed over */
  add(...items: readonly BadItem[]): void {
    this.count += items.length;
    for (const item of items) if (this.first.length < SHOWN) this.first.push(item);
    const { count, first, most, total, maxBad } = this;
    if (count <= most) return;
    const lines = first.map((item) => `  ${describeBad(item)}`);
    if (count > SHOWN) lines.push(`  ... and ${count - SHOWN} more`);
    throw new TooManyBad(
      `${count} of ${total} rows and images cannot be used, more than ${100 * maxBad} % (--max_bad ${maxBad}):\n` +
        `${lines.join('\n')}\ncheck --image_dir and the files, or allow more with --max_bad`,
    );
  }
}

/** @throws TooManyBad with a list if more than `maxBad` of `total` rows and images are bad */
export const checkBad = (bad: readonly BadItem[], total: number, maxBad: number): void =>
  new BadItems(total, maxBad).add(...bad);
