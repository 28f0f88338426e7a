// The version of what a run's files hold: `format_version` in args.json, manifest.json and the metadata of weights.
import { InputError } from '../../base/errors';

/** What is written now; files of version 1 do not say so. To be raised when a program that knows this one would misread what is written. */
export const FORMAT_VERSION = 2;

/** @throws InputError where a file was made by a later version of this program, or its `format_version` is none */
export function checkFormat(found: unknown, file: string): void {
  if (found === undefined) return;
  const version = typeof found === 'string' && /^\d+$/.test(found) ? Number(found) : found;
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1)
    throw new InputError(`${file}: expected a whole number from 1 as format_version, found ${JSON.stringify(found)}`);
  if (version > FORMAT_VERSION)
    throw new InputError(
      `${file}: its format_version is ${version}, known are those up to ${FORMAT_VERSION}: made by a later version: update emotion-gcn`,
    );
}
