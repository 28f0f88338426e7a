// Files from strangers: whatever is in them, reading ends soon, in bounded memory, with a value or with one InputError that
// names the file and the place.
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { asDataFrame, asNdarray, readPickle } from '../../src/formats/pickle';
import { readCheckpoint, readTorch, writeTorchTensor } from '../../src/formats/torch';
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

/** Expects an InputError with these words, soon. */
async function refuses(what: string, read: () => unknown, ...words: string[]): Promise<void> {
  const start = performance.now();
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
  assert.ok(performance.now() - start < 5000, `${what}: took ${performance.now() - start} ms`);
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
  ['a text', bytes('hello'), 0],
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
  await refuses('lists', read(pickle(']'.repeat(deep), 'a'.repeat(deep - 1))), 'at most');
  await refuses('300 lists', read(pickle(']'.repeat(300), 'a'.repeat(299))), 'nesting of at most 200');
  await refuses('tuples', read(pickle('N', '\x85'.repeat(deep))), 'nesting of at most 200');
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
  await refuses('10 million dicts', read(bytes(']', `(${'}'.repeat(999)}e`.repeat(10_000), '.')), 'more objects than');
  await refuses('10 million lists', read(bytes(']', `(${']'.repeat(999)}e`.repeat(10_000), '.')), 'more objects than');
  const grown = (process.memoryUsage().rss - before) / 2 ** 20;
  assert.ok(grown < 1200, `grew by ${grown} MiB`);
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
  await refuses('no pickle', torch(await withEntries({ 'archive/data.pkl': null })), 'found none');

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
  await refuses('a tar', torch(bytes('sys_info', new Uint8Array(600))), 'byte 0');
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
