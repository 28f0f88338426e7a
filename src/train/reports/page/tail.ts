// A text that another program appends to, line by line, and may cut, replace or remove.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { InputError } from '../../../base/errors';

/** Most bytes that are read of one file. */
const MOST = 2 ** 28;
/** Bytes before the place that was reached, by which a file that was cut and has grown again is told from one that has grown. */
const SEEN = 128;

/** Whole lines, without their ends. */
export interface TailLines {
  readonly lines: readonly string[];
  /** These are all of the file: what it held before may be gone. */
  readonly anew: boolean;
}

/** Follows a file: each look gives what lines there are more. Half a line at its end waits for its other half. */
export class Tail {
  private at = 0;
  private inode = 0;
  private seen: Buffer = Buffer.alloc(0);

  /** @param last so many bytes at the end are looked at, of a file that is read anew; default: all */
  constructor(
    private readonly file: string,
    private readonly last = MOST,
  ) {}

  /**
   * What is new, once the file may have changed.
   * @throws InputError if it is too long; the error of the file system
   */
  read(): TailLines {
    const opened = openSync(this.file, 'r');
    try {
      const { ino, size } = fstatSync(opened);
      const from = this.at - this.seen.length;
      const grown = ino === this.inode && size >= this.at && pieceOf(opened, from, this.at).equals(this.seen);
      if (!grown) {
        [this.inode, this.seen, this.at] = [ino, Buffer.alloc(0), Math.max(0, size - this.last)];
        if (this.at > 0) this.at += 1 + pieceOf(opened, this.at, size).indexOf('\n');
      }
      if (size - this.at > MOST) throw new InputError(`expected at most ${MOST} bytes, found ${size}`);
      const bytes = pieceOf(opened, this.at, size);
      const whole = bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
      this.at += whole.length;
      this.seen = Buffer.from(Buffer.concat([this.seen, whole.subarray(-SEEN)]).subarray(-SEEN));
      const lines = whole.length === 0 ? [] : whole.toString('utf8', 0, whole.length - 1).split(/\r?\n/);
      return { lines, anew: !grown };
    } finally {
      closeSync(opened);
    }
  }
}

/** Bytes of an open file; fewer where it ends before. */
export function pieceOf(opened: number, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(Math.max(0, to - from));
  let length = 0;
  while (length < bytes.length) {
    const read = readSync(opened, bytes, length, bytes.length - length, from + length);
    if (read === 0) break;
    length += read;
  }
  return bytes.subarray(0, length);
}
