// Records of CSV files against csv-parse, their numbers against Number.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InfoRecord, parse } from 'csv-parse/sync';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomBits, randomStream } from '../../src/base/random';
import { NotCsv, readRecords } from '../../src/data/csv_records';
import { numbersOf } from '../../src/data/numbers';

const test = suite('csv');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-csv-'));
test.after(() => rmSync(dir, { recursive: true }));

type Found = [line: number, fields: string[]][];

async function read(content: Uint8Array): Promise<Found> {
  const file = join(dir, 'some.csv');
  writeFileSync(file, content);
  const found: Found = [];
  for await (const { line, fields } of readRecords(file))
    found.push([line, Array.from({ length: fields.length }, (_, i) => fields.at(i) as string)]);
  return found;
}

/** The whole text at once. */
function reference(content: Uint8Array): Found {
  const found: Found = [];
  parse(content, {
    ...{ bom: true, trim: true, skip_empty_lines: true, relax_column_count: true, relax_quotes: true },
    record_delimiter: ['\r\n', '\n', '\r'],
    on_record: (fields: string[], { lines }: InfoRecord) => {
      found.push([lines, fields]);
      return null;
    },
  });
  return found;
}

/** The same records, or an error from both. */
async function agree(content: Uint8Array): Promise<'records' | 'error'> {
  let expected: Found;
  try {
    expected = reference(content);
  } catch {
    const error = await read(content).then(
      () => null,
      (e: unknown) => e,
    );
    assert.instance(error, NotCsv, `${Buffer.from(content)}`);
    return 'error';
  }
  const found = await read(content);
  // Of many records assert.equal takes its time.
  if (JSON.stringify(found) !== JSON.stringify(expected)) assert.equal(found, expected, `${Buffer.from(content)}`);
  return 'records';
}

test('three thousand small files of odd signs: the records and line numbers of csv-parse', async () => {
  const signs = [
    'a',
    'b;1',
    ',',
    ',',
    '"',
    '"',
    '\n',
    '\r',
    '\r\n',
    ' ',
    '\t',
    'é',
    '\u00a0',
    '\ufeff',
    '\0',
    '""',
    '",',
  ];
  const stream = randomStream('csv', 1);
  const outcomes = { records: 0, error: 0 };
  let n = 0;
  for (let file = 0; file < 3000; file++) {
    const length = randomBits(stream, n++) % 40;
    let text = '';
    for (let i = 0; i < length; i++) text += signs[randomBits(stream, n++) % signs.length];
    outcomes[await agree(Buffer.from(text))]++;
  }
  assert.ok(outcomes.records > 500 && outcomes.error > 500, JSON.stringify(outcomes));
});

test('files of many reads, whatever stands where one ends', async () => {
  const lines = [
    `plain ${'x'.repeat(60)},1.5,x`,
    '"whole, quoted","2",',
    '"a ""word""",3,y',
    ' "b" ,4,',
    '"two\r\nlines\n",5,z',
    '',
    ' c , 6 , é ',
  ];
  const stream = randomStream('csv', 2);
  for (const end of ['\n', '\r\n', '\r']) {
    for (const kinds of [[0], [0, 1, 6], [0, 1, 2, 3, 4, 5, 6]]) {
      // More than two reads of 256 KiB.
      const text = Array.from({ length: 12_000 }, (_, i) => lines[kinds[randomBits(stream, i) % kinds.length]]).join(
        end,
      );
      await agree(Buffer.from(text));
      await agree(Buffer.from(`\ufeff${text}${end}"open`));
    }
  }
  const wide = Buffer.from(`\ufeffa,b\r\n${'é,"x\ny"\n'.repeat(30_000)}`, 'utf16le');
  const found = await read(wide);
  assert.equal(
    [found.length, found[0], found[1], found[30_000]],
    [30_001, [1, ['a', 'b']], [3, ['é', 'x\ny']], [60_001, ['é', 'x\ny']]],
  );
});

test('a row of more than a MiB is refused with its line, with quotes or without, ended or not', async () => {
  const long = 'x'.repeat(2 ** 20);
  for (const row of [
    `${long}y\n`,
    long + long,
    `"${long}y"\n`,
    `"${long}${long}`,
    `" ""${long}y"\n`,
    `"a\n"${','.repeat(2 ** 21)}`,
  ]) {
    const error = await read(Buffer.from(`a\n\n${row}`)).catch((e: unknown) => e);
    assert.instance(error, NotCsv, row.slice(0, 9));
    assert.is((error as NotCsv).line, 3, row.slice(0, 9));
  }
  assert.is((await read(Buffer.from(`a\n${long.slice(1)}\nb`))).length, 3);
});

test('numbers between semicolons are those of split and Number, to the bit', () => {
  const reference = (text: string) => text.split(';').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const odd = [
    '',
    ';',
    '1;',
    ' 1 ; 2',
    '-0',
    '.5',
    '5.',
    '.',
    '-',
    '--1',
    '1.2.3',
    '1e3',
    '+7',
    '0x10',
    'NaN',
    'Infinity',
    '١',
    '1 2',
    '\u00a07',
  ];
  for (const text of odd) assert.equal(numbersOf(text), reference(text), text);
  const stream = randomStream('numbers', 1);
  const texts = Array.from({ length: 50_000 }, (_, i) => {
    const [a, b, kind] = [0, 1, 2].map((k) => randomBits(stream, 3 * i + k));
    const digits = `${a}${b}`.slice(0, 1 + (kind % 20));
    const point = (kind >>> 8) % (digits.length + 1);
    return `${kind & 128 ? '-' : ''}${digits.slice(0, point)}${kind & 64 ? '.' : ''}${digits.slice(point)}`;
  });
  assert.ok(numbersOf(texts.join(';')).every((v, i) => Object.is(v, Number(texts[i]))));
});

test.run();
