// All that the program writes: results to stdout, all else to stderr. Names and texts of strangers' files are among it.
import { printable } from '../base/printable';

/** A line for people, to stderr. */
export function say(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}

/** A result for people, to stdout. */
export function print(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

/** A result for programs, to stdout: byte for byte unless it goes to a terminal. */
export function printData(text: string): void {
  process.stdout.write(`${process.stdout.isTTY ? printable(text) : text}\n`);
}
