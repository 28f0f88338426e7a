// Where targets put what is read through files: a folder that ends with the process.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-fuzz-'));
process.once('exit', () => rmSync(dir, { recursive: true, force: true }));

/** A path in it, whose folder is there. */
export function place(...names: string[]): string {
  const path = join(dir, ...names);
  mkdirSync(dirname(path), { recursive: true });
  return path;
}

/** Writes a file there. @returns its path */
export function put(name: string, content: Uint8Array | string): string {
  const path = place(name);
  writeFileSync(path, content);
  return path;
}

/** The files of a folder of the repository whose names fit, up to so many bytes each. */
export const filesIn = (folder: string, names: RegExp, most = 2 ** 14): Uint8Array[] =>
  readdirSync(folder)
    .filter((name) => names.test(name))
    .sort()
    .map((name) => new Uint8Array(readFileSync(join(folder, name))))
    .filter(({ length }) => length <= most);

export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
