// A folder that holds a training set and a validation set, each in a folder of its own.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { asInputError, lookAt } from '../files';

/** What the folders of the parts are called, in any case; of several validation sets the first kind counts. */
const TRAIN = [/^train(ing)?([ _-]?set)?$/i];
const VALIDATION = [/^val(id|idation)?([ _-]?set)?$/i, /^(test(ing)?|eval|evaluation)([ _-]?set)?$/i];

export interface SetFolders {
  readonly train: string;
  readonly val: string | null;
}

/** Names of the folders in a folder, links to folders among them, in order. @throws InputError if it cannot be read */
export function foldersIn(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => !entry.name.startsWith('.'))
      .filter(
        (entry) => entry.isDirectory() || (entry.isSymbolicLink() && lookAt(join(dir, entry.name)) === 'a folder'),
      )
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    throw asInputError(dir, error);
  }
}

/** Whether a folder is called as a part of a set. */
export const isPartName = (name: string): boolean => [...TRAIN, ...VALIDATION].some((called) => called.test(name));

/**
 * The sets in a folder: it is one itself, or has them below it. One alone is `train`, whatever it is called.
 * @returns null: there are none
 */
export function partsOf(dir: string, isSet: (dir: string) => boolean): SetFolders | null {
  const names = foldersIn(dir).filter(isPartName);
  const first = (kinds: readonly RegExp[]): string | null => {
    for (const called of kinds)
      for (const name of names) if (called.test(name) && isSet(join(dir, name))) return join(dir, name);
    return null;
  };
  const [train, val] = [first(TRAIN), first(VALIDATION)];
  const alone = train ?? val;
  if (alone !== null) return { train: alone, val: train === null ? null : val };
  return isSet(dir) ? { train: dir, val: null } : null;
}
