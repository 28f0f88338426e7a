// The pictures below a folder, each once: links are followed, also those that lead in circles.
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { asInputError } from './files';
import type { ImageRoot } from './image_root';
import { isVideoName } from './video';

/** What the names of pictures end in. HEIC is among them so that it is refused by its name. */
export const ENDINGS: ReadonlySet<string> = new Set(
  '.jpg .jpeg .jpe .jfif .png .bmp .dib .webp .gif .tif .tiff .avif .pbm .pgm .ppm .pnm .heic .heif'.split(' '),
);

/** macOS keeps what its file system says of `a.jpg` in `._a.jpg`. */
export const isPicture = (name: string): boolean => ENDINGS.has(extname(name).toLowerCase()) && !name.startsWith('._');

/** A path whose characters are its bytes: names are bytes, which need not be UTF-8. */
type Bytes = string;
const bytesOf = (path: Bytes): Buffer => Buffer.from(path, 'latin1');

interface FoundPicture {
  /** Folder and name below it, for people. */
  file: string;
  path: Buffer;
}

/** Names that a message has of each kind. */
const SHOWN = 5;

/**
 * The pictures in a folder and below, by name, and in words what else is there. What is reached in several ways stands once: under its
 * own place where that is below the folder, else under the first link.
 * @param root out of which no link may lead
 * @throws InputError if the folder cannot be read
 */
export function picturesBelow(folder: string, root: ImageRoot): { pictures: FoundPicture[]; passedOver: string } {
  const pictures: FoundPicture[] = [];
  const others = new Map<string, string[]>();
  const passOver = (kind: string, name: Bytes): void => {
    if (!others.has(kind)) others.set(kind, []);
    others.get(kind)!.push(bytesOf(name).toString());
  };
  /** Real paths of folders and files that were come by. */
  const known = new Set<Bytes>();
  /** Links are followed when all that needs none is known. */
  const links: { at: Bytes; name: Bytes }[] = [];

  const take = (real: Bytes, name: Bytes, file: boolean): void => {
    if (file && isPicture(name.slice(name.lastIndexOf('/') + 1))) {
      known.add(real);
      pictures.push({ file: join(folder, bytesOf(name).toString()), path: bytesOf(real) });
    } else passOver(isVideoName(name) ? 'videos, which must be named themselves' : 'no pictures by name', name);
  };
  const walk = (real: Bytes, below: Bytes): void => {
    known.add(real);
    const entries = readdirSync(bytesOf(real), { withFileTypes: true, encoding: 'latin1' });
    for (const entry of entries) {
      const [at, name] = [`${real === '/' ? '' : real}/${entry.name}`, below + entry.name];
      if (known.has(at)) continue;
      if (entry.isSymbolicLink()) links.push({ at, name });
      else if (entry.isDirectory()) enter(at, name);
      else take(at, name, entry.isFile());
    }
  };
  const enter = (real: Bytes, name: Bytes): void => {
    try {
      walk(real, `${name}/`);
    } catch (error) {
      passOver(`cannot be read (${(error as NodeJS.ErrnoException).code})`, name);
    }
  };

  try {
    walk(realpathSync.native(folder, 'latin1'), '');
  } catch (error) {
    throw asInputError(folder, error);
  }
  for (const { at, name } of links.sort(byName)) {
    try {
      const real = realpathSync.native(bytesOf(at), 'latin1');
      const found = statSync(bytesOf(real));
      if (!root.has(bytesOf(real).toString())) {
        passOver(
          `links that lead out of it (--image_dir / allows them)`,
          Buffer.from(`${bytesOf(name)} to ${bytesOf(real)}`).toString('latin1'),
        );
      } else if (known.has(real)) passOver('links to what is listed already', name);
      else if (found.isDirectory()) enter(real, name);
      else take(real, name, found.isFile());
    } catch {
      passOver('links that lead nowhere', name);
    }
  }
  const passedOver = [...others].map(([kind, names]) => {
    const more = names.length > SHOWN ? ', ...' : '';
    return `${kind}: ${names.length} (${names.sort().slice(0, SHOWN).join(', ')}${more})`;
  });
  return { pictures: pictures.sort((a, b) => (a.file < b.file ? -1 : 1)), passedOver: passedOver.join('; ') };
}

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
