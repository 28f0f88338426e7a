import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  asDataFrame,
  asFloat64,
  asNdarray,
  dataFrame,
  isTuple,
  ndarray,
  OrderedDict,
  type PickleValue,
  PyFloat,
  PyObject,
  readPickle,
  tuple,
  writePickle,
} from '../../src/formats/pickle';
import { dtype, MAX_NUMBERS, Ndarray } from '../../src/formats/pickle/numpy';
import { RecordPacker } from '../../src/formats/pickle/record';
import { givenShared, SHARED } from '../given';

const FOLDER = 'test/golden/pickles';
const read = (name: string, folder = FOLDER) => readPickle(readFileSync(`${folder}/${name}`), name);
const json = (name: string, folder = FOLDER) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));

/** Annotations as the fixtures' JSON has them. */
function plain(value: PickleValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([k, v]) => [k, plain(v)]));
  if (value instanceof PyObject) return plain(value.state);
  if (value instanceof Ndarray) return value.toList();
  return Array.isArray(value) ? value.map(plain) : value;
}

for (const name of [
  'adj_pandas10',
  'adj_pandas15',
  'adj_pandas15_protocol0',
  'adj_pandas15_protocol5',
  'adj_numpy2',
  'adj_pandas3',
]) {
  test(`adjacency: ${name}`, () => {
    const { index, columns, values } = asDataFrame(read(`${name}.pkl`));
    const truth = json('adj.json');
    assert.equal([index, columns], [truth.index, truth.columns]);
    assert.equal([...values], truth.values.flat());
  });
}

for (const protocol of ['', '_protocol2', '_protocol3', '_protocol5']) {
  test(`annotations of AffectNet${protocol.replace('_', ', ')}`, () => {
    const value = read(`affectnet_faces8${protocol}.pkl`);
    assert.equal(plain(value), json('affectnet_faces8.json'));
    const [first] = (value as Map<string, PyObject[]>).get('train')!;
    assert.is(first.name, 'dataloading.AffectNet_annotation');
  });
}

test('annotations of Aff-Wild2', () => {
  assert.equal(plain(read('affwild2.pkl')), json('affwild2.json'));
});

givenShared(test, 'reference/pickles')('a thousand annotations', () => {
  const folder = `${SHARED}/reference/pickles`;
  const { train, val } = plain(read('affectnet_faces.pkl', folder)) as Record<string, unknown[]>;
  assert.equal(
    { train: train.length, val: val.length, first_train: train[0], last_val: val.at(-1) },
    json('affectnet_faces.json', folder),
  );
});

test('what is written is read back', () => {
  const record = new PyObject('dataloading.AffectNet_annotation');
  record.state = new Map<PickleValue, PickleValue>([
    ['image_path', 'ü/1.jpg'],
    ['left_eye', ndarray(BigInt64Array.of(122n, -147n), [2])],
  ]);
  const shared = [1];
  const dict = new OrderedDict([['a', shared]]);
  dict.attributes = new Map([['_metadata', tuple()]]);
  const value = [
    [null, true, false, 0, 255, 256, 65535, 65536, -1, 2 ** 31, -(2 ** 40), 2n ** 70n, -(2n ** 63n)],
    [1.5, -0, Number.POSITIVE_INFINITY, Number.NaN, new PyFloat(3)],
    ['', 'global numpy.ndarray', 'numpy.ndarray', 'dtype <f8', '😀', 'a'.repeat(70000)],
    [tuple(), tuple(1), tuple(1, 2), tuple(1, 2, 3), tuple(1, 2, 3, 4), Uint8Array.of(0, 128, 255)],
    Array.from({ length: 2500 }, (_, i) => i),
    [record, record, ndarray(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3]), ndarray(['x', null], [2])],
    dict,
    shared,
  ];
  const back = readPickle(writePickle(value)) as PickleValue[];
  const [numbers, floats, texts, tuples, many, records, ordered, list] = back as PickleValue[][];
  assert.equal(numbers, value[0]);
  assert.equal(floats.slice(0, 3), [1.5, -0, Number.POSITIVE_INFINITY]);
  assert.equal(floats.slice(3), [Number.NaN, 3]);
  assert.equal(texts, value[2]);
  assert.equal(tuples, value[3]);
  assert.ok(tuples.slice(0, 5).every(isTuple));
  assert.equal(many, value[4]);
  assert.is(records[0], records[1], 'what was one object is one object again');
  assert.equal(plain(records[0]), { image_path: 'ü/1.jpg', left_eye: [122, -147] });
  assert.equal(asNdarray(records[2]).shape, [2, 3]);
  assert.equal([...asFloat64(asNdarray(records[2]))], [1, 2, 3, 4, 5, 6]);
  assert.equal(asNdarray(records[3]).toList(), ['x', null]);
  const back2 = ordered as unknown as OrderedDict;
  assert.instance(back2, OrderedDict);
  assert.is(back2.get('a'), list);
  assert.equal(back2.attributes, new Map([['_metadata', []]]));
});

test('the state of a dtype has one byte order, and nothing of fields or subarrays', () => {
  const state = (order: unknown, sub: unknown = null) => tuple(3, order as string, sub as null, null, null, -1, -1, 0);
  for (const [order, little] of [
    ['<', true],
    ['|', true],
    ['=', true],
    ['>', false],
  ] as const) {
    const made = dtype('i4');
    made.setState(state(order));
    assert.is(made.littleEndian, little, order);
  }
  for (const order of ['', '<>', '!', 60])
    assert.throws(() => dtype('i4').setState(state(order)), /expected the state of a dtype, found/, `${order}`);
  assert.throws(() => dtype('i4').setState(state('<', tuple(1))), /expected a plain dtype/);
});

test('2^20 numbers are read as a table, and not one more', () => {
  const zeros = (n: number): Ndarray => ndarray(new Int32Array(n), [n]);
  assert.is(asFloat64(zeros(MAX_NUMBERS)).length, 2 ** 20);
  assert.throws(
    () => asFloat64(zeros(MAX_NUMBERS + 1)),
    /expected at most 1048576 numbers, found an array \[1048577\]/,
  );
});

test('records one after the other are unpacked as they were, whichever of their fields is of another kind', () => {
  const bytes = (n: number): Ndarray => new Ndarray(dtype('u1'), [n], new Uint8Array(n).fill(n));
  const matrix = (fortran: boolean): Ndarray => new Ndarray(dtype('u1'), [2, 2], Uint8Array.of(1, 2, 3, 4), fortran);
  const states: Record<string, PickleValue>[] = [
    { a: bytes(2), b: bytes(3), c: 1 },
    { a: bytes(2), b: bytes(4), c: 1 },
    { a: bytes(1), b: bytes(4), c: 1 },
    { a: bytes(1), b: 'text', c: 1 },
    { a: bytes(1), b: matrix(false), c: 1 },
    { a: bytes(1), b: matrix(true), c: 1 },
    { a: bytes(1), d: matrix(true), c: 1 },
    { a: bytes(1), d: new Ndarray(dtype('i1'), [2, 2], Uint8Array.of(1, 2, 3, 255), true), c: 2 },
  ];
  const packer = new RecordPacker();
  const packed = states.map((state, i) => {
    const object = new PyObject(i === 7 ? 'other' : 'record');
    object.state = new Map(Object.entries(state));
    return packer.pack(object)?.record;
  });
  for (const [i, record] of packed.entries()) {
    assert.is(record?.name, i === 7 ? 'other' : 'record');
    assert.equal(plain(record?.state as PickleValue), plain(new Map(Object.entries(states[i]))), `${i}`);
  }
});

test('a DataFrame is written and read back', () => {
  const frame = { index: ['r', 's'], columns: ['a', 'b', 'c'], values: Float64Array.of(1, 2, 3, 4, 5, 6) };
  assert.equal(asDataFrame(readPickle(writePickle(dataFrame(frame)))), frame);
});

test.run();
