// Files from strangers: whatever is in them, reading ends soon, in bounded memory, with a value or with one InputError that
// names the file and the place.
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { asDataFrame, asNdarray, readPickle } from '../../src/formats/pickle';
import { readSafetensors } from '../../src/formats/safetensors';
import { readCheckpoint, readTorch, type TorchTensor, writeTorchTensor } from '../../src/formats/torch';
import { readZip, writeZip } from '../../src/formats/torch/zip';

type Part = string | number | Uint8Array;

/** Bytes of texts (a character a byte), numbers (a byte each) and bytes. */
const bytes = (...parts: Part[]): Uint8Array =>
  new Uint8Array(
    Buffer.concat(parts.map((p) => (typeof p === 'number' ? Buffer.from([p]) : Buffer.from(p as string, 'latin1')))),
  );
const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer);
const u64 = (n: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(n).buffer);
const text = (s: string): Uint8Array => bytes(0x8c, s.length, s);
const global = (module: string, name: string): Uint8Array => bytes(`c${module}\n${name}\n`);
const pickle = (...parts: Part[]): Uint8Array => bytes(0x80, 4, ...parts, '.');

/** Expects an InputError with these words, soon: by the process's own time, whatever else the machine does. */
async function refuses(what: string, read: () => unknown, ...words: string[]): Promise<void> {
  const start = process.cpuUsage();
  let error: unknown;
  try {
    await read();
  } catch (thrown) {
    error = thrown;
  }
  assert.instance(error, InputError, `${what}: ${error}`);
  const { message } = error as InputError;
  for (const word of words) assert.ok(message.includes(word), `${what}: "${message}" says "${word}"`);
  assert.ok(message.length < 400, `${what}: a message of ${message.length} characters`);
  const { user, system } = process.cpuUsage(start);
  assert.ok(user + system < 4e6, `${what}: took ${(user + system) / 1000} ms`);
}

const at = (offset: number): string => `bad.pkl: byte ${offset}: `;
const read = (file: Uint8Array) => () => readPickle(file, 'bad.pkl');

const CALL = bytes(text('id'), 0x85, 'R');

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

const torch = (file: Uint8Array) => () => readTorch(file, 'bad.pth');
const tensorFile = await writeTorchTensor({ shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
const entries = await readZip(tensorFile, 'good');
const withEntries = (changes: Record<string, Uint8Array | null>) =>
  writeZip(
    new Map(
      [...Object.entries({ ...Object.fromEntries(entries), ...changes })].flatMap(([k, v]) => (v ? [[k, v]] : [])),
    ),
  );

/** The tensor's pickle with one part replaced. */
const patched = (from: Uint8Array, to: Uint8Array): Uint8Array => {
  const source = Buffer.from(entries.get('archive/data.pkl') as Uint8Array);
  const where = source.indexOf(from);
  assert.ok(where > 0);
  return bytes(source.subarray(0, where), to, source.subarray(where + from.length));
};
const SIZES = bytes('K', 2, 'K', 3, 0x86);
const STRIDES = bytes('K', 3, 'K', 1, 0x86);

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

test('a list that gave a tensor its sizes cannot change them later', async () => {
  const list = bytes(']q', 99, 'K', 2, 'aK', 3, 'a');
  const grown = Buffer.from(patched(SIZES, list));
  const data = bytes(grown.subarray(0, -1), 'h', 99, 'J', u32(1e9), 'a0.');
  const value = await readTorch(await withEntries({ 'archive/data.pkl': data }), 'x.pth');
  assert.equal((value as TorchTensor).read().shape, [2, 3]);
});

test('one tensor under a hundred thousand names is not read a hundred thousand times', async () => {
  const big = await writeTorchTensor({ shape: [1_000_000], data: new Float32Array(1_000_000) });
  const inner = Buffer.from((await readZip(big, 'big')).get('archive/data.pkl') as Uint8Array);
  const tensor = inner.subarray(2, -1);
  const names = Array.from({ length: 1000 }, (_, i) => bytes(text(`a.${i}`), 'j', u32(7)));
  const data = bytes(0x80, 2, tensor, 'r', u32(7), '0}(', ...names, 'u.');
  const file = await writeZip(new Map([...(await readZip(big, 'big')), ['archive/data.pkl', data]]));
  await refuses('a thousand', () => readCheckpoint(file, 'bad.pth'), 'bad.pth: expected tensors of at most');
});

test('an allowed record is built of anything, and is a record still', () => {
  const state = bytes('}(', text('__class__'), text('x'), text('__proto__'), '}u');
  const value = readPickle(pickle(global('dataloading', 'AffectNet_annotation'), ')', 0x81, state, 'b'));
  assert.is(Object.getPrototypeOf(value).constructor.name, 'PyObject');
  assert.is(({} as Record<string, unknown>).x, undefined);
});

/** Runs `read` on damaged files; all that it may throw is an InputError that names the file. */
async function survives(
  file: string,
  read: (bytes: Uint8Array) => unknown,
  damaged: Iterable<Uint8Array>,
): Promise<number> {
  let refused = 0;
  for (const part of damaged) {
    try {
      await read(part);
    } catch (error) {
      assert.instance(error, InputError, `${file}: ${(error as Error).stack}`);
      assert.match((error as Error).message, 'damaged');
      refused++;
    }
  }
  return refused;
}

function* truncated(file: Uint8Array): Generator<Uint8Array> {
  for (let n = 0; n < file.length; n++) yield file.subarray(0, n);
}

/** One or two bytes changed, by a fixed rule. */
function* changed(file: Uint8Array, times: number): Generator<Uint8Array> {
  let h = 1;
  const next = (below: number): number => {
    h = (Math.imul(h, 1664525) + 1013904223) >>> 0;
    return Math.floor((h / 2 ** 32) * below);
  };
  for (let i = 0; i < times; i++) {
    const copy = file.slice();
    for (let k = next(2); k >= 0; k--) copy[next(copy.length)] = next(256);
    yield copy;
  }
}

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

for (const name of ['tiny_zip.pth', 'tiny_legacy.pth']) {
  test(`${name}: cut at every byte, and damaged`, async () => {
    const file = new Uint8Array(readFileSync(`test/golden/checkpoints/${name}`));
    const look = (part: Uint8Array) => readCheckpoint(part, 'damaged');
    assert.is(await survives(name, look, truncated(file)), file.length, 'each cut is seen');
    await survives(name, look, changed(file, 1000));
  });
}

test('tensors that lie about their storage', async () => {
  const lies: Record<string, [Uint8Array, string]> = {
    'more rows': [patched(SIZES, bytes('K', 3, 'K', 3, 0x86)), 'within its storage'],
    'larger strides': [patched(STRIDES, bytes('K', 9, 'K', 1, 0x86)), 'within its storage'],
    'sizes of 2^52': [patched(SIZES, bytes(0x8a, 7, 0, 0, 0, 0, 0, 0, 16, 'K', 3, 0x86)), 'within its storage'],
    'a negative stride': [patched(STRIDES, bytes('J', u32(0xffffffff), 'K', 1, 0x86)), 'sizes and strides from 0'],
    'a size that is a text': [patched(SIZES, bytes(text('2'), 'K', 3, 0x86)), 'sizes and strides'],
    'one size, two strides': [patched(SIZES, bytes('K', 2, 0x85)), 'sizes and strides'],
    '10^12 elements by strides of 0': [
      patched(bytes(SIZES), bytes('J', u32(1e6), 'J', u32(1e6), 0x86)),
      'within its storage',
    ],
    'no storage class': [patched(bytes('FloatStorage'), bytes('GloatStorage')), 'torch.GloatStorage'],
  };
  for (const [name, [data, word]] of Object.entries(lies)) {
    await refuses(
      name,
      torch(await withEntries({ 'archive/data.pkl': data })),
      'bad.pth: archive/data.pkl: byte ',
      word,
    );
  }
  const expanded = Buffer.from(patched(SIZES, bytes('J', u32(1e6), 'J', u32(1e6), 0x86)));
  const zeros = bytes('K', 0, 'K', 0, 0x86);
  const strides = expanded.indexOf(STRIDES);
  const bomb = bytes(expanded.subarray(0, strides), zeros, expanded.subarray(strides + STRIDES.length));
  await refuses('strides of 0', torch(await withEntries({ 'archive/data.pkl': bomb })), 'expected tensors of at most');
});

test('archives that are not what torch.save writes', async () => {
  const zip = await import('yazl');
  const deflated = new zip.ZipFile();
  deflated.addBuffer(Buffer.alloc(100_000_000), 'archive/data/0', { compress: true });
  deflated.addBuffer(Buffer.from(entries.get('archive/data.pkl') as Uint8Array), 'archive/data.pkl', {
    compress: false,
  });
  deflated.end();
  const parts: Buffer[] = [];
  for await (const part of deflated.outputStream) parts.push(part as Buffer);
  await refuses('a zip bomb', torch(new Uint8Array(Buffer.concat(parts))), 'archive/data/0', 'compression 8');

  await refuses('no storage', torch(await withEntries({ 'archive/data/0': null })), 'archive/data/0, found none');
  await refuses(
    'a short storage',
    torch(await withEntries({ 'archive/data/0': new Uint8Array(20) })),
    'expected 24 bytes',
  );
  await refuses('big-endian', torch(await withEntries({ 'archive/byteorder': bytes('big') })), 'little-endian', 'big');
  await refuses('TorchScript', torch(await withEntries({ 'archive/constants.pkl': bytes('N.') })), 'TorchScript');
  await refuses('two pickles', torch(await withEntries({ 'other/data.pkl': bytes('N.') })), 'one data.pkl');
  await refuses(
    'no pickle',
    torch(await withEntries({ 'archive/data.pkl': null })),
    'a data.pkl in a folder',
    'archive/data/0',
  );

  const data = Buffer.from(entries.get('archive/data/0') as Uint8Array);
  const damaged = tensorFile.slice();
  damaged[Buffer.from(tensorFile).indexOf(data) + 1] ^= 1;
  await refuses('another byte', torch(damaged), 'archive/data/0', 'checksum');

  const rename = (file: Uint8Array, to: string): Uint8Array =>
    new Uint8Array(Buffer.from(Buffer.from(file).toString('latin1').replaceAll('archive/version', to), 'latin1'));
  const two = await withEntries({ 'archive/data/0x': bytes('x') });
  await refuses('a path upwards', torch(rename(tensorFile, '../../../../ver')), 'bad.pth', '../');
  await refuses('an absolute path', torch(rename(tensorFile, '/rchive/version')), 'bad.pth', '/rchive');
  await refuses('an entry twice', torch(rename(two, 'archive/data/0x')), 'archive/data/0x', 'twice');
  await refuses('a plain pickle', torch(bytes(0x80, 4, 'N.')), 'byte 0', 'a plain pickle');
  await refuses('no file of torch.save', torch(bytes('sys_info', new Uint8Array(600))), 'byte 0');
});

test('an archive whose parts contradict each other', async () => {
  const good = Buffer.from(tensorFile);
  const central = good.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
  const end = good.length - 22;
  const version = good.indexOf('archive/version');
  const change = (at: number, ...to: number[]): Uint8Array => {
    const copy = new Uint8Array(good);
    copy.set(to, at);
    return copy;
  };
  await refuses('another name in the local header', torch(change(version, 0x62)), 'name of the directory', 'brchive');
  await refuses('other flags', torch(change(6, good[6] ^ 2)), 'flags of the directory');
  await refuses('another size', torch(change(22, good[22] ^ 1)), 'size of the directory');
  await refuses('another compression', torch(change(8, 8)), 'compression of the directory');
  await refuses(
    'another size in the directory',
    torch(change(central + 24, good[central + 24] + 1)),
    'archive/data.pkl',
  );
  await refuses('two end records', torch(bytes(good, good.subarray(end))), 'whole zip archive');
  await refuses(
    'an end record in a comment',
    torch(bytes(change(end + 20, 22), good.subarray(end))),
    'whole zip archive',
  );
  await refuses('data before', torch(bytes(good.subarray(0, 30), good)), 'bad.pth');
  await refuses('data behind', torch(bytes(good, 'x')), 'last 22 bytes');
  const between = bytes(good.subarray(0, central), 'hidden', good.subarray(central));
  new DataView(between.buffer).setUint32(end + 6 + 16, central + 6, true);
  await refuses('data between', torch(between), 'bytes of nothing');
  const wide = (entries: number): Uint8Array => {
    const [count, size, at] = [good.readUInt16LE(end + 10), good.readUInt32LE(end + 12), good.readUInt32LE(end + 16)];
    const end64 = bytes(
      'PK\x06\x06',
      u64(44n),
      45,
      0,
      45,
      0,
      u32(0),
      u32(0),
      u64(BigInt(entries)),
      u64(BigInt(count + entries - count)),
      u64(BigInt(size)),
      u64(BigInt(at)),
    );
    return bytes(good.subarray(0, end), end64, 'PK\x06\x07', u32(0), u64(BigInt(end)), u32(1), good.subarray(end));
  };
  const count = good.readUInt16LE(end + 10);
  assert.ok(await readTorch(wide(count), 'zip64'), 'zip64 records that agree are read');
  await refuses('zip64 that differs', torch(wide(count + 1)), 'the same in both end records');
});

test('what is no file of ours is named, with advice, whatever its name', async () => {
  const lfs = bytes('version https://git-lfs.github.com/spec/v1\noid sha256:1234\nsize 28000000\n');
  const page = bytes('\n<!DOCTYPE html><html><head><title>Sign in</title>');
  const tar = new Uint8Array(1024);
  tar.set(bytes('sys_info'));
  tar.set(bytes('ustar'), 257);
  const zip = await writeZip(
    new Map([
      ['a/readme.txt', bytes('hello')],
      ['weights.pth', bytes('x')],
    ]),
  );
  for (const reader of [torch, read, (file: Uint8Array) => () => readSafetensors(file, 'bad.pth')]) {
    await refuses('a pointer', reader(lfs), 'Git LFS pointer', 'git lfs pull');
    await refuses('a page', reader(page), 'a web page', 'download');
    await refuses('a tar', reader(tar), 'tar archive', '0.1.10', 'state_dict()');
    await refuses('gzip', reader(bytes(0x1f, 0x8b, 8, 0)), 'gunzip');
  }
  await refuses('another zip', torch(zip), 'zip archive of', 'weights.pth', 'unpack it');
  const original = Buffer.from(readFileSync('test/golden/pickles/adj_pandas15_protocol0.pkl'));
  const crlf = new Uint8Array(Buffer.from(original.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'));
  await refuses('CR LF', read(crlf), 'line ends were changed');
  const trainer = pickle(global('my_training.config', 'TrainerConfig'), ')', 0x81);
  await refuses(
    'another program',
    torch(await withEntries({ 'archive/data.pkl': trainer })),
    'my_training.config.TrainerConfig',
    'torch.save(model.state_dict()',
  );
});

/** A safetensors file of this header. */
const header = (json: string): Uint8Array => bytes(u64(BigInt(Buffer.byteLength(json))), Buffer.from(json));

test('safetensors: a long text, many entries, and headers that make much of little', async () => {
  const long = header(`{"__metadata__":{"note":"${'x'.repeat(8 * 2 ** 20)}"}}`);
  assert.is(readSafetensors(long, 'long').metadata.note.length, 8 * 2 ** 20);
  const escaped = header(`{"__metadata__":{"note":"${'\\\\\\"'.repeat(2 ** 19)}"}}`);
  assert.is(readSafetensors(escaped, 'escaped').metadata.note.length, 2 ** 20);
  const spent = (count: number): number => {
    const names = Array.from({ length: count }, (_, i) => `"w${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`);
    const file = header(`{${names.join()}}`);
    const start = process.cpuUsage();
    assert.is(readSafetensors(file, 'many').tensors.size, count);
    return process.cpuUsage(start).user / count;
  };
  spent(10_000);
  const [few, many] = [spent(10_000), spent(100_000)];
  assert.ok(many < 8 * few + 20, `${few} and ${many} µs an entry`); // quadratic time would be 10 times as long, or far more
  const safetensors = (file: Uint8Array) => () => readSafetensors(file, 'bad.safetensors');
  await refuses('objects', safetensors(header(`{"a":[${'{},'.repeat(4_000_000)}{}]}`)), 'objects and names');
  await refuses('nesting', safetensors(header('['.repeat(1_000_000))), 'nesting');
  await refuses('a header of 20 MB', safetensors(header(`{"a":"${'x'.repeat(20_000_000)}"}`)), 'a header of at most');
});

test('ten thousand bad files in one process leave no memory behind', async () => {
  const files: (() => unknown)[] = [
    torch(tensorFile.subarray(0, 300)),
    torch(bytes(tensorFile, 'x')),
    read(pickle(global('os', 'system'), CALL)),
    read(pickle('}'.repeat(2000), '0')),
    () => readSafetensors(header('{"a":1}'), 'bad'),
    () => readSafetensors(new Uint8Array(100_000), 'bad'),
  ];
  const run = async (times: number): Promise<number> => {
    for (let i = 0; i < times; i++) {
      try {
        await files[i % files.length]();
      } catch (error) {
        assert.instance(error, InputError);
      }
    }
    return process.memoryUsage().rss / 2 ** 20;
  };
  const before = await run(2_000);
  const grown = (await run(8_000)) - before;
  assert.ok(grown < 100, `grew by ${grown} MiB`);
});

test('legacy files that are not what torch.save writes', async () => {
  const legacy = readFileSync('test/golden/checkpoints/tiny_legacy.pth');
  const replaced = (from: Uint8Array, to: Uint8Array): Uint8Array => {
    const where = legacy.indexOf(from);
    assert.ok(where >= 0);
    return bytes(legacy.subarray(0, where), to, legacy.subarray(where + from.length));
  };
  const little = new Uint8Array(legacy);
  // The name, its memo entry (2 bytes), then True.
  little[legacy.indexOf('little_endian') + 'little_endian'.length + 2] = 0x89;
  await refuses('big-endian', torch(little), 'little_endian', 'False');
  await refuses(
    'another protocol',
    torch(replaced(bytes('M', 0xe9, 3, '.'), bytes('M', 0xea, 3, '.'))),
    'protocol 1001',
  );
  await refuses('what follows', torch(bytes(legacy, 'x')), 'further bytes');
});

test('asNdarray names what it found', () => refuses('a dict', () => asNdarray(readPickle(pickle('}'))), 'a dict of 0'));

test.run();
