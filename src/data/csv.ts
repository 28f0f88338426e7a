// CSV files as people have them.
import { InputError } from '../base/errors';
import { FOREIGN_HEAD, refuseForeign } from '../formats/foreign';
import { NotCsv, readRecords } from './csv_records';
import { asInputError, readHead } from './files';

/** A row: its fields by the header's names, of the columns that were asked for; '' where the row has none. */
export interface CsvRow {
  readonly fields: Readonly<Record<string, string>>;
  /** On which it ends. */
  readonly line: number;
  /** What is wrong with it as a row. */
  readonly problem?: string;
}

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
  let header: string[] | undefined;
  let wanted: [name: string, place: number][] = [];
  try {
    for await (const { line, fields: record } of readRecords(file)) {
      const { length } = record;
      if (!header) {
        const names = Array.from({ length }, (_, i) => record.at(i) as string);
        const twice = columns.filter((name) => names.indexOf(name) !== names.lastIndexOf(name));
        if (twice.length > 0) throw new InputError(`${file}: line ${line}: ${describeTwice(twice[0], names)}`);
        checkHeader(names, line);
        header = names;
        wanted = columns.map((name): [string, number] => [name, names.indexOf(name)]).filter(([, place]) => place >= 0);
        continue;
      }
      const fields: Record<string, string> = {};
      for (const [name, place] of wanted) fields[name] = place < length ? (record.at(place) as string) : '';
      if (length === header.length) yield { fields, line };
      else yield { fields, line, problem: `expected ${header.length} fields as in the header, found ${length}` };
    }
  } catch (error) {
    if (error instanceof NotCsv) throw new InputError(`${file}: line ${error.line}: no CSV: ${error.message}`);
    throw asInputError(file, error);
  }
  if (!header) throw new InputError(`${file}: expected a header line and rows, found an empty file`);
}

function describeTwice(name: string, header: readonly string[]): string {
  const places = [...header.keys()].filter((i) => header[i] === name).map((i) => i + 1);
  return `expected one column ${name}, found ${places.length} (columns ${places.join(', ')}): rename or remove the others`;
}
