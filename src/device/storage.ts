import type { Block, Place } from './pool';

/** Memory of one or more tensors: a range of a pool block. */
export class Storage {
  private given = true;
  private found?: Place;
  /** Not to be freed before its step ends. */
  retained = false;

  constructor(
    readonly block: Block,
    readonly offset: number,
    readonly bytes: number,
    readonly label: string,
    /** The memory that this is a range of; a range keeps it. */
    readonly whole: Storage | null = null,
  ) {}

  /** What bind groups are kept by. */
  get place(): Place {
    this.found ??= placeIn(this.block, this.offset, this.bytes);
    return this.found;
  }

  /** False once the memory was given back. */
  get alive(): boolean {
    return this.given && (this.whole?.alive ?? true);
  }

  set alive(on: boolean) {
    this.given = on;
  }

  /** A 256-byte aligned part of this memory. It dies with the whole. */
  range(offset: number, bytes: number, label: string): Storage {
    if (offset % 256 !== 0 || offset + bytes > this.bytes)
      throw new Error(`${label}: bytes ${offset} to ${offset + bytes} are no aligned range of ${this.label}`);
    return new Storage(this.block, this.offset + offset, bytes, label, this);
  }
}

function placeIn({ places }: Block, offset: number, bytes: number): Place {
  let place = places.find((p) => p.offset === offset && p.bytes === bytes);
  if (!place) {
    place = { offset, bytes };
    places.push(place);
  }
  return place;
}
