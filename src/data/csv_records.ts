// The records of a CSV file. A line whose quotes, if any, stand around whole fields is cut here, in one pass over its bytes; what else
// quotes can do is left to csv-parse, which takes many times as long, some lines at a time.
import { CsvError, parse } from 'csv-parse/sync';
import { streamFile } from './files';

/** Bytes that are read at once. */
const CHUNK = 1 << 18;

/** Bytes of a record, beyond which a file is refused. */
const MAX_RECORD = 1 << 20;

/** Bytes that csv-parse is given, up to the end of their last line. */
const PIECE = 1 << 14;

const [LF, CR, QUOTE, COMMA] = [0x0a, 0x0d, 0x22, 0x2c];

/** A record; its fields are there until the next is asked for. */
export interface CsvRecord {
  /** On which it ends, from 1. */
  readonly line: number;
  readonly fields: { readonly length: number; at(i: number): string | undefined };
}

/** What is no CSV, and where. */
export class NotCsv extends Error {
  constructor(
    readonly line: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * The records of a file, fields without the white space around them; empty lines are passed over.
 * @throws NotCsv; InputError: no such file; the file system's error
 */
export async function* readRecords(file: string): AsyncGenerator<CsvRecord, void, undefined> {
  const plain = new PlainLine();
  let rest: Buffer = Buffer.alloc(0);
  let line = 1;
  for await (const more of utf8Of(file)) {
    const bytes = more ? Buffer.concat([rest, more]) : rest;
    let at = 0;
    while (at < bytes.length) {
      const end = plain.cut(bytes, at, more === null);
      if (end > at) {
        if (end - at > MAX_RECORD) throw tooLong(line);
        if (!plain.isEmpty) yield { line, fields: plain };
        at = end;
        line++;
        continue;
      }
      const records = end === ODD ? parseOdd(bytes, at, more === null, line) : [];
      if (records.length === 0) break;
      yield* records;
      at = records[records.length - 1].end;
      line = records[records.length - 1].line + 1;
    }
    rest = bytes.subarray(at);
    if (rest.length > MAX_RECORD) throw tooLong(line);
  }
}

const tooLong = (line: number): NotCsv => new NotCsv(line, `a row of more than ${MAX_RECORD} bytes`);

/** The bytes of a file of UTF-8, or of UTF-16 with its mark, as UTF-8 without; then null. */
async function* utf8Of(file: string): AsyncGenerator<Buffer | null, void, undefined> {
  let utf16: TextDecoder | null | undefined;
  for await (const chunk of streamFile(file, CHUNK) as AsyncIterable<Buffer>) {
    const first = utf16 === undefined;
    if (first) utf16 = chunk[0] === 0xff && chunk[1] === 0xfe ? new TextDecoder('utf-16le') : null;
    if (utf16) yield Buffer.from(utf16.decode(chunk, { stream: true }));
    else yield first && chunk.subarray(0, 3).equals(Buffer.of(0xef, 0xbb, 0xbf)) ? chunk.subarray(3) : chunk;
  }
  yield null;
}

/** What `PlainLine.cut` returns where it has cut nothing: quotes in another place than around a field, or no end of the line. */
const [ODD, UNFINISHED] = [-1, -2];

/** The fields of the line that was cut last. */
class PlainLine {
  length = 0;
  private bytes: Buffer = Buffer.alloc(0);
  /** Where each begins and ends; of one in quotes the complement of where it begins. */
  private readonly spans: number[] = [];

  at(i: number): string {
    const [begin, end] = [this.spans[2 * i], this.spans[2 * i + 1]];
    return begin < 0 ? this.bytes.toString('utf8', ~begin, end) : this.bytes.toString('utf8', begin, end).trim();
  }

  get isEmpty(): boolean {
    return this.length === 1 && this.spans[0] >= 0 && this.at(0) === '';
  }

  /**
   * Cuts the line that begins at `at`.
   * @param last no bytes will follow
   * @returns where the next begins, ODD or UNFINISHED
   */
  cut(bytes: Buffer, at: number, last: boolean): number {
    const { spans } = this;
    const { length } = bytes;
    this.bytes = bytes;
    let [count, begin] = [0, at];
    for (let i = at; ; i++) {
      const byte = i < length ? bytes[i] : LF;
      if (byte > COMMA) continue;
      if (byte === COMMA || byte === LF || byte === CR) {
        spans[count++] = begin;
        spans[count++] = i;
        begin = i + 1;
      } else if (byte === QUOTE) {
        if (i !== begin) return ODD;
        do i++;
        while (i < length && bytes[i] !== QUOTE && bytes[i] !== LF && bytes[i] !== CR);
        if (bytes[i] !== QUOTE) return ODD;
        spans[count++] = ~(begin + 1);
        spans[count++] = i++;
        begin = i + 1;
      } else continue;
      const end = i < length ? bytes[i] : LF;
      if (end === COMMA) continue;
      if (end !== LF && end !== CR) return ODD;
      if (!last && i + (end === CR ? 1 : 0) >= length) return UNFINISHED;
      this.length = count / 2;
      return end === CR && bytes[i + 1] === LF ? i + 2 : i + 1;
    }
  }
}

interface OddRecord extends CsvRecord {
  /** Where the next begins. */
  readonly end: number;
}

/**
 * Records from `from` on, where line `first` begins: as many as a piece has; none: they need more bytes than there are.
 * @throws NotCsv
 */
function parseOdd(bytes: Buffer, from: number, last: boolean, first: number): OddRecord[] {
  for (let size = PIECE, to = -1; ; size *= 2) {
    const before = to;
    to = endOfLines(bytes, from, size, last);
    const records: OddRecord[] = [];
    try {
      parse(bytes.subarray(from, to), {
        ...{ record_delimiter: ['\r\n', '\n', '\r'], trim: true, skip_empty_lines: true, relax_column_count: true },
        ...{ relax_quotes: true, max_record_size: MAX_RECORD },
        on_record: (fields: string[], { lines, bytes: read }) => {
          records.push({ fields, line: first + lines - 1, end: from + read });
          return null;
        },
      });
      return records;
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      if (error.code !== 'CSV_QUOTE_NOT_CLOSED')
        throw new NotCsv(first + Number(error.lines) - 1, error.message.replace(/ at line \d+/, ''));
      if (records.length > 0) return records;
      if (to === bytes.length && last) throw new NotCsv(first, 'a quote that is not closed');
      if (to === before) return [];
    }
  }
}

/** The end of the first line that ends `size` bytes or more behind `from`, else of the last line; `from`: there is none. */
function endOfLines(bytes: Buffer, from: number, size: number, last: boolean): number {
  const { length } = bytes;
  const isEnd = (i: number): boolean => bytes[i - 1] === LF || (bytes[i - 1] === CR && i < length && bytes[i] !== LF);
  for (let i = from + size; i <= length; i++) if (isEnd(i)) return i;
  if (last) return length;
  for (let i = length; i > from; i--) if (isEnd(i)) return i;
  return from;
}
