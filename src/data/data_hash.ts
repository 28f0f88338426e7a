// Whether annotations are the same, wherever they lie by now.
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { asInputError, lookAt } from './files';
import { isPicture } from './picture_folder';

/** Of a folder with more labels in files of their own, so many are read. */
const READ = 2000;

/** What the npy release has of each face. */
const OF_FACE = /_(exp|val|aro|lnd)\.npy$/;

/**
 * SHA-256 of annotations: of a file; of a folder's files in order, by where they are below it. Of pictures their paths are what counts (in a folder a class they
 * are the labels), and so it is of the npy release's labels, of which 2000 a folder, evenly spread, are read as well: all would take
 * a start as long as reading them.
 * @throws InputError if one cannot be read
 */
export function hashOf(path: string): string {
  const hash = createHash('sha256');
  try {
    if (lookAt(path) !== 'a folder') addContent(hash, path);
    else {
      const [files, names] = [[] as string[], createHash('sha256')];
      const named = walk(path, '', new Set(), files, names);
      for (const file of files.sort()) addContent(hash, file);
      if (named) hash.update(names.digest());
    }
  } catch (error) {
    throw asInputError(path, error);
  }
  return hash.digest('hex');
}

const piece = Buffer.alloc(1 << 20);

function addContent(hash: Hash, file: string): void {
  const from = openSync(file, 'r');
  try {
    for (let n = readSync(from, piece); n > 0; n = readSync(from, piece)) hash.update(piece.subarray(0, n));
  } finally {
    closeSync(from);
  }
}

/**
 * Looks through a folder; one to which several links lead, once.
 * @param files gets what is to be read in whole
 * @param names gets the paths that count
 * @returns whether there were such
 */
function walk(dir: string, below: string, known: Set<string>, files: string[], names: Hash): boolean {
  const real = realpathSync(dir);
  if (known.has(real)) return false;
  known.add(real);
  const listed = readdirSync(dir);
  const labels = listed.filter((name) => name.endsWith('_exp.npy')).sort();
  const step = Math.ceil(labels.length / READ);
  for (const [i, name] of labels.entries()) {
    names.update(`${below}${name}\0`);
    if (i % step !== 0) continue;
    for (const label of ['exp', 'val', 'aro']) {
      const file = join(dir, name.replace(/exp\.npy$/, `${label}.npy`));
      if (lookAt(file) === 'a file') addContent(names, file);
    }
  }
  let named = labels.length > 0;
  for (const name of listed.filter((name) => !OF_FACE.test(name)).sort()) {
    if (isPicture(name)) {
      names.update(`${below}${name}\0`);
      named = true;
      continue;
    }
    const kind = lookAt(join(dir, name));
    if (kind === 'a folder') named = walk(join(dir, name), `${below}${name}/`, known, files, names) || named;
    else if (kind === 'a file') files.push(join(dir, name));
  }
  return named;
}
