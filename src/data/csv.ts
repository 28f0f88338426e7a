// CSV files as people have them.
import { pipeline } from 'node:stream/promises';
import { CsvError, type Info, parse } from 'csv-parse';
import { InputError } from '../base/errors';
import { FOREIGN_HEAD, refuseForeign } from '../formats/foreign';
import { asInputError, readHead, streamFile } from './files';

/** A row: its fields by the header's names, '' where there are none. */
export interface CsvRow {
  readonly fields: Readonly<Record<string, string>>;
  readonly line: number;
  /** What is wrong with it as a row. */
  readonly problem?: string;
}

/** Bytes at a time: all their rows wait to be taken. */
const CHUNK = 1 << 14;

/** Bytes without the end of a row, at which a file is refused. */
const MAX_RECORD = 1 << 22;

/**
 * The rows of a CSV file, in a stream. Lines end in LF, CRLF or CR, also in a mixture, as Python's csv
 * module reads them; a field in quotes may hold such ends. Empty lines are passed over.
 *
 * @param columns those that the caller reads
 * @param checkHeader sees the names in the header, and its line, before the first row
 * @throws InputError: no such file, an empty one, no CSV (naming the line), one of `columns` stands twice
 */
export async function* readCsv(
  file: string,
  columns: readonly string[],
  checkHeader: (header: readonly string[], line: number) => void,
): AsyncGenerator<CsvRow, void, undefined> {
  refuseForeign(await readHead(file, FOREIGN_HEAD), file);
  const options = { bom: true, info: true, trim: true, skip_empty_lines: true } as const;
  const tolerant = { relax_column_count: true, relax_quotes: true, max_record_size: 1 << 20 } as const;
  const records = parse({ ...options, ...tolerant, record_delimiter: ['\r\n', '\n', '\r'] });
  /** The file, as long as records end: what a record's fields are of counts towards its size, how many they are does not. */
  async function* chunks(): AsyncGenerator<Buffer> {
    let [ended, since] = [0, 0];
    for await (const chunk of streamFile(file, CHUNK) as AsyncIterable<Buffer>) {
      yield chunk;
      const { lines, records: found, empty_lines } = records.info;
      since = found + empty_lines > ended ? 0 : since + chunk.length;
      ended = found + empty_lines;
      if (since > MAX_RECORD)
        throw new InputError(`${file}: line ${lines}: no CSV: a row of more than ${MAX_RECORD} bytes`);
    }
  }
  // An error of the file destroys `records`, and so arrives in the loop.
  pipeline(chunks, records).catch(() => {});
  let header: string[] | undefined;
  try {
    for await (const { record, info } of records as AsyncIterable<{ record: string[]; info: Info }>) {
      const line = info.lines;
      if (!header) {
        header = record;
        const twice = columns.filter((name) => record.indexOf(name) !== record.lastIndexOf(name));
        if (twice.length > 0) throw new InputError(`${file}: line ${line}: ${describeTwice(twice[0], record)}`);
        checkHeader(header, line);
        continue;
      }
      const fields = Object.fromEntries(header.map((name, i) => [name, record[i] ?? '']));
      const { length } = header;
      if (record.length === length) yield { fields, line };
      else yield { fields, line, problem: `expected ${length} fields as in the header, found ${record.length}` };
    }
  } catch (error) {
    if (error instanceof CsvError) throw new InputError(`${file}: line ${error.lines}: no CSV: ${error.message}`);
    throw asInputError(file, error);
  }
  if (!header) throw new InputError(`${file}: expected a header line and rows, found an empty file`);
}

function describeTwice(name: string, header: readonly string[]): string {
  const places = [...header.keys()].filter((i) => header[i] === name).map((i) => i + 1);
  return `expected one column ${name}, found ${places.length} (columns ${places.join(', ')}): rename or remove the others`;
}
