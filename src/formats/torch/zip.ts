// The zip archives of torch.save: entries stored as they are, so reading one copies nothing and cannot grow. Two readers of one
// archive must not find different things in it: every byte belongs to one record or one entry, and what stands in two places is
// the same in both. yauzl reads the records; what it does not compare is compared here.

import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import { InputError } from '../../base/errors';

/** DenseNet-121 has 728 tensors, and a momentum for half of them. */
const MAX_ENTRIES = 20_000;
/** Characters of a name. */
const MAX_NAME = 1024;

const [END, LOCATOR, DESCRIPTOR] = [0x06054b50, 0x07064b50, 0x08074b50];
/** What stands in 32 bits where the number is elsewhere. */
const ONES32 = 0xffffffff;
/** Flag: sizes behind the data. */
const SIZES_BEHIND = 8;

/**
 * The entries of an archive by name, as views of `bytes`.
 * @param checkNames sees all names before anything is said of an entry
 * @throws InputError naming the file and the entry: damaged, compressed, encrypted, overlapping, twice, not what its checksum says,
 * with bytes that belong to nothing, or with a local header that says otherwise than the directory
 */
export async function readZip(
  bytes: Uint8Array,
  file: string,
  checkNames: (names: readonly string[]) => void = () => {},
): Promise<Map<string, Uint8Array>> {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { zip, found, directory } = await readDirectory(data, file);
  checkNames(found.map(({ fileName }) => fileName));
  const entries = new Map<string, Uint8Array>();
  const inOrder = found.toSorted((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader);
  let end = 0;
  for (const [i, entry] of inOrder.entries()) {
    const {
      fileName: name,
      compressionMethod: method,
      uncompressedSize: size,
      relativeOffsetOfLocalHeader: at,
    } = entry;
    const shown = JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
    const fail: Fail = (expected, found) => {
      throw new InputError(`${file}: entry ${shown}: expected ${expected}, found ${found}`);
    };
    if (entry.isEncrypted()) fail('an entry as torch.save writes it', 'an encrypted one');
    if (method !== 0) fail('an entry stored as it is', `compression ${method}`);
    if (entry.compressedSize !== size) fail(`${size} bytes stored as they are`, `${entry.compressedSize}`);
    if (yauzl.validateFileName(name) !== null || name.includes('\0'))
      fail('a path within the archive', 'one that leads out of it');
    if (entries.has(name)) fail('every entry once', 'it twice');
    if (at !== end) fail(`it to begin at byte ${end}, where what is before ends`, `byte ${at}`);
    end = inOrder[i + 1]?.relativeOffsetOfLocalHeader ?? directory;
    const local = await readLocal(zip, entry)
      .then((header) => Object.assign(header, { extraFields: yauzl.parseExtraFields(header.extraField) }))
      .catch((error: Error) => fail(`a local header at byte ${at}, and its data`, error.message));
    checkLocal(entry, local, fail);
    const begin = local.fileDataStart;
    const last = begin + size;
    if (last > end) fail(`${size} bytes from ${begin}`, `${Math.max(0, end - begin)} to what follows`);
    checkBehind(data.subarray(last, end), entry, fail);
    const content = bytes.subarray(begin, last);
    const checksum = crc32(content);
    if (checksum !== entry.crc32) fail(`checksum ${hex(entry.crc32)} of bytes ${begin} to ${last}`, hex(checksum));
    entries.set(name, content);
  }
  if (end !== directory) throw damaged(file, `entries up to byte ${directory}`, `none`);
  return entries;
}

// Promises of yauzl's own are too new to be in all versions that do.
const openBuffer = promisify<Buffer, yauzl.Options, yauzl.ZipFile>(yauzl.fromBuffer);
const readLocal = (zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<yauzl.LocalFileHeader> =>
  promisify<yauzl.Entry, yauzl.LocalFileHeader>(zip.readLocalFileHeader.bind(zip))(entry);
/** All entries of a directory that is read one by one. */
const entriesOf = (zip: yauzl.ZipFile): Promise<yauzl.Entry[]> =>
  new Promise((done, fail) => {
    const entries: yauzl.Entry[] = [];
    zip.on('entry', (entry: yauzl.Entry) => {
      entries.push(entry);
      zip.readEntry();
    });
    zip.on('end', () => done(entries));
    zip.on('error', fail);
    zip.readEntry();
  });

type Fail = (expected: string, found: string) => never;

const damaged = (file: string, expected: string, found: string): InputError =>
  new InputError(`${file}: expected a whole zip archive with ${expected}, found ${found}: truncated or damaged`);

/** The directory of an archive, and where it begins: the end records are the last bytes, behind the directory, and say the same. */
async function readDirectory(
  data: Buffer,
  file: string,
): Promise<{ zip: yauzl.ZipFile; found: yauzl.Entry[]; directory: number }> {
  const end = data.length - 22;
  const wide = end >= 20 && data.readUInt32LE(end - 20) === LOCATOR;
  const stop = wide ? end - 76 : end;
  if (stop < 0 || data.readUInt32LE(end) !== END)
    throw damaged(file, 'an end record as its last 22 bytes', stop < 0 ? `${data.length} bytes` : 'something else');
  const unreadable = (error: unknown): never => {
    throw damaged(file, 'records that can be read', (error as Error).message);
  };
  // Names are decoded below: yauzl would prefer the one in an extra field.
  const options = { decodeStrings: false, validateEntrySizes: false, lazyEntries: true };
  const zip = await openBuffer(data, options).catch(unreadable);
  const count = zip.entryCount;
  if (count > MAX_ENTRIES) throw new InputError(`${file}: expected at most ${MAX_ENTRIES} entries, found ${count}`);
  const number = (at: number, width: number): number =>
    width === 8 ? Number(data.readBigUInt64LE(at)) : data.readUIntLE(at, width);
  const directory = wide ? number(stop + 48, 8) : number(end + 16, 4);
  const size = stop - directory;
  const check = (at: number, widths: number[], values: number[]): void => {
    for (const [i, width] of widths.entries()) {
      const found = number(at, width);
      const elsewhere = wide && at > end && found === 256 ** width - 1;
      if (found !== values[i] && !elsewhere)
        throw damaged(file, `${values[i]} at byte ${at}${wide ? ', the same in both end records' : ''}`, `${found}`);
      at += width;
    }
  };
  // Disks, entries on this one and in all, size and place of the directory.
  const values = [0, 0, count, count, size, directory];
  check(end + 4, [2, 2, 2, 2, 4, 4], values);
  if (wide) {
    check(stop + 16, [4, 4, 8, 8, 8, 8], values);
    check(stop + 4, [8], [44]);
    check(end - 12, [8], [stop]);
  }
  const found: yauzl.Entry[] = [];
  let read = 0;
  try {
    for (const entry of await entriesOf(zip)) {
      if (entry.fileNameLength > MAX_NAME)
        throw new InputError(
          `${file}: expected names of at most ${MAX_NAME} bytes in the archive, found one of ${entry.fileNameLength}`,
        );
      found.push(Object.assign(entry, { fileName: nameOf(entry.generalPurposeBitFlag, entry.fileNameRaw) }));
      read += 46 + entry.fileNameLength + entry.extraFieldLength + entry.fileCommentLength;
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    unreadable(error);
  }
  if (read !== size) throw damaged(file, `${count} entries in the ${size} bytes of its directory`, `${read} bytes`);
  return { zip, found, directory };
}

const nameOf = (flags: number, raw: Buffer): string => yauzl.getFileNameLowLevel(flags, raw, [], true);

/** Checks that a local header says what the directory says; where sizes stand behind the data, it may leave them out. */
function checkLocal(
  entry: yauzl.Entry,
  local: yauzl.LocalFileHeader & { extraFields: yauzl.ExtraField[] },
  fail: Fail,
): void {
  const { generalPurposeBitFlag: flags, uncompressedSize: size } = entry;
  const same = (what: string, a: number | string, b: number | string): void => {
    if (a !== b) fail(`the ${what} of the directory, ${a}, in its local header`, `${b}`);
  };
  if (!local.fileName.equals(entry.fileNameRaw))
    same('name', JSON.stringify(entry.fileName), JSON.stringify(nameOf(flags, local.fileName)));
  same('flags', flags, local.generalPurposeBitFlag);
  same('compression', entry.compressionMethod, local.compressionMethod);
  const sizes = [local.uncompressedSize, local.compressedSize];
  const left = flags & SIZES_BEHIND && local.crc32 === 0 && sizes.every((n) => n === 0 || n === ONES32);
  // Sizes and place of all ones stand in a zip64 field; what stands there without need says the same too.
  const wide = (left ? entry.extraFields : [...entry.extraFields, ...local.extraFields])
    .filter(({ id }) => id === 1)
    .flatMap(({ data }) => Array.from({ length: data.length >> 3 }, (_, i) => Number(data.readBigUInt64LE(8 * i))));
  if (!wide.every((n) => n === size || n === entry.relativeOffsetOfLocalHeader)) fail('zip64 sizes that fit', 'others');
  if (left) return;
  same('checksum', hex(entry.crc32), hex(local.crc32));
  for (const n of sizes) if (n !== ONES32 || !wide.includes(size)) same('size', size, n);
}

/** Checks what lies between an entry's data and what follows: its checksum and sizes, or nothing. */
function checkBehind(rest: Buffer, entry: yauzl.Entry, fail: Fail): void {
  const { generalPurposeBitFlag: flags, crc32: crc, uncompressedSize: size } = entry;
  const high = Math.floor(size / 2 ** 32);
  const sizes = high > 0 ? [[size, high]] : [[size], [size, high]];
  const forms = sizes.map((n) => [DESCRIPTOR, crc, ...n, ...n]).flatMap((form) => [form, form.slice(1)]);
  if (!(flags & SIZES_BEHIND)) {
    if (rest.length > 0) fail('what follows right behind its data', `${rest.length} bytes of nothing`);
  } else if (!forms.some((form) => rest.equals(new Uint8Array(Uint32Array.from(form).buffer))))
    fail('the checksum and sizes of the directory behind its data', 'others');
}

/** An archive of entries stored as they are; the same entries give the same bytes. */
export async function writeZip(entries: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> {
  const { ZipFile } = await import('yazl');
  const zip = new ZipFile();
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
