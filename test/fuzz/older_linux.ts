// Loaded before Jazzer.js: its fuzzer for Linux on x64 is linked with glibc 2.38 and GCC 13, newer than Debian 12 and Ubuntu 22.04 have, of which
// it needs nothing. There a copy is loaded that asks for the same functions by their older names.
import { readFileSync, writeFileSync } from 'node:fs';

/** `strtol` and `strtoul`, which since C23 read 0b1 as well, and what only marks that the library begins its streams by itself. */
const NEWER = { 'GLIBC_2.38': 'GLIBC_2.2.5', 'GLIBCXX_3.4.32': 'GLIBCXX_3.4.30' };
const RENAMED = ['strtol', 'strtoul'];
/** Bytes from a version's hash to its name, in ELF's table of the versions that are needed, and of both. */
const [NAME, WORD] = [8, 4];

const load = process.dlopen;
process.dlopen = (module: object, file: string, ...rest: []) => {
  try {
    load.call(process, module, file, ...rest);
  } catch (error) {
    if (!/fuzzer-linux-x64/.test(file) || !/version `GLIBC/.test((error as Error).message)) throw error;
    const copy = process.env.FUZZ_LIBRARY as string;
    writeFileSync(copy, withOlderNames(readFileSync(file)));
    load.call(process, module, copy, ...rest);
  }
};

function withOlderNames(library: Buffer): Buffer {
  for (const name of RENAMED) library.write(`${name}\0`, library.indexOf(`\0__isoc23_${name}\0`) + 1, 'latin1');
  for (const versions of Object.entries(NEWER)) {
    const [newer, older] = versions.map((version) => library.indexOf(hashOf(version)));
    for (const at of [0, NAME]) library.copy(library, newer + at, older + at, older + at + WORD);
  }
  return library;
}

/** ELF's hash of a version's name, as it stands there. */
function hashOf(name: string): Buffer {
  let hash = 0;
  for (const char of name) {
    hash = (hash << 4) + char.charCodeAt(0);
    hash = (hash ^ ((hash >>> 24) & 0xf0)) & 0x0fffffff;
  }
  const bytes = Buffer.alloc(WORD);
  bytes.writeUInt32LE(hash);
  return bytes;
}
