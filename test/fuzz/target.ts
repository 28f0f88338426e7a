// What is fuzzed, and what must hold of every case.
import type { Arbitrary } from 'fast-check';
import { InputError } from '../../src/base/errors';

/** A reader of strangers' files. */
export interface Target {
  /** Real files of its format, small ones, to begin with. */
  seeds(): Uint8Array[] | Promise<Uint8Array[]>;
  /** Files of made-up content, each of which must be read. */
  readonly made?: Arbitrary<Uint8Array>;
  /**
   * Reads a file, and throws where what was read is not right: where there is a writer, what it writes of it is read as the same.
   * To refuse it throws an InputError (of pictures, which are named by who asked for them, an ImageError) that contains `names`.
   */
  read(bytes: Uint8Array): unknown;
  /** What a refusal must say: where it is. */
  readonly names: string;
  /** The errors that refuse. Default: InputError. */
  readonly refusal?: new (
    message: string,
  ) => Error;
}

/** Milliseconds of this process's own time that a case may take; the slowest of good files take a tenth. */
const MOST_MS = 4000;
/** Characters of a message, as test/hostile expects. */
const MOST_MESSAGE = 3000;

/**
 * Tries a case.
 * @returns whether the file was read; else it was refused as it should be
 * @throws Error where neither is so
 */
export async function attempt({ read, names, refusal = InputError }: Target, bytes: Uint8Array): Promise<boolean> {
  const begun = process.cpuUsage();
  let accepted = true;
  try {
    await read(bytes);
  } catch (error) {
    if (!(error instanceof refusal)) throw error;
    const { message } = error;
    if (!message.includes(names)) throw new Error(`a refusal that does not say ${names}: ${message}`);
    if (message.length > MOST_MESSAGE) throw new Error(`a refusal of ${message.length} characters`);
    accepted = false;
  }
  const { user, system } = process.cpuUsage(begun);
  const ms = (user + system) / 1000;
  if (ms > MOST_MS) throw new Error(`a case that takes ${ms} ms`);
  return accepted;
}
