// The version of what a run's files hold: `format_version` in args.json, manifest.json and the metadata of weights.
import { InputError } from '../../base/errors';

/**
 * What is written now; files of version 1 do not say so. To be raised when a program that knows this one would misread what is written.
 *
 * A run keeps the version that it was begun with, and goes on by its rule: up to version 2 all pictures are prepared before the first
 * step, and those that cannot be used are not among the samples (see `CropSet.usable`); since 3 that is seen when their batch is read.
 */
export const FORMAT_VERSION = 3;

/** The last version whose runs prepare all pictures first. */
export const PREPARED_FIRST = 2;

/** The version that a file has. @throws InputError where it was made by a later version of this program, or its `format_version` is none */
export function checkFormat(found: unknown, file: string): number {
  if (found === undefined) return 1;
  const version = typeof found === 'string' && /^\d+$/.test(found) ? Number(found) : found;
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1)
    throw new InputError(`${file}: expected a whole number from 1 as format_version, found ${JSON.stringify(found)}`);
  if (version > FORMAT_VERSION)
    throw new InputError(
      `${file}: its format_version is ${version}, known are those up to ${FORMAT_VERSION}: made by a later version: update emotion-gcn`,
    );
  return version;
}
