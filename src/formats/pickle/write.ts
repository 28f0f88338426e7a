// Writes protocol 2, which every Python since 2.3 reads. Strings, arrays and records are stored once and referred to after.
import { InputError } from '../../base/errors';
import { globalOf } from './globals';
import { Ndarray, NumpyDtype } from './numpy';
import { Sink } from './sink';
import { decodeLatin1 } from './text';
import {
  describe,
  isTuple,
  OrderedDict,
  PersistentId,
  type PickleValue,
  PyFloat,
  PyGlobal,
  PyObject,
  tuple,
} from './values';

/**
 * The pickle of a value. Whole numbers become int, others float (`PyFloat` for a float that is whole); frozen arrays become tuples.
 * @throws InputError if it holds something that has no such form
 * @example
 * readPickle(writePickle([1, 'two', null])); // [1, 'two', null]
 */
export function writePickle(value: PickleValue): Uint8Array {
  const writer = new Writer();
  writer.op(0x80, 2);
  writer.value(value);
  writer.op(OP.stop);
  return writer.bytes();
}

const code = (letter: string) => letter.charCodeAt(0);
const OP = {
  stop: code('.'),
  mark: code('('),
  none: code('N'),
  true: 0x88,
  false: 0x89,
  int8: code('K'),
  int16: code('M'),
  int32: code('J'),
  long: 0x8a,
  float: code('G'),
  unicode: code('X'),
  emptyTuple: code(')'),
  tuples: [code(')'), 0x85, 0x86, 0x87],
  tuple: code('t'),
  emptyList: code(']'),
  appends: code('e'),
  emptyDict: code('}'),
  setItems: code('u'),
  global: code('c'),
  call: code('R'),
  newObject: 0x81,
  build: code('b'),
  persistentId: code('Q'),
  put: code('q'),
  longPut: code('r'),
  get: code('h'),
  longGet: code('j'),
} as const;

const encode = (text: string) => new TextEncoder().encode(text);
const NDARRAY = globalOf('numpy.ndarray');
const LETTER_B = Uint8Array.of(code('b'));

/** Entries that go onto the reader's stack at a time, as Python's own pickler does it. */
const BATCH = 1000;

class Writer {
  private readonly sink = new Sink();
  /** What was written before: strings by content, all else by identity; and, by name, globals and dtypes. */
  private readonly values = new Map<PickleValue, number>();
  private readonly names = new Map<string, number>();

  bytes(): Uint8Array {
    return this.sink.bytes();
  }

  op(...bytes: number[]): void {
    for (const byte of bytes) this.sink.u8(byte);
  }

  value(value: PickleValue): void {
    if (value === null) this.op(OP.none);
    else if (typeof value === 'boolean') this.op(value ? OP.true : OP.false);
    else if (typeof value === 'bigint') this.long(value);
    else if (typeof value === 'number') this.number(value);
    else if (value instanceof PyFloat) this.float(value.value);
    else if (this.recall(this.values, value)) return;
    else if (typeof value === 'string') this.string(value);
    else this.object(value);
  }

  private object(value: Exclude<PickleValue, null | boolean | number | bigint | string>): void {
    if (value instanceof PyGlobal) this.global(value.name);
    else if (value instanceof PyObject) this.record(value);
    else if (value instanceof OrderedDict) this.orderedDict(value);
    else if (value instanceof Map) this.dict(value);
    else if (value instanceof Uint8Array) this.byteString(value);
    else if (value instanceof Ndarray) this.array(value);
    else if (value instanceof NumpyDtype) this.dtype(value);
    else if (value instanceof PersistentId) {
      this.value(value.id);
      this.op(OP.persistentId);
    } else if (isTuple(value)) this.tuple(value);
    else if (Array.isArray(value)) this.list(value);
    else throw new InputError(`cannot write ${describe(value)}`);
  }

  // ---- numbers and text

  private number(n: number): void {
    if (!Number.isSafeInteger(n) || Object.is(n, -0)) this.float(n);
    else if (n >= 0 && n < 256) this.op(OP.int8, n);
    else if (n >= 0 && n < 65536) this.op(OP.int16, n & 255, n >> 8);
    else if (n === (n | 0)) {
      this.op(OP.int32);
      this.sink.i32(n);
    } else this.long(BigInt(n));
  }

  private long(n: bigint): void {
    let size = 1;
    while (BigInt.asIntN(8 * size, n) !== n) size++;
    this.op(OP.long, size);
    for (let i = 0; i < size; i++) this.op(Number((n >> BigInt(8 * i)) & 255n));
  }

  private float(x: number): void {
    this.op(OP.float);
    this.sink.f64(x);
  }

  private string(s: string): void {
    const bytes = encode(s);
    this.op(OP.unicode);
    this.sink.i32(bytes.length);
    this.sink.append(bytes);
    this.remember(this.values, s);
  }

  /** Protocol 2 has no bytes: they are spelled as Latin-1. */
  private byteString(bytes: Uint8Array): void {
    this.called('_codecs.encode', tuple(decodeLatin1(bytes), 'latin1'));
    this.remember(this.values, bytes);
  }

  // ---- collections

  private tuple(items: readonly PickleValue[]): void {
    if (items.length > 3) this.op(OP.mark);
    for (const item of items) this.value(item);
    this.op(OP.tuples[items.length] ?? OP.tuple);
    if (items.length > 0) this.remember(this.values, items);
  }

  private list(items: readonly PickleValue[]): void {
    this.op(OP.emptyList);
    this.remember(this.values, items);
    this.batches(items, OP.appends, (item) => this.value(item));
  }

  private dict(dict: Map<PickleValue, PickleValue>): void {
    this.op(OP.emptyDict);
    this.remember(this.values, dict);
    this.items(dict);
  }

  private orderedDict(dict: OrderedDict): void {
    this.called('collections.OrderedDict', tuple());
    this.remember(this.values, dict);
    this.items(dict);
    if (!dict.attributes) return;
    this.value(dict.attributes);
    this.op(OP.build);
  }

  private items(dict: Map<PickleValue, PickleValue>): void {
    this.batches([...dict], OP.setItems, ([key, value]) => {
      this.value(key);
      this.value(value);
    });
  }

  private batches<T>(items: readonly T[], end: number, write: (item: T) => void): void {
    for (let i = 0; i < items.length; i += BATCH) {
      this.op(OP.mark);
      for (const item of items.slice(i, i + BATCH)) write(item);
      this.op(end);
    }
  }

  // ---- objects

  private global(name: string): void {
    if (this.recall(this.names, name)) return;
    const dot = name.lastIndexOf('.');
    this.op(OP.global);
    this.sink.append(encode(`${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`));
    this.remember(this.names, name);
  }

  private called(name: string, args: readonly PickleValue[]): void {
    this.global(name);
    this.value(args);
    this.op(OP.call);
  }

  private record(object: PyObject): void {
    this.global(object.name);
    this.value(tuple(...object.args));
    this.op(object.how === 'new' ? OP.newObject : OP.call);
    this.remember(this.values, object);
    if (object.state === null) return;
    this.value(object.state);
    this.op(OP.build);
  }

  private array(array: Ndarray): void {
    this.called('numpy.core.multiarray._reconstruct', tuple(NDARRAY, tuple(0), LETTER_B));
    this.remember(this.values, array);
    const { shape, dtype, fortran, data } = array;
    this.value(tuple(1, tuple(...shape), dtype, fortran, data));
    this.op(OP.build);
  }

  private dtype(dtype: NumpyDtype): void {
    const order = dtype.size < 2 || dtype.kind === 'S' ? '|' : dtype.littleEndian ? '<' : '>';
    const key = `dtype ${order}${dtype}`;
    if (this.recall(this.names, key)) return;
    this.called('numpy.dtype', tuple(dtype.toString(), false, true));
    this.remember(this.names, key);
    const [size, alignment] = dtype.kind === 'U' ? [dtype.size, 4] : dtype.kind === 'S' ? [dtype.size, 1] : [-1, -1];
    this.value(
      tuple(3, order, null, null, null, size, alignment, dtype.kind === 'O' ? 63 : dtype.kind === 'U' ? 8 : 0),
    );
    this.op(OP.build);
  }

  // ---- the memo

  private remember<K>(memo: Map<K, number>, key: K): void {
    const index = this.values.size + this.names.size;
    memo.set(key, index);
    this.indexed(OP.put, OP.longPut, index);
  }

  private recall<K>(memo: Map<K, number>, key: K): boolean {
    const index = memo.get(key);
    if (index !== undefined) this.indexed(OP.get, OP.longGet, index);
    return index !== undefined;
  }

  private indexed(short: number, long: number, index: number): void {
    if (index < 256) this.op(short, index);
    else {
      this.op(long);
      this.sink.i32(index);
    }
  }
}
