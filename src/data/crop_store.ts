// Prepared faces on disk, found by a hash of all that made them.
//
// A store is a directory of packs; a pack is a row of records of one length:
//   key 16 bytes | digest 16 bytes | size * size * 3 bytes of RGB
// A writer only ever appends to a pack of its own, and a record is believed only after its digest is checked. So any
// number of programs may use one directory at once, a crash leaves at most half a record at a pack's end, and a record
// that went bad is simply written again in its place (the same key always has the same bytes).
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { MachineError } from '../base/errors';

/** Counts up when the same key would have to give other bytes. */
const VERSION = 1;
const KEY = 16;

/** Bytes of a record before its pixels. */
export const RECORD_HEAD = 2 * KEY;

/** Where a crop is. */
export interface CropPlace {
  /** File name of the pack. */
  pack: string;
  /** Byte at which the record begins. */
  offset: number;
}

/** 16 bytes of SHA-256 over all parts and their lengths. */
export function digest(...parts: (string | Uint8Array)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest().subarray(0, KEY);
}

/** How the packs of `size` x `size` crops begin. */
const prefixOf = (size: number): string => `crops-v${VERSION}-${size}-`;

/** Bytes of a record of `size` x `size` pixels. */
const recordLength = (size: number): number => RECORD_HEAD + size * size * 3;

/** Bytes that a store's directory will grow by at most for `count` crops, if what it has of their size is theirs. */
export function growthOf(dir: string, size: number, count: number): number {
  const isFolder = statSync(dir, { throwIfNoEntry: false })?.isDirectory();
  const packs = isFolder ? packsOf(dir).filter((name) => name.startsWith(prefixOf(size))) : [];
  const has = packs.reduce((sum, pack) => sum + (statSync(join(dir, pack), { throwIfNoEntry: false })?.size ?? 0), 0);
  return Math.max(0, count * recordLength(size) - has);
}

const PACK = /^crops-v\d+-\d+-[0-9a-f]+\.pack$/;

/** The files of a store's directory that are packs, of whatever size and version. */
export const packsOf = (dir: string): string[] => readdirSync(dir).filter((name) => PACK.test(name));

export class CropStore {
  private readonly index = new Map<string, CropPlace>();
  private readonly length: number;
  private readonly prefix: string;
  private own = '';
  private end = 0;

  /** Opens the store of `size` x `size` crops in `dir` (made if absent) and reads which keys are there. */
  constructor(
    private readonly dir: string,
    size: number,
  ) {
    this.length = recordLength(size);
    this.prefix = prefixOf(size);
    this.begin();
    for (const pack of packsOf(dir)) if (pack.startsWith(this.prefix)) this.scan(pack);
  }

  /** The place of a crop, and whether what is there is whole. */
  find(key: Buffer): { place: CropPlace; whole: boolean } | undefined {
    const place = this.index.get(key.toString('latin1'));
    const whole = place && orGone(() => this.isWhole(key, place));
    return place && whole !== undefined ? { place, whole } : undefined;
  }

  /** Stores a crop: at the end of our own pack, or in `damaged`, the place where it is no longer whole. */
  put(key: Buffer, pixels: Uint8Array, damaged?: CropPlace): CropPlace {
    const place = damaged ?? { pack: this.own, offset: this.end };
    const record = Buffer.concat([key, digest(key, pixels), pixels]);
    const written = orGone(() => this.write(place, record, damaged || this.end > 0 ? 'r+' : 'wx'));
    if (!written) {
      if (!damaged) this.begin();
      return this.put(key, pixels);
    }
    if (!damaged) this.end += record.length;
    this.index.set(key.toString('latin1'), place);
    return place;
  }

  /** @throws MachineError if it cannot be written; what is there of it then is no record */
  private write({ pack, offset }: CropPlace, record: Uint8Array, flags: string): true {
    try {
      return this.with(pack, flags, (file) => {
        for (let done = 0; done < record.length; )
          done += writeSync(file, record, done, record.length - done, offset + done);
        return true;
      });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') throw error;
      throw new MachineError(
        `${this.dir}: prepared faces cannot be written: ${message}; make room, or give another --cache DIR (of --cache off: TMPDIR)`,
      );
    }
  }

  /** A new pack of our own. */
  private begin(): void {
    mkdirSync(this.dir, { recursive: true });
    this.own = `${this.prefix}${randomBytes(8).toString('hex')}.pack`;
    this.end = 0;
  }

  private scan(pack: string): void {
    orGone(() =>
      this.with(pack, 'r', (file) => {
        const end = fstatSync(file).size - this.length;
        for (let offset = 0; offset <= end; offset += this.length) {
          const key = Buffer.alloc(KEY);
          readSync(file, key, 0, KEY, offset);
          this.index.set(key.toString('latin1'), { pack, offset });
        }
      }),
    );
  }

  private isWhole(key: Buffer, { pack, offset }: CropPlace): boolean {
    const record = Buffer.alloc(this.length);
    this.with(pack, 'r', (file) => readSync(file, record, 0, this.length, offset));
    const [storedKey, storedDigest] = [record.subarray(0, KEY), record.subarray(KEY, RECORD_HEAD)];
    return storedKey.equals(key) && storedDigest.equals(digest(key, record.subarray(RECORD_HEAD)));
  }

  private with<T>(pack: string, flags: string, use: (file: number) => T): T {
    const file = openSync(join(this.dir, pack), flags);
    try {
      return use(file);
    } finally {
      closeSync(file);
    }
  }
}

/** What `use` gives; undefined if its file is gone. */
function orGone<T>(use: () => T): T | undefined {
  try {
    return use();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Key of the crop of one face: the picture file's content and all settings. */
export function cropKey(content: Uint8Array, settings: readonly number[]): Buffer {
  return digest(`emotion-gcn crop ${VERSION}`, settings.join(','), content);
}
