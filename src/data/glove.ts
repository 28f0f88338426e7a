import { InputError } from '../base/errors';
import { asInputError, streamFile } from './files';

/** A GloVe line of 300 numbers has about 2,700 bytes. */
const MAX_LINE = 1 << 16;
const [TAB, LINE_FEED, SPACE] = [0x09, 0x0a, 0x20];

/**
 * Picks the vectors of some words out of a GloVe text file (`word number number ...` a line), in one pass of constant
 * memory over the whole file: every line must have a word and `dim` numbers, so that a file that is cut short or of another
 * dimension is refused wherever the words stand. The numbers themselves are read where the word is wanted.
 *
 * A word must be a line's first token exactly (a few of GloVe's largest file have spaces in them, and are passed over); its
 * first line counts. A header line of word2vec (`400000 300`), a byte order mark, CRLF and blank lines are tolerated.
 *
 * @returns words.length x dim
 * @throws InputError naming file and line: no GloVe file, another dimension, a word that is not there
 */
export async function readGlove(file: string, words: readonly string[], dim: number): Promise<Float32Array> {
  const found = new Map<string, Float32Array>();
  const wanted = new Set(words);
  let lines = 0;
  try {
    await forEachLine(file, (line, separators, count) => {
      lines = count;
      const end = line.findIndex((byte) => byte === SPACE || byte === TAB);
      const first = line.subarray(0, Math.max(end, 0)).toString();
      if (lines > 1 && ((separators === dim && !wanted.has(first)) || line.length === 0)) return;
      const text = lines > 1 ? line.toString() : line.toString().replace(/^\ufeff/, '');
      if (lines === 1 && isHeader(text, dim)) return;
      const { word, vector } = parseLine(file, lines, text, dim);
      if (wanted.has(word) && !found.has(word)) found.set(word, vector);
    });
  } catch (error) {
    throw asInputError(file, error);
  }
  const missing = words.filter((w) => !found.has(w));
  if (missing.length > 0) {
    throw new InputError(
      `${file}: expected the words ${words.join(', ')}, not found in ${lines} lines: ${missing.join(', ')}; ` +
        'call these classes by words that are there (--classes), take a larger file of vectors, or --emb random',
    );
  }
  const out = new Float32Array(words.length * dim);
  words.forEach((w, i) => {
    out.set(found.get(w)!, i * dim);
  });
  return out;
}

/** Whether a first line is word2vec's: how many lines follow, and of how many numbers. */
const isHeader = (text: string, dim: number): boolean => new RegExp(`^\\d+ ${dim}\\s*$`).test(text);

/** The last `dim` fields of a line as numbers. What stands before is its word, more than one field only where it has spaces. */
function parseLine(file: string, line: number, text: string, dim: number): { word: string; vector: Float32Array } {
  const fields = text.split(/[ \t]+/);
  const numeric = (field: string) => field !== '' && Number.isFinite(Math.fround(Number(field)));
  const word = fields.slice(0, Math.max(1, fields.length - dim));
  const numbers = fields.slice(word.length);
  const spare = word.slice(1);
  const wrongCount = numbers.length !== dim || (spare.length > 0 && spare.every(numeric));
  if (numbers.every(numeric) && !wrongCount)
    return { word: word.join(' '), vector: Float32Array.from(numbers, Number) };
  const expected = `expected a word and ${dim} numbers`;
  if (numbers.length > 1 && numbers.every(numeric)) {
    const count = numbers.length + spare.length;
    throw new InputError(
      `${file}: line ${line}: ${expected}, found ${count}; take the ${dim}d file of GloVe, or get it again if it is cut short`,
    );
  }
  const start = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
  throw new InputError(`${file}: line ${line}: no GloVe text: ${expected}, found ${start}`);
}

/** A line without its line end and trailing spaces, how many spaces and tabs are in it, and how many lines there were with it. */
type TakeLine = (line: Buffer, separators: number, count: number) => void;

/** Calls `take` with each line of a file. */
async function forEachLine(file: string, take: TakeLine): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  let lines = 0;
  const counted = (line: Buffer, separators: number): void => {
    lines++;
    take(line, separators, lines);
  };
  const skipped = (): void => {
    lines++;
  };
  for await (const chunk of streamFile(file)) {
    const data: Buffer = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    rest = data.subarray(takeLines(data, counted, skipped));
    if (rest.length > MAX_LINE) {
      throw new InputError(`${file}: line ${lines + 1}: no GloVe text: longer than ${MAX_LINE} bytes`);
    }
  }
  if (rest.length > 0) takeLines(Buffer.concat([rest, Buffer.of(LINE_FEED)]), counted, skipped);
}

/** Calls `take` with the whole lines of `data`, `skip` for an empty one after another; returns where the rest begins. */
function takeLines(data: Buffer, take: (line: Buffer, separators: number) => void, skip: () => void): number {
  let start = 0;
  let separators = 0;
  for (let i = 0; i < data.length; i++) {
    const byte = data[i];
    if (byte > SPACE) continue;
    if (byte === SPACE || byte === TAB) separators++;
    else if (byte === LINE_FEED) {
      let end = i;
      for (; end > start && data[end - 1] <= SPACE; end--) {
        if (data[end - 1] === SPACE || data[end - 1] === TAB) separators--;
      }
      take(data.subarray(start, end), separators);
      // Empty lines, of which there may be any number, are only counted.
      while (data[i + 1] === LINE_FEED) {
        skip();
        i++;
      }
      start = i + 1;
      separators = 0;
    }
  }
  return start;
}
