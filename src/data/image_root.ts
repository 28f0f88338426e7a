// Where pictures may be that a file names: one rule for lists, CSV files, pickles, Aff-Wild2's folders and folders of pictures.
import { lstatSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { asInputError } from './files';

/**
 * A folder of pictures. What a file names must lie in it, by its real path: no `..`, no absolute path and no link may lead out.
 * Folders are looked up once; a picture itself, which may be a link, is when it is opened (`linkProblemOf`).
 */
export class ImageRoot {
  /** Real path. */
  private readonly real: string;
  private readonly found: string;
  private readonly folders = new Map<string, string | null>();
  /** Folders by the names that paths have for them, and whether all in them may be used. */
  private readonly allowed = new Map<string, boolean>();

  /** @throws InputError if there is no such folder */
  constructor(private readonly dir: string) {
    try {
      this.real = realpathSync(dir);
      this.found = identityOf(this.real);
    } catch (error) {
      throw asInputError(dir, error);
    }
  }

  /** Why what a file calls `path` may not be used; null: it may. */
  problemOf(path: string): string | null {
    const plain = PLAIN.exec(path);
    if (!plain) return this.lookUp(path);
    // What holds for a name of a folder holds for all names in it.
    let inside = this.allowed.get(plain[1]);
    if (inside === undefined) {
      inside = this.lookUp(path) === null && this.realOf(dirname(resolve(this.dir, path))) !== null;
      this.allowed.set(plain[1], inside);
    }
    return inside ? null : this.lookUp(path);
  }

  private lookUp(path: string): string | null {
    if (path.includes('\0')) return 'expected a path, found one with a zero byte';
    if (sep === '/' && /^([a-z]:|\\\\)/i.test(path)) return `expected a path in ${this.dir}, found one of Windows`;
    const target = resolve(this.dir, path);
    const above = dirname(target);
    const folder = this.realOf(above);
    if (folder === null ? isIn(target, resolve(this.dir)) || this.has(target) : this.has(folder)) return null;
    return this.leadsOut('', folder === null ? target : join(folder, basename(target)));
  }

  /** Why a file whose path passed may not be opened: it is a link that leads out. null: it may; if there is none, opening it says so. */
  linkProblemOf(file: string | Buffer): string | null {
    try {
      if (!lstatSync(file).isSymbolicLink()) return null;
      const target = realpathSync(file);
      return this.has(target) ? null : this.leadsOut('a link that ', target);
    } catch {
      return null;
    }
  }

  /** Whether it is no more what it was, such as a disk that was unplugged. */
  get isGone(): boolean {
    try {
      return identityOf(this.real) !== this.found;
    } catch {
      return true;
    }
  }

  /** Whether a real path lies in the folder, or is it. */
  has(real: string): boolean {
    return isIn(real, this.real);
  }

  private leadsOut(what: string, target: string): string {
    return `${what}leads out of ${this.dir}, to ${target}; --image_dir / allows any`;
  }

  /** null: there is none. */
  private realOf(folder: string): string | null {
    let real = this.folders.get(folder);
    if (real === undefined) {
      try {
        real = realpathSync(folder);
      } catch {
        real = null;
      }
      this.folders.set(folder, real);
    }
    return real;
  }
}

/** A path whose last part is a plain name; what stands before it. */
const PLAIN = /^((?:[^/\\\0:]+\/)*)(?!\.{1,2}$)[^/\\\0:]+$/;

/** Tells a folder from another in its place, such as the one that a disk was mounted on. */
function identityOf(folder: string): string {
  const { dev, ino } = statSync(folder);
  return `${dev} ${ino}`;
}

const isIn = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
