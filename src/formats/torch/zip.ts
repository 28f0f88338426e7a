// The zip archives of torch.save: entries stored as they are, so reading one copies nothing and cannot grow. Read by code of our
// own, since two readers of one archive must not find different things in it: every byte belongs to one record or one entry, and
// what stands in two places is the same in both.

import { crc32 } from 'node:zlib';
import yazl from 'yazl';
import { InputError } from '../../base/errors';

/** DenseNet-121 has 728 tensors, and a momentum for half of them. */
const MAX_ENTRIES = 100_000;

const [LOCAL, CENTRAL, END, END64, LOCATOR, DESCRIPTOR] = [
  0x04034b50, 0x02014b50, 0x06054b50, 0x06064b50, 0x07064b50, 0x08074b50,
];
/** What stands in 16 or 32 bits where the number is elsewhere. */
const [ONES16, ONES32] = [0xffff, 0xffffffff];

/** Flags: encrypted, sizes behind the data, names in UTF-8. */
const [ENCRYPTED, SIZES_BEHIND, UTF8] = [1, 8, 0x800];

/** What the directory says of an entry. */
interface Entry {
  name: string;
  rawName: Buffer;
  flags: number;
  method: number;
  crc: number;
  /** Stored bytes, and bytes when unpacked. */
  stored: number;
  size: number;
  /** Byte of its local header. */
  at: number;
}

/**
 * The entries of an archive by name, as views of `bytes`.
 * @param checkNames sees all names before anything is said of an entry
 * @throws InputError naming the file and the entry: damaged, compressed, encrypted, overlapping, twice, not what its checksum says,
 * with bytes that belong to nothing, or with a local header that says otherwise than the directory
 */
export function readZip(
  bytes: Uint8Array,
  file: string,
  checkNames: (names: readonly string[]) => void = () => {},
): Map<string, Uint8Array> {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { found, directory } = readDirectory(data, file);
  checkNames(found.map(({ name }) => name));
  const entries = new Map<string, Uint8Array>();
  for (const entry of found) {
    const fail = failAt(file, entry);
    if (entry.flags & ENCRYPTED) fail('an entry as torch.save writes it', 'an encrypted one');
    if (entry.method !== 0) fail('an entry stored as it is', `compression ${entry.method}`);
    if (entry.stored !== entry.size) fail(`${entry.size} bytes stored as they are`, `${entry.stored}`);
    if (/^\/|(^|\/)\.\.(\/|$)|[\\\0]|^[a-z]:/i.test(entry.name))
      fail('a path within the archive', 'one that leads out of it');
    if (entries.has(entry.name)) fail('every entry once', 'it twice');
    entries.set(entry.name, bytes.subarray(0, 0));
  }
  let end = 0;
  const inOrder = found.toSorted((a, b) => a.at - b.at);
  for (const [i, entry] of inOrder.entries()) {
    const fail = failAt(file, entry);
    if (entry.at !== end) fail(`it to begin at byte ${end}, where what is before ends`, `byte ${entry.at}`);
    end = inOrder[i + 1]?.at ?? directory;
    const begin = readLocal(data, entry, fail);
    const last = begin + entry.size;
    if (last > end) fail(`${entry.size} bytes from ${begin}`, `${Math.max(0, end - begin)} to what follows`);
    checkBehind(data.subarray(last, end), entry, fail);
    const content = bytes.subarray(begin, last);
    const checksum = crc32(content);
    if (checksum !== entry.crc) fail(`checksum ${hex(entry.crc)} of bytes ${begin} to ${last}`, hex(checksum));
    entries.set(entry.name, content);
  }
  if (end !== directory) throw failFile(file, `entries up to byte ${directory}`, `the last ends at ${end}`);
  return entries;
}

type Fail = (expected: string, found: string) => never;

const failFile = (file: string, expected: string, found: string): InputError =>
  new InputError(`${file}: expected a whole zip archive with ${expected}, found ${found}: truncated or damaged`);

const failAt =
  (file: string, { name }: Entry): Fail =>
  (expected, found) => {
    const shown = JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
    throw new InputError(`${file}: entry ${shown}: expected ${expected}, found ${found}`);
  };

/** The directory of an archive, and where it begins. */
function readDirectory(data: Buffer, file: string): { found: Entry[]; directory: number } {
  const fail: Fail = (expected, found) => {
    throw failFile(file, expected, found);
  };
  const end = data.length - 22;
  if (end < 0 || data.readUInt32LE(end) !== END)
    fail('an end record as its last 22 bytes', end < 0 ? `${data.length} bytes` : 'something else');
  const ends = {
    entries: data.readUInt16LE(end + 10),
    size: data.readUInt32LE(end + 12),
    at: data.readUInt32LE(end + 16),
  };
  const disks = [data.readUInt16LE(end + 4), data.readUInt16LE(end + 6)];
  if (data.readUInt16LE(end + 8) !== ends.entries || disks.some((n) => n !== 0 && n !== ONES16))
    fail('all entries in one part', 'an archive of several');
  if (data.readUInt16LE(end + 20) !== 0) fail('an end record as its last 22 bytes', 'a comment');
  let stop = end;
  if (end >= 76 && data.readUInt32LE(end - 20) === LOCATOR) {
    stop = read64(data, end - 12);
    if (stop + 56 > end - 20 || data.readUInt32LE(stop) !== END64 || stop + 12 + read64(data, stop + 4) !== end - 20)
      fail('a zip64 end record before its locator', `none at byte ${stop}`);
    const wide = { entries: read64(data, stop + 32), size: read64(data, stop + 40), at: read64(data, stop + 48) };
    for (const name of ['entries', 'size', 'at'] as const) {
      const ones = name === 'entries' ? ONES16 : ONES32;
      if (ends[name] !== ones && ends[name] !== wide[name])
        fail('the same in both end records', `${ends[name]} and ${wide[name]}`);
      ends[name] = wide[name];
    }
  }
  if (ends.entries > MAX_ENTRIES)
    throw new InputError(`${file}: expected at most ${MAX_ENTRIES} entries, found ${ends.entries}`);
  if (ends.at + ends.size !== stop)
    fail(`a directory up to its end record at byte ${stop}`, `one to ${ends.at + ends.size}`);
  const found: Entry[] = [];
  let at = ends.at;
  for (let i = 0; i < ends.entries; i++) {
    if (at + 46 > stop || data.readUInt32LE(at) !== CENTRAL)
      fail(`${ends.entries} entries in its directory`, `${i}, and no further one at byte ${at}`);
    const [nameLength, extraLength] = [data.readUInt16LE(at + 28), data.readUInt16LE(at + 30)];
    const next = at + 46 + nameLength + extraLength + data.readUInt16LE(at + 32);
    if (next > stop) fail('entries within its directory', `one to byte ${next}`);
    const flags = data.readUInt16LE(at + 8);
    const rawName = data.subarray(at + 46, at + 46 + nameLength);
    const extra = data.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const name = rawName.toString(flags & UTF8 ? 'utf8' : 'latin1');
    const numbers = [data.readUInt32LE(at + 24), data.readUInt32LE(at + 20), data.readUInt32LE(at + 42)];
    const [size, stored, place] =
      zip64(numbers, extra) ?? fail('zip64 sizes that fit', `others of ${JSON.stringify(name)}`);
    const [method, crc] = [data.readUInt16LE(at + 10), data.readUInt32LE(at + 16)];
    found.push({ name, rawName, flags, method, crc, stored, size, at: place });
    at = next;
  }
  if (at !== stop) fail(`${ends.entries} entries in its directory`, `${stop - at} further bytes`);
  return { found, directory: ends.at };
}

/** @returns where the data begin */
function readLocal(data: Buffer, entry: Entry, fail: Fail): number {
  const { at, rawName } = entry;
  if (at + 30 > data.length || data.readUInt32LE(at) !== LOCAL) fail(`a local header at byte ${at}`, 'none');
  const [nameLength, extraLength] = [data.readUInt16LE(at + 26), data.readUInt16LE(at + 28)];
  const begin = at + 30 + nameLength + extraLength;
  if (begin > data.length) fail(`a local header at byte ${at}`, 'one that is cut');
  const same = (what: string, a: number | string, b: number | string): void => {
    if (a !== b) fail(`the ${what} of the directory, ${a}, in its local header`, `${b}`);
  };
  const name = data.subarray(at + 30, at + 30 + nameLength);
  if (!name.equals(rawName)) same('name', JSON.stringify(entry.name), JSON.stringify(name.toString('latin1')));
  same('flags', entry.flags, data.readUInt16LE(at + 6));
  same('compression', entry.method, data.readUInt16LE(at + 8));
  const numbers = [data.readUInt32LE(at + 22), data.readUInt32LE(at + 18)];
  const crc = data.readUInt32LE(at + 14);
  const extra = data.subarray(begin - extraLength, begin);
  // Where they stand behind the data, here is nothing.
  if (entry.flags & SIZES_BEHIND && crc === 0 && numbers.every((n) => n === 0 || n === ONES32)) return begin;
  const [size, stored] = zip64(numbers, extra) ?? fail('zip64 sizes that fit', 'others in its local header');
  same('checksum', hex(entry.crc), hex(crc));
  same('size', entry.size, size);
  same('stored size', entry.stored, stored);
  return begin;
}

/** Checks what lies between an entry's data and what follows: its checksum and sizes, or nothing. */
function checkBehind(rest: Buffer, { flags, crc, size }: Entry, fail: Fail): void {
  if (!(flags & SIZES_BEHIND)) {
    if (rest.length > 0) fail('what follows right behind its data', `${rest.length} bytes of nothing`);
    return;
  }
  const signed = rest.length % 8 === 0;
  const from = signed ? 4 : 0;
  const wide = rest.length - from === 20;
  const whole = wide || rest.length - from === 12;
  const sizes = !whole
    ? []
    : [4, wide ? 12 : 8].map((o) => (wide ? read64(rest, from + o) : rest.readUInt32LE(from + o)));
  const good = whole && (!signed || rest.readUInt32LE(0) === DESCRIPTOR) && rest.readUInt32LE(from) === crc;
  if (!good || sizes.some((n) => n !== size))
    fail('the checksum and sizes of the directory behind its data', whole ? 'others' : `${rest.length} bytes`);
}

/** Sizes and places, those of all ones out of the zip64 field; undefined: it lacks some, or says otherwise. */
function zip64(numbers: readonly number[], extra: Buffer): number[] | undefined {
  const wide: number[] = [];
  for (let at = 0; at + 4 <= extra.length; ) {
    const length = extra.readUInt16LE(at + 2);
    if (at + 4 + length > extra.length) break;
    if (extra.readUInt16LE(at) === 1) for (let i = 0; i + 8 <= length; i += 8) wide.push(read64(extra, at + 4 + i));
    at += 4 + length;
  }
  const needed = numbers.filter((n) => n === ONES32).length;
  if (needed === 0)
    return wide.every((n, i) => numbers[i] === undefined || n === numbers[i]) ? [...numbers] : undefined;
  if (wide.length !== needed) return undefined;
  return numbers.map((n) => (n === ONES32 ? (wide.shift() as number) : n));
}

/** 64 bits; what is no exact number is beyond any file. */
const read64 = (data: Buffer, at: number): number => Number(data.readBigUInt64LE(at));

/** An archive of entries stored as they are; the same entries give the same bytes. */
export function writeZip(entries: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> {
  const zip = new yazl.ZipFile();
  const options = { compress: false, mtime: new Date(1980, 0, 1), forceDosTimestamp: true, mode: 0o100644 };
  for (const [name, data] of entries) {
    zip.addBuffer(Buffer.from(data.buffer, data.byteOffset, data.byteLength), name, options);
  }
  zip.end();
  const parts: Buffer[] = [];
  return new Promise((resolve, reject) => {
    zip.on('error', reject);
    zip.outputStream.on('data', (part: Buffer) => parts.push(part));
    zip.outputStream.on('error', reject);
    zip.outputStream.on('end', () => resolve(new Uint8Array(Buffer.concat(parts))));
  });
}

const hex = (n: number): string => n.toString(16).padStart(8, '0');
