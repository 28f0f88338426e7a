import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';

const RTLD_NOW = 2;
const RTLD_NODELETE = 0x1000;

/**
 * Loads a shared library into this process for good, so that glibc answers every later request for it by its SONAME
 * (Dawn's `dlopen("libvulkan.so.1")`, a driver's own needs) without LD_LIBRARY_PATH and without starting again.
 * Node closes a library that is no add-on at once ("Module did not self-register"): RTLD_NODELETE keeps it.
 * @param file a path, or a bare name for the system's search path
 * @throws Error when the library, or one that it needs, is missing or damaged
 */
export function hold(file: string): void {
  try {
    process.dlopen({ exports: {} }, file, RTLD_NOW | RTLD_NODELETE);
  } catch (e) {
    if (!(e as Error).message.includes('did not self-register')) throw e;
  }
}

/** Loads `folder/file`, before it whatever `folder` has of what it needs; the rest is the system's. @throws as `hold` */
export function preload(folder: string, file: string): void {
  for (const name of needs(join(folder, file))) if (existsSync(join(folder, name))) preload(folder, name);
  hold(join(folder, file));
}

const PT_DYNAMIC = 2;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_STRSZ = 10;

/**
 * The SONAMEs that a shared library asks for: the DT_NEEDED entries of its ELF dynamic section.
 * @throws Error when the file is no whole 64-bit little-endian ELF library
 */
export function needs(file: string): string[] {
  const fd = openSync(file, 'r');
  const read = (offset: number, bytes: number) => {
    const data = Buffer.alloc(bytes);
    if (readSync(fd, data, 0, bytes, offset) !== bytes) throw new Error(`${file} is damaged: it ends too early`);
    return data;
  };
  const word = (data: Buffer, offset: number) => Number(data.readBigUInt64LE(offset));
  try {
    const header = read(0, 64);
    if (header.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') throw new Error(`${file} is damaged: no ELF library`);
    const [size, count] = [header.readUInt16LE(54), header.readUInt16LE(56)];
    const table = read(word(header, 32), size * count);
    const segments = Array.from({ length: count }, (_, i) => ({
      type: table.readUInt32LE(i * size),
      offset: word(table, i * size + 8),
      address: word(table, i * size + 16),
      bytes: word(table, i * size + 32),
    }));
    const dynamic = segments.find((s) => s.type === PT_DYNAMIC);
    if (!dynamic) return [];
    const section = read(dynamic.offset, dynamic.bytes);
    const entries = Array.from({ length: dynamic.bytes / 16 }, (_, i) => [
      word(section, 16 * i),
      word(section, 16 * i + 8),
    ]);
    const value = (tag: number) => entries.find(([t]) => t === tag)?.[1] ?? 0;
    const address = value(DT_STRTAB);
    const home = segments.find((s) => address >= s.address && address < s.address + s.bytes);
    const strings = read(address - (home?.address ?? 0) + (home?.offset ?? 0), value(DT_STRSZ));
    const name = (at: number) => strings.toString('utf8', at, strings.indexOf(0, at));
    return entries.filter(([tag]) => tag === DT_NEEDED).map(([, at]) => name(at));
  } finally {
    closeSync(fd);
  }
}
