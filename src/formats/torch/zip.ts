// The zip archives of torch.save: entries stored as they are, so reading one copies nothing and cannot grow.

import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import yazl from 'yazl';
import { InputError } from '../../base/errors';

/** DenseNet-121 has 728 tensors, and a momentum for half of them. */
const MAX_ENTRIES = 100_000;

/**
 * The entries of an archive by name, as views of `bytes`.
 * @throws InputError naming the file and the entry: damaged, compressed, overlapping, twice, or not what its checksum says
 */
export async function readZip(bytes: Uint8Array, file: string): Promise<Map<string, Uint8Array>> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = new Map<string, Uint8Array>();
  const places: { name: string; begin: number; end: number }[] = [];
  const zip = await yauzl.fromBufferPromise(buffer, { lazyEntries: true }).catch(damaged(file));
  if (zip.entryCount > MAX_ENTRIES) {
    throw new InputError(`${file}: expected at most ${MAX_ENTRIES} entries, found ${zip.entryCount}`);
  }
  const iterator = zip.eachEntry();
  for (;;) {
    const { value: entry, done } = await iterator.next().catch(damaged(file));
    if (done) break;
    const name = entry.fileName;
    const fail = (expected: string, found: string): never => {
      throw new InputError(`${file}: entry ${JSON.stringify(name)}: expected ${expected}, found ${found}`);
    };
    if (entry.isEncrypted()) fail('an entry as torch.save writes it', 'an encrypted one');
    if (entry.compressionMethod !== 0) fail('an entry stored as it is', `compression ${entry.compressionMethod}`);
    if (entries.has(name)) fail('every entry once', 'it twice');
    const { fileDataStart: begin } = await zip
      .readLocalFileHeaderPromise(entry, { minimal: true })
      .catch(damaged(file));
    const end = begin + entry.uncompressedSize;
    if (end > bytes.length) fail(`${entry.uncompressedSize} bytes from ${begin}`, `a file of ${bytes.length}`);
    const data = bytes.subarray(begin, end);
    const checksum = crc32(data);
    if (checksum !== entry.crc32) fail(`checksum ${hex(entry.crc32)} of bytes ${begin} to ${end}`, hex(checksum));
    entries.set(name, data);
    places.push({ name, begin, end });
  }
  places.sort((a, b) => a.begin - b.begin || a.end - b.end);
  places.forEach(({ name, begin }, i) => {
    const before = places[i - 1];
    if (!before || before.end <= begin) return;
    const where = `${file}: entry ${JSON.stringify(name)}`;
    throw new InputError(`${where}: expected it after ${JSON.stringify(before.name)}, found both at byte ${begin}`);
  });
  return entries;
}

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

function damaged(file: string): (error: unknown) => never {
  return (error) => {
    throw new InputError(`${file}: expected a whole zip archive, found: ${(error as Error).message}`);
  };
}

const hex = (n: number): string => n.toString(16).padStart(8, '0');
