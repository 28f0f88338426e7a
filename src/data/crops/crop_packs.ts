// Prepared faces on disk. A cache is a directory of packs; a pack is a row of records of one length:
//   key 16 bytes | digest 16 bytes | size * size * 3 bytes of RGB
// A writer only ever appends to a pack of its own, and a record is believed only after its digest is checked. So any
// number of programs may use one directory at once, a crash leaves at most half a record at a pack's end, and a record
// that went bad is simply written again in its place (the same key always has the same bytes).
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { diskRoom } from '../disk_room';

/** Counts up when the same key would have to give other bytes. */
const VERSION = 1;
export const KEY = 16;

/** Bytes of a record before its pixels. */
const HEAD = 2 * KEY;

/** Where a crop is. */
export interface CropPlace {
  /** Sixteen hexadecimal digits of the pack's name. */
  readonly pack: string;
  /** Which of its records. */
  readonly record: number;
}

/** The name of a pack as two numbers of 32 bits, and back. */
export const packWords = (pack: string): [high: number, low: number] => [
  Number.parseInt(pack.slice(0, 8), 16),
  Number.parseInt(pack.slice(8), 16),
];
export const packOf = (high: number, low: number): string =>
  [high, low].map((word) => word.toString(16).padStart(8, '0')).join('');

/** 16 bytes of SHA-256 over all parts and their lengths. */
export function digest(...parts: (string | Uint8Array)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest().subarray(0, KEY);
}

/** Key of the crop of one face: the picture file's content and all settings. */
export const cropKey = (content: Uint8Array, settings: string, ...more: Uint8Array[]): Buffer =>
  digest(`emotion-gcn crop ${VERSION}`, settings, content, ...more);

/** Bytes of a record of `size` x `size` pixels. */
export const recordLength = (size: number): number => HEAD + size * size * 3;

/** How a cache's file of `size` x `size` crops is called. */
export const fileName = (size: number, name: string, kind: 'pack' | 'keys'): string =>
  `crops-v${VERSION}-${size}-${name}.${kind}`;

/** The names of a cache's packs, or of its files of keys, of `size` x `size` crops. */
export function namesOf(dir: string, size: number, kind: 'pack' | 'keys'): string[] {
  const [begin, end] = [`crops-v${VERSION}-${size}-`, `.${kind}`];
  return readdirSync(dir)
    .filter((name) => name.startsWith(begin) && name.endsWith(end))
    .map((name) => name.slice(begin.length, -end.length));
}

/** How many whole records each pack of `size` x `size` crops has. */
export function recordsOf(dir: string, size: number): Map<string, number> {
  const isFolder = statSync(dir, { throwIfNoEntry: false })?.isDirectory();
  const names = isFolder ? namesOf(dir, size, 'pack') : [];
  return new Map(
    names.map((name) => {
      const bytes = statSync(join(dir, fileName(size, name, 'pack')), { throwIfNoEntry: false })?.size ?? 0;
      return [name, Math.floor(bytes / recordLength(size))];
    }),
  );
}

/** The keys of a pack's records from `first` on; none if it is gone. */
export function* keysOf(dir: string, size: number, pack: string, first: number, end: number): Generator<Buffer> {
  const file = open(join(dir, fileName(size, pack, 'pack')), 'r');
  if (file === null) return;
  try {
    for (let record = first; record < end; record++) {
      const key = Buffer.alloc(KEY);
      readSync(file, key, 0, KEY, record * recordLength(size));
      yield key;
    }
  } finally {
    closeSync(file);
  }
}

/** Reads crops of a cache, and keeps new ones in a pack of its own. */
export class CropPacks {
  /** Packs that were read: they stay readable when the cache is cleared. */
  private readonly files = new Map<string, number>();
  private readonly length: number;
  private own = '';
  private next = 0;

  constructor(
    private readonly dir: string,
    private readonly size: number,
  ) {
    this.length = recordLength(size);
  }

  /** The pixels of a crop; null if it is gone or damaged. @param key that it must have */
  read({ pack, record }: CropPlace, key?: Buffer): Uint8Array | null {
    const file = this.files.get(pack) ?? open(this.path(pack), 'r');
    if (file === null) return null;
    this.files.set(pack, file);
    const bytes = Buffer.allocUnsafe(this.length);
    if (readSync(file, bytes, 0, this.length, record * this.length) !== this.length) return null;
    const [stored, pixels] = [bytes.subarray(0, KEY), bytes.subarray(HEAD)];
    if (key && !stored.equals(key)) return null;
    return bytes.subarray(KEY, HEAD).equals(digest(stored, pixels)) ? pixels : null;
  }

  /**
   * Keeps a crop: at the end of our own pack, or in `damaged`, the place where it is no longer whole.
   * @throws Error of the file system if it cannot be written, or the disk is nearly full; what is there of it then is no record
   */
  put(key: Buffer, pixels: Uint8Array, damaged?: CropPlace): CropPlace {
    if (diskRoom(this.dir) < this.length) throw new Error('its disk is nearly full');
    const record = Buffer.concat([key, digest(key, pixels), pixels]);
    if (damaged && this.write(damaged, record)) return damaged;
    for (;;) {
      if (this.next === 0) this.own = randomBytes(8).toString('hex');
      const place = { pack: this.own, record: this.next };
      const written = this.write(place, record);
      // Cleared meanwhile: a new pack begins.
      this.next = written ? this.next + 1 : 0;
      if (written) return place;
    }
  }

  close(): void {
    for (const file of this.files.values()) closeSync(file);
  }

  /** false: the pack is gone. */
  private write({ pack, record }: CropPlace, bytes: Uint8Array): boolean {
    const begins = pack === this.own && this.next === 0;
    if (begins) mkdirSync(this.dir, { recursive: true });
    const file = open(this.path(pack), begins ? 'wx' : 'r+');
    if (file === null) return false;
    try {
      const offset = record * this.length;
      for (let done = 0; done < bytes.length; )
        done += writeSync(file, bytes, done, bytes.length - done, offset + done);
      return true;
    } finally {
      closeSync(file);
    }
  }

  private path(pack: string): string {
    return join(this.dir, fileName(this.size, pack, 'pack'));
  }
}

/** null: it is not there. */
function open(path: string, flags: string): number | null {
  try {
    return openSync(path, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
