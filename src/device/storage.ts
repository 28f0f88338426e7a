import type { Block, Place } from './pool';

/** Memory is bound in multiples of this many bytes: a kernel may move four numbers at once. */
export const BOUND = 16;

/** Memory of one or more tensors: a range of a pool block, theirs until the block is given back. */
export class Storage {
  /** How many were made so far. @internal */
  static count = 0;
  /** Its number among all: what was made later has a higher one. @internal */
  readonly number = Storage.count++;
  /** What the block was taken under: given back and taken anew, it is another one's. @internal */
  readonly lease: number;
  private given = true;
  private found?: Place;
  /** What is to be done before anybody reads or writes the content: running statistics wait so (autograd/moments.ts), and sums in parts (sums.ts). @internal */
  pending: (() => void) | null = null;
  /** Not to be freed before its step ends. @internal */
  retained = false;

  /** @internal */
  constructor(
    /** @internal */
    readonly block: Block,
    /** @internal */
    readonly offset: number,
    readonly bytes: number,
    readonly label: string,
    /** The memory that this is a range of; a range keeps it. @internal */
    readonly whole: Storage | null = null,
  ) {
    this.lease = block.lease;
  }

  /** What bind groups are kept by. @internal */
  get place(): Place {
    this.found ??= placeIn(this.block, this.offset, this.bytes);
    return this.found;
  }

  /**
   * How many commands so far have written into the block that this lies in: as long as it is the same, so is the content. @internal
   */
  get writes(): number {
    return this.block.writes;
  }

  /** False once the memory was given back. */
  get alive(): boolean {
    return this.given && (this.whole ? this.whole.alive : this.lease === this.block.lease);
  }

  /** Ends the use of this range; the memory is the whole's. @internal */
  drop(): void {
    this.given = false;
  }

  /** A 256-byte aligned part of this memory. It dies with the whole. @internal */
  range(offset: number, bytes: number, label: string): Storage {
    if (offset % 256 !== 0 || offset + bytes > this.bytes)
      throw new Error(`${label}: bytes ${offset} to ${offset + bytes} are no aligned range of ${this.label}`);
    return new Storage(this.block, this.offset + offset, bytes, label, this);
  }
}

/** So many lengths are known of a block; where they change for ever, they are forgotten from time to time. */
const LENGTHS = 1024;

function placeIn({ places }: Block, offset: number, bytes: number): Place {
  let starts = places.get(bytes);
  if (!starts) {
    if (places.size === LENGTHS) places.clear();
    starts = new Map();
    places.set(bytes, starts);
  }
  let place = starts.get(offset);
  if (!place) {
    place = { offset, bytes };
    starts.set(offset, place);
  }
  return place;
}
