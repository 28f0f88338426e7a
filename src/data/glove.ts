import { createReadStream } from 'node:fs';
import { InputError } from '../device/errors';
import { asInputError } from './files';

/** A GloVe line of 300 numbers has about 2,700 bytes. */
const MAX_LINE = 1 << 16;

/**
 * Picks the vectors of some words out of a GloVe text file (`word number number ...` a line), in one pass of constant
 * memory that ends with the last word found. A word must be a line's first token exactly; its first line counts.
 *
 * @returns words.length x dim
 * @throws InputError naming file and line: no GloVe file, another dimension, a word that is not there
 */
export async function readGlove(file: string, words: readonly string[], dim: number): Promise<Float32Array> {
  const found = new Map<string, Float32Array>();
  const wanted = new Set(words);
  let lines = 0;
  const takeLine = (line: Buffer) => {
    lines++;
    const word = line.subarray(0, Math.max(line.indexOf(0x20), 0)).toString();
    if (lines > 1 && (!wanted.has(word) || found.has(word))) return;
    const vector = parseLine(file, lines, line.toString(), dim);
    if (wanted.has(word)) found.set(word, vector);
  };
  try {
    await forEachLine(file, takeLine, () => found.size === wanted.size);
  } catch (error) {
    throw asInputError(file, error);
  }
  const missing = words.filter((w) => !found.has(w));
  if (missing.length > 0) {
    throw new InputError(
      `${file}: expected the words ${words.join(', ')}, not found in ${lines} lines: ${missing.join(', ')}`,
    );
  }
  const out = new Float32Array(words.length * dim);
  words.forEach((w, i) => {
    out.set(found.get(w)!, i * dim);
  });
  return out;
}

function parseLine(file: string, line: number, text: string, dim: number): Float32Array {
  const [, ...fields] = text.trimEnd().split(' ');
  const numbers = fields.map((f) => (f === '' ? Number.NaN : Number(f)));
  if (fields.length === dim && numbers.every(Number.isFinite)) return Float32Array.from(numbers);
  const other = fields.length !== dim && fields.length > 1 && numbers.every(Number.isFinite);
  const start = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
  throw new InputError(
    other
      ? `${file}: line ${line}: expected a word and ${dim} numbers, found ${fields.length}; take the ${dim}d file of GloVe`
      : `${file}: line ${line}: no GloVe text: expected a word and ${dim} numbers, found ${start}`,
  );
}

/** Calls `take` with each line (without its line feed) until `done`. */
async function forEachLine(file: string, take: (line: Buffer) => void, done: () => boolean): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  let lines = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    const data: Buffer = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let start = 0;
    for (let end = data.indexOf(0x0a); end >= 0; end = data.indexOf(0x0a, start)) {
      take(data.subarray(start, end));
      if (done()) return;
      start = end + 1;
      lines++;
    }
    rest = data.subarray(start);
    if (rest.length > MAX_LINE) {
      throw new InputError(`${file}: line ${lines + 1}: no GloVe text: longer than ${MAX_LINE} bytes`);
    }
  }
  if (rest.length > 0) take(rest);
}
