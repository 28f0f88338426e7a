// Pickles from strangers.
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { asDataFrame, asNdarray, type PyObject, readPickle } from '../../src/formats/pickle';
import {
  at,
  bytes,
  CALL,
  changed,
  entries,
  global,
  type Part,
  pickle,
  read,
  refuses,
  survives,
  text,
  torch,
  truncated,
  u32,
  u64,
  withEntries,
} from './make';

for (const [name, file, offset, ...words] of [
  ['os.system', pickle(global('os', 'system'), CALL), 2, 'os.system'],
  ['posix.system by protocol 4', pickle(text('posix'), text('system'), 0x93, CALL), 17, 'posix.system'],
  ['eval', pickle(global('builtins', 'eval'), CALL), 2, 'builtins.eval'],
  ["eval under Python 2's name", bytes(global('__builtin__', 'eval'), '(S"1"\ntR.'), 0, '__builtin__.eval'],
  ['getattr', pickle(global('builtins', 'getattr'), CALL), 2, 'builtins.getattr'],
  ['INST of subprocess.Popen', pickle('(', text('x'), 'isubprocess\nPopen\n'), 6, 'subprocess.Popen'],
  ['a dotted name', pickle(text('numpy'), text('ndarray.__class__'), 0x93), 28, 'numpy.ndarray.__class__'],
  ['a name of the prototype', pickle(global('', '__proto__')), 2, '__proto__'],
  ['numpy.load', pickle(global('numpy', 'load')), 2, 'numpy.load'],
  ['torch.load', pickle(global('torch', 'load')), 2, 'torch.load'],
  ["torch's own unpickler", pickle(global('torch.storage', '_load_from_bytes')), 2, '_load_from_bytes'],
  ['another class of __main__', pickle(global('__main__', 'Evil')), 2, '__main__.Evil'],
  ['an endless name', pickle(global('x'.repeat(100_000), 'y')), 2, 'xxx…'],
  ['an extension code', pickle(0x82, 7), 2, 'extension registry'],
  ['a persistent id', pickle('Pid\n'), 2, 'outside the pickle'],
  ['a buffer from outside', pickle(0x97), 2, 'outside the pickle'],
  ['an unknown instruction', pickle(0xff), 2, '0xff'],
  ['another protocol', bytes(0x80, 6, 'N.'), 0, 'protocol 0 to 5'],
  ['nothing', bytes(), 0, 'truncated'],
  ['a text', bytes('hello'), 5, 'no pickle'],
  ['what follows', bytes(pickle('N'), 'x'), 4, '1 further bytes'],
] as [string, Uint8Array, number, ...string[]][]) {
  test(`refused: ${name}`, () => refuses(name, read(file), at(offset), ...words));
}

for (const [name, file] of Object.entries({
  'REDUCE of a string': pickle(text('x'), ')R'),
  'REDUCE with a list': pickle(global('builtins', 'set'), ']R'),
  'BUILD on a list': pickle(']}b'),
  'APPEND to a tuple': pickle(')Na'),
  'APPENDS to a dict': pickle('}(Ne'),
  'SETITEMS of an odd count': pickle('}(NNNu'),
  'ADDITEMS to a list': pickle('](N', 0x90),
  'POP of nothing': pickle('0'),
  'POP_MARK without a mark': pickle('1'),
  'TUPLE2 across a mark': pickle('N(N', 0x86),
  'STOP with an empty stack': bytes('.'),
  'a memo entry that is not there': pickle('h', 7),
  'a memo index beyond the file': pickle('Nr', u32(0xffffffff)),
  'a memo index below 0': bytes('Np-1\n.'),
  'a text that is no UTF-8': pickle(0x8c, 2, 0xff, 0xfe),
  'text where a number should stand': bytes('Ione\n.'),
  'a number without end': bytes('I', '9'.repeat(100_000), '\n.'),
  'a huge long': pickle(0x8b, u32(100_000), new Uint8Array(100_000)),
  'NEWOBJ_EX with names': pickle(global('dataloading', 'AffectNet_annotation'), ')}', text('a'), 'Ns', 0x92),
  'a second state of a record': pickle(
    global('dataloading', 'AffectNet_annotation'),
    ')',
    0x81,
    '}',
    text('image_path'),
    text('a.jpg'),
    's',
    'b}b',
  ),
  'an ndarray made directly': pickle(global('numpy', 'ndarray'), ')R'),
  '_reconstruct of another class': pickle(
    global('numpy.core.multiarray', '_reconstruct'),
    global('numpy', 'dtype'),
    0x85,
    'R',
  ),
  'a dtype of records': pickle(global('numpy', 'dtype'), text('f8'), 0x85, 'R(K', 3, text('<'), 'N', ')}NNNtb'),
  'a dtype without a size': pickle(global('numpy', 'dtype'), text('U0'), 0x85, 'R'),
  'a dtype of a huge size': pickle(global('numpy', 'dtype'), text('S999999999999'), 0x85, 'R'),
  'bytes in another encoding': pickle(global('_codecs', 'encode'), text('x'), text('zip'), 0x86, 'R'),
  '_reconstructor with a state': pickle(
    global('copyreg', '_reconstructor'),
    global('builtins', 'set'),
    global('builtins', 'object'),
    'K',
    1,
    0x87,
    'R',
  ),
  'a DataFrame of nothing': pickle(global('pandas.core.frame', 'DataFrame'), ')', 0x81),
})) {
  test(`refused: ${name}`, () => refuses(name, () => asDataFrame(readPickle(file, 'bad.pkl')), 'expected', 'found'));
}

const ARRAY = bytes(
  global('numpy.core.multiarray', '_reconstruct'),
  global('numpy', 'ndarray'),
  'K',
  0,
  0x85,
  'C',
  1,
  'b',
  0x87,
  'R',
);
const F8 = bytes(global('numpy', 'dtype'), text('f8'), 0x85, 'R');
const array = (shape: Uint8Array, data: Uint8Array): Uint8Array => pickle(ARRAY, '(K', 1, shape, F8, 0x89, data, 'tb');

for (const [name, file] of Object.entries({
  'a string of 4 GB': pickle('X', u32(0xffffffff), 'abc'),
  'a string of 2^63 bytes': pickle(0x8d, u64(2n ** 63n), 'abc'),
  'bytes of 2^64 - 1': pickle(0x8e, u64(2n ** 64n - 1n)),
  'a bytearray of 2^40': pickle(0x96, u64(2n ** 40n)),
  'a frame of 2^60': pickle(0x95, u64(2n ** 60n), 'N'),
  'an array of 10^9 x 10^9': array(bytes('J', u32(1e9), 'J', u32(1e9), 0x86), bytes('C', 8, '12345678')),
  'an array of -1 elements': array(bytes('J', u32(0xffffffff), 0x85), bytes('C', 8, '12345678')),
  'an array of half an element': array(bytes('K', 1, 0x85), bytes('C', 4, '1234')),
  'an array of numbers in a list': array(bytes('K', 1, 0x85), bytes(']')),
  'an array of 40 dimensions': array(bytes('(', ...Array(40).fill('K\x01'), 't'), bytes('C', 8, '12345678')),
})) {
  test(`a length that lies: ${name}`, () => refuses(name, read(file), 'byte ', 'expected', 'found'));
}

test('nesting without end, cycles, and lists of lists of lists', async () => {
  const deep = 1_000_000;
  const laughs = [...Array(40).keys()].map((i) => bytes(']q', i + 1, '(', ...Array(10).fill(bytes('h', i)), 'e'));
  await refuses('lists', read(pickle(']'.repeat(deep), 'a'.repeat(deep - 1))), 'more objects than');
  await refuses('300 lists', read(pickle(']'.repeat(300), 'a'.repeat(299))), 'nesting of at most 200');
  await refuses('tuples', read(pickle('N', '\x85'.repeat(deep))), 'more objects than');
  await refuses('marks', read(pickle('('.repeat(deep))), 'nesting of at most');
  await refuses('a list in itself', read(pickle(']q', 0, 'h', 0, 'a')), 'cycle');
  await refuses('a dict in its tuple', read(pickle('}q', 0, 'K', 1, 'h', 0, 0x85, 's')), 'cycle');
  await refuses('10^40 lists', read(pickle('Nq', 0, ...laughs)), 'values, found more');
  // Shared parts below each other: 150 deep each, 300 together.
  const tower = (inner: Part) => bytes(inner, '\x85'.repeat(150));
  const shared = pickle(tower('N'), 'q', 0, '(h', 0, tower(bytes('h', 0)), 't');
  await refuses('a tower on a tower', read(shared), 'nesting of at most 200');
});

test('memory stays in proportion to the file', async () => {
  const before = process.memoryUsage().rss;
  await refuses('a stack of 2 million', read(pickle('N'.repeat(2e6))), 'at a time');
  await refuses('10 million dicts', read(bytes(']', `(${'}'.repeat(999)}e`.repeat(10_000), '.')), 'instructions');
  await refuses('10 million lists', read(bytes(']', `(${']'.repeat(999)}e`.repeat(10_000), '.')), 'instructions');
  const grown = (process.memoryUsage().rss - before) / 2 ** 20;
  assert.ok(grown < 1200, `grew by ${grown} MiB`);
});

/** `count` calls of a function with the same argument, each kept. */
const again = (fn: Uint8Array, arg: Part, count: number): Uint8Array =>
  pickle(fn, 'q', 0, '0', arg, 0x85, 'q', 1, '0](', ...Array(count).fill(bytes('h', 0, 'h', 1, 'R')), 'e');
const many = (item: string) => bytes('(', item.repeat(50_000), 'l');
const distinct = bytes('(', ...Array.from({ length: 30_000 }, (_, i) => bytes('M', i & 255, i >> 8)), 'l');
const pairs = bytes('(', ...Array.from({ length: 20_000 }, (_, i) => bytes('M', i & 255, i >> 8, 'N', 0x86)), 'l');

test('one argument of many calls: what each copies counts', async () => {
  const of = (name: string, arg: Part, module = 'builtins') => again(global(module, name), arg, 20_000);
  const before = process.memoryUsage().rss;
  for (const [name, file] of Object.entries({
    set: of('set', distinct),
    frozenset: of('frozenset', distinct),
    list: of('list', many('N')),
    dict: of('dict', pairs),
    OrderedDict: of('OrderedDict', pairs, 'collections'),
    Counter: again(
      global('collections', 'Counter'),
      bytes('}(', ...Array.from({ length: 20_000 }, (_, i) => bytes('M', i & 255, i >> 8, 'N')), 'u'),
      20_000,
    ),
    bytes: of('bytes', many('K\x01')),
    bytearray: of('bytearray', many('K\x01')),
    'a text as bytes': pickle(
      global('_codecs', 'encode'),
      'q',
      0,
      '0',
      'X',
      u32(100_000),
      'a'.repeat(100_000),
      text('latin1'),
      0x86,
      'q',
      1,
      '0](',
      ...Array(20_000).fill(bytes('h', 0, 'h', 1, 'R')),
      'e',
    ),
    'a scalar': pickle(
      global('numpy.core.multiarray', 'scalar'),
      'q',
      0,
      '0',
      global('numpy', 'dtype'),
      text('S100000'),
      0x85,
      'R',
      'B',
      u32(100_000),
      'a'.repeat(100_000),
      0x86,
      'q',
      1,
      '0](',
      ...Array(20_000).fill(bytes('h', 0, 'h', 1, 'R')),
      'e',
    ),
  }))
    await refuses(name, read(file), 'more objects than');
  const sizes = bytes('(', 'K\x01'.repeat(50_000), 't');
  const size = again(global('torch', 'Size'), sizes, 20_000);
  await refuses('torch.Size', torch(await withEntries({ 'archive/data.pkl': size })), 'expected sizes');
  const grown = (process.memoryUsage().rss - before) / 2 ** 20;
  assert.ok(grown < 800, `grew by ${grown} MiB`); // eleven files, one after the other; each of them alone took gigabytes
});

/** A DataFrame of one block of this shape, without bytes, over a range of `rows`. */
const frame = (blocks: Part, rows: Uint8Array): Uint8Array => {
  const range = (n: Part) =>
    bytes(
      global('pandas.core.indexes.base', '_new_Index'),
      global('pandas.core.indexes.range', 'RangeIndex'),
      '}(',
      text('start'),
      'K',
      0,
      text('stop'),
      n,
      text('step'),
      'K',
      1,
      'u',
      0x86,
      'R',
    );
  const manager = bytes(
    global('pandas.core.internals.managers', 'BlockManager'),
    blocks,
    ']',
    range('K\x00'),
    'a',
    range(rows),
    'a',
    0x86,
    0x81,
  );
  return pickle(global('pandas.core.frame', 'DataFrame'), ')', 0x81, '}', text('_mgr'), manager, 'sb');
};

test('a DataFrame of no columns and 10^9 rows is refused before its labels are made', async () => {
  const rows = bytes('J', u32(1e9));
  const empty = bytes(ARRAY, '(K', 1, 'K', 0, rows, 0x86, F8, 0x89, 'C', 0, 'tb');
  const block = bytes(']', global('pandas._libs.internals', '_unpickle_block'), empty, 'K', 0, 'K', 2, 0x87, 'R', 'a');
  const file = frame(block, rows);
  await refuses('[0, 10^9]', () => asDataFrame(readPickle(file, 'bad.pkl')), 'found shape [0,1000000000]');
});

for (const [name, target] of Object.entries({
  tensor: null,
  record: bytes(global('dataloading', 'AffectNet_annotation'), ')', 0x81),
  tuple: bytes('NN', 0x86),
  string: text('abc'),
  bytes: bytes('C', 1, 'x'),
  global: global('builtins', 'set'),
})) {
  test(`nothing can be put into a ${name}`, async () => {
    for (const [how, put] of Object.entries({
      SETITEM: 'NNs',
      SETITEMS: '(NNu',
      APPEND: 'Na',
      APPENDS: '(Ne',
      ADDITEMS: bytes('(N', 0x90),
      ...(name === 'record' ? {} : { BUILD: '}b' }),
    } as Record<string, Part>)) {
      if (target) await refuses(how, read(pickle(target, put)), 'expected', 'found');
      else {
        const tensor = Buffer.from(entries.get('archive/data.pkl') as Uint8Array);
        const data = bytes(tensor.subarray(0, -1), put, '.');
        await refuses(how, torch(await withEntries({ 'archive/data.pkl': data })), 'expected', 'found');
      }
    }
  });
}

test('a long number or text takes no time that grows with its square', async () => {
  await refuses('a float', read(bytes('F', '1'.repeat(1_000_000), 'x\n.')), 'byte 0', 'expected a number');
  const scalar = global('numpy.core.multiarray', 'scalar');
  const kind = bytes(global('numpy', 'dtype'), text('S1000000'), 0x85, 'R');
  const data = bytes('B', u32(1_000_000), new Uint8Array(999_999), 'x');
  await refuses('a text', read(pickle(scalar, kind, data, 0x86, 'RR')), 'expected a value on the stack');
});

test('an allowed record is built of anything, and is a record still', () => {
  const state = bytes('}(', text('__class__'), text('x'), text('__proto__'), '}u');
  const value = readPickle(pickle(global('dataloading', 'AffectNet_annotation'), ')', 0x81, state, 'b'));
  assert.is(Object.getPrototypeOf(value).constructor.name, 'PyObject');
  assert.is(({} as Record<string, unknown>).x, undefined);
});

for (const name of readdirSync('test/golden/pickles').filter((n) => n.endsWith('.pkl') && !n.startsWith('emb'))) {
  test(`${name}: cut at every byte, and damaged`, async () => {
    const file = new Uint8Array(readFileSync(`test/golden/pickles/${name}`));
    const look = (part: Uint8Array) => {
      const value = readPickle(part, 'damaged');
      try {
        if (name.startsWith('adj')) asDataFrame(value);
      } catch (error) {
        throw error instanceof InputError ? new InputError(`damaged: ${error.message}`) : error;
      }
    };
    assert.is(await survives(name, look, truncated(file)), file.length, 'each cut is seen');
    await survives(name, look, changed(file, 1000));
  });
}

test('asNdarray names what it found', () => refuses('a dict', () => asNdarray(readPickle(pickle('}'))), 'a dict of 0'));

test('what a record shares with another is not lost as it is packed', () => {
  const record = bytes(global('dataloading', 'AffectNet_annotation'), ')', 0x81);
  const state = bytes('}q', 1, '(', text('image_path'), text('a.jpg'), text('valence'), 'G?', new Uint8Array(7), 'u');
  const value = readPickle(
    pickle('](', record, state, 'b', record, 'h', 1, 'b', record, 'h', 1, text('more'), 'Nsb', 'e'),
  );
  const states = (value as unknown as PyObject[]).map((r) => r.state as Map<string, unknown>);
  assert.equal(
    states.map((s) => s.size),
    [3, 3, 3],
    'a dict that is added to later is the same in all three',
  );
  const first = readPickle(pickle('](', record, state, 'b', record, '}(', text('frame'), text('b'), 'ub', 'e'));
  assert.equal(
    (first as unknown as PyObject[]).map((r) => [...(r.state as Map<string, unknown>).keys()]),
    [['image_path', 'valence'], ['frame']],
  );
});

test.run();
