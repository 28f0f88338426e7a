// A checksum of a whole file inside that file: SHA-256 of its bytes with zeros in the checksum's own place.
import { InputError } from '../base/errors';
import { sha256 } from '../base/sha256';

const KIND = 'sha256:';
const DIGITS = 64;

/** What stands for the checksum until `seal`. */
export const OPEN = KIND + '0'.repeat(DIGITS);

/** How it stands in a JSON header as we write it. */
const PLACE = `"checksum":"${KIND}`;

/** Puts the checksum into the first `head` bytes, where `OPEN` is the value of "checksum". */
export function seal(bytes: Uint8Array, head: number): void {
  const at = placeOf(bytes, head);
  if (at !== undefined) bytes.set(new TextEncoder().encode(checksum(bytes, at)), at);
}

/**
 * Compares the checksum in the first `head` bytes of a file.
 * @param needed there must be one
 * @throws InputError if the file is not as it was written
 */
export function checkSeal(bytes: Uint8Array, head: number, file: string, needed: boolean): void {
  const at = placeOf(bytes, head);
  if (at === undefined && needed) throw new InputError(`${file}: expected a checksum in its metadata, found none`);
  if (at === undefined) return;
  const [found, wanted] = [checksum(bytes, at), text(bytes.subarray(at, at + DIGITS))];
  if (found !== wanted)
    throw new InputError(
      `${file}: damaged, or changed since it was written: expected the checksum ${wanted.slice(0, 16)}…, found ${found.slice(0, 16)}…; take another copy`,
    );
}

function placeOf(bytes: Uint8Array, head: number): number | undefined {
  const at = text(bytes.subarray(0, head)).indexOf(PLACE);
  return at < 0 ? undefined : at + PLACE.length;
}

function checksum(bytes: Uint8Array, at: number): string {
  const open = new Uint8Array(DIGITS).fill(0x30);
  return sha256([bytes.subarray(0, at), open, bytes.subarray(at + DIGITS)]);
}

/** A character a byte, those of ASCII as they are. */
const text = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);
