// .npy files: what NumPy writes (test/golden/make_npy.py), and what strangers may.
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inFile } from '../../src/data/files';
import { readNpy } from '../../src/formats/npy';
import { writeNpy } from '../../src/formats/npy_write';
import { bytes, type Part, refuses } from '../hostile/make';

const DIR = 'test/golden/npy';
const read = (name: string) => readNpy(readFileSync(`${DIR}/${name}`), name);
const expected: Record<string, { shape: number[]; values: unknown[] }> = JSON.parse(
  readFileSync(`${DIR}/values.json`, 'utf8'),
);

/** A float or a large integer stands in values.json as Python writes it. */
const same = (found: unknown, wanted: unknown): boolean =>
  typeof found === typeof wanted
    ? Object.is(found, wanted)
    : typeof found === 'bigint'
      ? String(found) === wanted
      : Object.is(found, Number(String(wanted).replace('inf', 'Infinity')));

test("NumPy's files: versions, byte orders, orders of axes, kinds", () => {
  const files = readdirSync(DIR).filter((name) => name.endsWith('.npy') && !name.startsWith('refused'));
  assert.is(files.length, Object.keys(expected).length);
  for (const file of files) {
    const array = read(file);
    const { shape, values } = expected[file.slice(0, -4)];
    assert.equal([...array.shape], shape, file);
    const list = array.toList();
    assert.is(list.length, values.length, file);
    for (const [i, value] of list.entries()) assert.ok(same(value, values[i]), `${file}: ${value} is ${values[i]}`);
  }
});

test("what is written here are the bytes of NumPy's save", () => {
  const wanted = (name: string) => new Uint8Array(readFileSync(`${DIR}/${name}.npy`));
  assert.equal(writeNpy('3'), wanted('exp_text1'));
  assert.equal(writeNpy(Float64Array.from({ length: 136 }, (_, i) => i * 1.5 + 10.25)), wanted('lnd_f8'));
});

test('objects, structures, complex numbers and times are refused by name', async () => {
  for (const [file, ...words] of [
    ['refused_object.npy', 'byte 10', 'an array of objects', 'pickled'],
    ['refused_structured.npy', 'byte 10', 'a structured array'],
    ['refused_complex.npy', 'byte 10', 'a dtype', '<c16'],
    ['refused_time.npy', 'byte 10', 'a dtype', '<M8[D]'],
  ])
    await refuses(file, () => read(file), `${file}: `, ...words);
});

/** A file with this header, of version 1. */
const npy = (header: string, ...elements: Part[]): Uint8Array =>
  bytes('\x93NUMPY', 1, 0, header.length & 255, header.length >> 8, header, ...elements);

test('headers as others write them', () => {
  for (const header of [
    '{"shape": (2,), "descr": "<u2", "fortran_order": False}',
    "{ 'fortran_order':False,'descr':'u2','shape':(2L,),}\n",
    "{'descr': '=u2', 'fortran_order': True, 'shape': (1, 2), }     \n",
    "{'descr': '<u2', 'fortran_order': False, 'shape': (2,)}".padEnd(10_000),
  ])
    assert.equal(readNpy(npy(header, 1, 0, 0, 1)).toList(), [1, 256], header);
});

test('kinds in every size that they can have, and in no other', async () => {
  const one = (descr: string, size: number) =>
    readNpy(
      npy(`{'descr': '${descr}', 'fortran_order': False, 'shape': ()}`, ...new Array(size).fill(0xff)),
      'bad.npy',
    ).toList();
  for (const size of [1, 2, 4, 8]) {
    assert.equal(one(`<i${size}`, size), [-1]);
    assert.equal(one(`>u${size}`, size).map(BigInt as (v: unknown) => bigint), [256n ** BigInt(size) - 1n]);
    if (size > 1) assert.equal(one(`<f${size}`, size), [Number.NaN]);
  }
  for (const descr of ['|b1', '|?']) assert.equal(one(descr, 1), [true]);
  for (const descr of ['i0', 'i3', 'i16', 'u3', 'u9', 'f1', 'f3', 'f16', 'b0', 'b2', 'U0', 'S0'])
    await refuses(descr, () => one(descr, 16), 'bad.npy: byte 10: expected a dtype with a size that it can have');
});

test('hostile headers and sizes', async () => {
  const dict = (shape: string, descr = "'<f8'", order = 'False') =>
    `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;
  const cases: [what: string, file: Uint8Array, ...words: string[]][] = [
    ['nothing', bytes(), 'byte 0', '0 bytes'],
    ['a file that ends in its header length', bytes('\x93NUMPY', 1, 0, 5), 'byte 0', '9 bytes'],
    ['a version before the first', bytes('\x93NUMPY', 0, 0, 0, 0), 'byte 6', 'found 0.0'],
    ['another file', bytes('PK\x03\x04aaaaaaaaa'), 'byte 0', 'NUMPY'],
    ['a version of the future', bytes('\x93NUMPY', 4, 0, 0, 0, 0, 0), 'byte 6', 'found 4.0'],
    ['a header beyond the end', bytes('\x93NUMPY', 2, 0, 255, 255, 255, 255), 'byte 8', '4294967295'],
    ['a header that ends a byte too early', npy('{}').subarray(0, -1), 'byte 8', 'at most 1 bytes (the rest), found 2'],
    ['no header length', bytes('\x93NUMPY', 3, 0, 1, 0), 'byte 8', 'end of the file'],
    ['a long header', npy(`{${' '.repeat(9_999)}}`), 'at most 10000 bytes, found 10001'],
    ['an empty dict', npy('{}'), 'byte 10', 'expected descr in the header'],
    ['huge', npy(dict('(4294967296, 4294967296)')), 'found 0'],
    ['beyond numbers', npy(dict(`(${'9'.repeat(400)},)`)), 'an array'],
    ['many axes', npy(dict(`(${'1, '.repeat(40)})`), new Uint8Array(8)), 'an array'],
    ['negative', npy(dict('(-1,)'), new Uint8Array(8)), 'byte 10'],
    ['a fraction', npy(dict('(1.5,)'), new Uint8Array(8)), 'byte 10'],
    ['no tuple', npy(dict('3'), new Uint8Array(24)), 'byte 10'],
    ['a list for a shape', npy(dict('[1]'), new Uint8Array(8)), 'byte 10', 'a shape of whole numbers'],
    ['no comma between sizes', npy(dict('(1 1)'), new Uint8Array(8)), 'byte 10', 'a shape of whole numbers'],
    ['an order in quotes', npy(dict('(1,)', "'<f8'", "'True'"), new Uint8Array(8)), 'byte 10', 'True or False'],
    ['a call', npy(dict('__import__("os").system("true")')), 'byte 10'],
    ['a list of tuples', npy(dict('(1,)', "[('a', 'O')]")), 'structured'],
    ['text of no length', npy(dict('(1,)', "'<U0'")), 'dtype'],
    ['long text', npy(dict('(1,)', "'<U999999999'"), new Uint8Array(8)), 'found 8'],
    ['no character', npy(dict('()', "'<U1'"), 255, 255, 255, 255), 'U+10FFFF'],
    ['twice', npy("{'shape': (1,), 'shape': (2,), 'descr': '<f8', 'fortran_order': False}"), 'twice'],
    ['no shape', npy("{'descr': '<f8', 'fortran_order': False}"), 'shape'],
    ['a foreign entry', npy("{'descr': '<f8', 'code': 'x', 'fortran_order': False, 'shape': ()}"), 'byte 10'],
    ['no dict', npy("['descr', '<f8']"), 'a dict'],
    ['more than it says', npy(dict('(1,)'), new Uint8Array(9)), 'byte ', 'expected 8 bytes', 'found 9'],
    ['less than it says', npy(dict('(2,)'), new Uint8Array(9)), 'expected 16 bytes', 'found 9'],
    ['deep', npy(`{'descr': ${'['.repeat(5000)}`), 'byte 10'],
    ['many brackets', npy(`{'descr': [${']'.repeat(9000)} x}`), 'byte 10'],
  ];
  for (const [what, file, ...words] of cases)
    await refuses(what, () => inFile('bad.npy', () => readNpy(file, 'bad.npy').toList()), 'bad.npy: ', ...words);
});

test.run();
