// Which crops a cache has: found by what a picture contains, or, without reading it, by its path, size and times.
//
// Beside its packs a cache has files of keys, rows of
//   source key 16 bytes | crop key 16 bytes | pack 8 bytes | record u32 | check u32
// each appended to by one writer. The check is of the bytes before it: half a row, and one that went bad, say nothing.
import { randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CropPlace, digest, fileName, KEY, keysOf, namesOf, packOf, packWords, recordsOf } from './crop_packs';

const ROW = 2 * KEY + 16;
const CHECKED = ROW - 4;

/** Words of a slot: whether it is used, the key, the pack, the record. */
const SLOT = 8;

/**
 * A table of keys in shared memory: every thread may look for one, the thread that made it adds to it. A place that is read while it is
 * changed may be none: the crop there says so, by its digest.
 */
export class KeyTable {
  private readonly words: Uint32Array;
  private readonly slots: number;
  private used = 0;

  constructor(readonly memory: SharedArrayBuffer) {
    this.words = new Uint32Array(memory);
    this.slots = this.words.length / SLOT;
  }

  /** An empty table for so many keys. */
  static for(keys: number): KeyTable {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(64, 1.5 * keys)));
    return new KeyTable(new SharedArrayBuffer(slots * SLOT * 4));
  }

  find(key: Buffer): CropPlace | undefined {
    const at = this.slotOf(key);
    if (at < 0 || Atomics.load(this.words, at) === 0) return undefined;
    const [high, low, record] = this.words.subarray(at + 5, at + 8);
    return { pack: packOf(high, low), record };
  }

  /** What a full table is told is forgotten. */
  set(key: Buffer, { pack, record }: CropPlace): void {
    const at = this.slotOf(key);
    if (at < 0) return;
    const { words } = this;
    words.set([...packWords(pack), record], at + 5);
    if (words[at] === 1 || this.used > 0.9 * this.slots) return;
    this.used++;
    for (let i = 0; i < 4; i++) words[at + 1 + i] = key.readUInt32LE(4 * i);
    Atomics.store(words, at, 1);
  }

  /** Where the slot of a key begins, or the free one that it would have; -1: there is none. */
  private slotOf(key: Buffer): number {
    const { words, slots } = this;
    const [a, b, c, d] = [0, 4, 8, 12].map((at) => key.readUInt32LE(at));
    for (let i = 0; i < slots; i++) {
      const at = ((a + i) & (slots - 1)) * SLOT;
      if (Atomics.load(words, at) === 0) return at;
      if (words[at + 1] === a && words[at + 2] === b && words[at + 3] === c && words[at + 4] === d) return at;
    }
    return -1;
  }
}

/** The keys of a cache of `size` x `size` crops, with room for those of so many further faces. */
export function readKeys(dir: string, size: number, faces: number): KeyTable {
  const records = recordsOf(dir, size);
  const rows = namesOf(dir, size, 'keys').map((name) => readFileSync(join(dir, fileName(size, name, 'keys'))));
  const known = rows.reduce((n, { length }) => n + Math.floor(length / ROW), 0);
  const kept = [...records.values()].reduce((a, b) => a + b, 0);
  const table = KeyTable.for(2 * Math.max(known, kept) + 2 * faces);
  const told = new Map<string, Uint8Array>();
  for (const file of rows) {
    for (let at = 0; at + ROW <= file.length; at += ROW) {
      const row = file.subarray(at, at + ROW);
      const place = { pack: row.toString('hex', 2 * KEY, 2 * KEY + 8), record: row.readUInt32LE(2 * KEY + 8) };
      const count = records.get(place.pack) ?? 0;
      if (place.record >= count || row.readUInt32LE(CHECKED) !== checkOf(row)) continue;
      table.set(row.subarray(0, KEY), place);
      table.set(row.subarray(KEY, 2 * KEY), place);
      if (!told.has(place.pack)) told.set(place.pack, new Uint8Array(count));
      told.get(place.pack)![place.record] = 1;
    }
  }
  // Of other records, such as an earlier version's, the packs themselves tell the key.
  for (const [pack, count] of records) {
    const known = told.get(pack);
    const first = known ? known.indexOf(0) : 0;
    if (first < 0 || count === 0) continue;
    let record = first;
    for (const key of keysOf(dir, size, pack, first, count)) table.set(key, { pack, record: record++ });
  }
  return table;
}

const checkOf = (row: Buffer): number => digest(row.subarray(0, CHECKED)).readUInt32LE(0);

/** Writes rows to a file of keys of its own. */
export class KeyFile {
  private readonly path: string;

  constructor(dir: string, size: number) {
    this.path = join(dir, fileName(size, randomBytes(8).toString('hex'), 'keys'));
  }

  /** @throws Error of the file system if it cannot be written */
  append(source: Buffer, key: Buffer, { pack, record }: CropPlace): void {
    const row = Buffer.alloc(ROW);
    source.copy(row, 0);
    key.copy(row, KEY);
    row.write(pack, 2 * KEY, 'hex');
    row.writeUInt32LE(record, 2 * KEY + 8);
    row.writeUInt32LE(checkOf(row), CHECKED);
    appendFileSync(this.path, row);
  }
}
