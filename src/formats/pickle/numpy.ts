// NumPy's part of the allow-list: dtypes, arrays and scalars, with their bytes as they lie in the file.
import { InputError } from '../../base/errors';
import { halfToFloat } from '../../base/half';
import { decodeLatin1, encodeLatin1, exactInteger, withoutFill } from './text';
import { describe, isList, isTuple, type PickleValue, PyGlobal, PyInstance, type Spend } from './values';

const KINDS = ['b', 'i', 'u', 'f', 'O', 'U', 'S'] as const;
type Kind = (typeof KINDS)[number];

/** A plain dtype: kind, bytes an element (0 for objects, which lie in a list), byte order. */
export class NumpyDtype extends PyInstance {
  littleEndian = true;
  constructor(
    readonly kind: Kind,
    readonly size: number,
  ) {
    super();
  }

  /** BUILD: (version, byte order, subarray, names, fields, size, alignment, flags). */
  override setState(state: PickleValue): void {
    const [, order, sub, names, fields] = isTuple(state) ? state : [];
    if (typeof order !== 'string' || !'<>|='.includes(order) || order.length !== 1) {
      throw new InputError(`expected the state of a dtype, found ${describe(state)}`);
    }
    if (sub !== null || names !== null || fields !== null) {
      throw new InputError('expected a plain dtype, found one with fields or of subarrays');
    }
    this.littleEndian = order !== '>';
  }

  override toString(): string {
    return this.kind === 'O' ? 'O' : `${this.kind}${this.kind === 'U' ? this.size / 4 : this.size}`;
  }
}

/** A NumPy array. Elements lie row-major, or column-major if `fortran`; objects are a list, all else bytes. */
export class Ndarray extends PyInstance {
  constructor(
    public dtype: NumpyDtype = FLOAT64,
    public shape: readonly number[] = [0],
    public data: Uint8Array | readonly PickleValue[] = new Uint8Array(),
    public fortran = false,
  ) {
    super();
  }

  /** Number of elements. */
  get length(): number {
    return count(this.shape);
  }

  /** BUILD: (version, shape, dtype, column-major?, bytes or list of objects). */
  override setState(state: PickleValue, spend: Spend): void {
    const [shape, dtype, fortran, data] = isTuple(state) ? state.slice(-4) : [];
    this.fill(shape, dtype, fortran === true, data, spend);
  }

  /** Takes shape and data after checking that they fit each other. */
  fill(
    shape: PickleValue | undefined,
    dtype: PickleValue | undefined,
    fortran: boolean,
    raw: PickleValue | undefined,
    spend: Spend,
  ): this {
    if (!isSizes(shape) || shape.length > 32)
      throw new InputError(`expected an array's shape, found ${describe(shape)}`);
    if (!(dtype instanceof NumpyDtype)) throw new InputError(`expected an array's dtype, found ${describe(dtype)}`);
    const data = dtype.kind === 'O' ? raw : asBytes(raw, spend);
    if (!(data instanceof Uint8Array) && !(data !== undefined && isList(data))) {
      throw new InputError(`expected an array's elements, found ${describe(raw)}`);
    }
    const expected = count(shape) * (dtype.size || 1);
    if (data.length !== expected) {
      const what = dtype.kind === 'O' ? 'objects' : 'bytes';
      throw new InputError(`expected ${expected} ${what} for an array ${dtype} [${shape}], found ${data.length}`);
    }
    this.dtype = dtype;
    this.shape = shape;
    this.fortran = fortran;
    this.data = data;
    return this;
  }

  /** All elements, row-major. Integers beyond 2^53 are bigints. */
  toList(): PickleValue[] {
    const { data } = this;
    const stored = data instanceof Uint8Array ? elements(this.dtype, data) : [...data];
    return this.fortran && this.shape.length > 1 ? rowMajor(stored, this.shape) : stored;
  }

  override parts(): readonly PickleValue[] {
    return this.data instanceof Uint8Array ? [] : this.data;
  }
}

const FLOAT64 = new NumpyDtype('f', 8);

/**
 * An array for writing: float64, float32, int64 or int32 by the kind of typed array, objects otherwise. Row-major.
 * @example
 * readPickle(writePickle(ndarray(Float64Array.of(1, 2), [2]))) instanceof Map; // false
 */
export function ndarray(
  data: Float64Array | Float32Array | BigInt64Array | Int32Array | readonly PickleValue[],
  shape: readonly number[],
): Ndarray {
  if (data.length !== count(shape))
    throw new InputError(`expected ${count(shape)} elements for shape [${shape}], found ${data.length}`);
  if (!ArrayBuffer.isView(data)) return new Ndarray(new NumpyDtype('O', 0), shape, [...data]);
  const kind = data instanceof Float64Array || data instanceof Float32Array ? 'f' : 'i';
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Ndarray(new NumpyDtype(kind, data.BYTES_PER_ELEMENT), shape, bytes);
}

/**
 * The value as a NumPy array.
 * @throws InputError without a place if it is none
 * @example
 * asNdarray(readPickle(writePickle(ndarray(Float64Array.of(1, 2), [2])))).shape; // [2]
 */
export function asNdarray(value: PickleValue | undefined): Ndarray {
  if (!(value instanceof Ndarray)) throw new InputError(`expected a NumPy array, found ${describe(value)}`);
  return value;
}

/** Most numbers of a table: label graphs have 81, word vectors 2700. */
export const MAX_NUMBERS = 2 ** 20;

/**
 * An array's elements as float64, row-major.
 * @throws InputError without a place if they are no numbers, or more than 2^20
 */
export function asFloat64(array: Ndarray): Float64Array {
  if (array.length > MAX_NUMBERS)
    throw new InputError(`expected at most ${MAX_NUMBERS} numbers, found an array [${array.shape}]`);
  return Float64Array.from(array.toList(), (v) => {
    if (typeof v !== 'number' && typeof v !== 'bigint' && typeof v !== 'boolean') {
      throw new InputError(`expected an array of numbers, found ${describe(v)} in it`);
    }
    return Number(v);
  });
}

/** The dtype of a name such as `f8`, `<i4`, `O8`, `U7`. */
export function dtype(name: PickleValue | undefined): NumpyDtype {
  const parts = /^([<>|=]?)([a-zA-Z?])(\d{0,9})$/.exec(typeof name === 'string' ? name : '');
  const kind = parts?.[2] === '?' ? 'b' : KINDS.find((k) => k === parts?.[2]);
  if (!parts || !kind) throw new InputError(`expected a dtype of numbers, text or objects, found ${describe(name)}`);
  const units = parts[2] === '?' ? 1 : Number(parts[3]);
  const sizes: Record<Kind, number[]> = {
    b: [1],
    i: [1, 2, 4, 8],
    u: [1, 2, 4, 8],
    f: [2, 4, 8],
    O: [0, 4, 8],
    U: [],
    S: [],
  };
  const fits = kind === 'U' || kind === 'S' ? units > 0 : sizes[kind].includes(units);
  if (!fits) throw new InputError(`expected a dtype with a size that it can have, found ${describe(name)}`);
  const result = new NumpyDtype(kind, kind === 'O' ? 0 : kind === 'U' ? 4 * units : units);
  result.littleEndian = parts[1] !== '>';
  return result;
}

/** NumPy's entries of the allow-list, by name without the module's first parts. */
export const NUMPY_GLOBALS = {
  ndarray: new PyGlobal('numpy.ndarray', () => {
    throw new InputError('expected an array to be made by _reconstruct, found a call of numpy.ndarray');
  }),
  dtype: new PyGlobal('numpy.dtype', ([name]) => dtype(name)),
  reconstruct: new PyGlobal('numpy.core.multiarray._reconstruct', ([type]) => {
    if (type !== NUMPY_GLOBALS.ndarray) throw new InputError(`expected numpy.ndarray, found ${describe(type)}`);
    return new Ndarray();
  }),
  frombuffer: new PyGlobal('numpy.core.numeric._frombuffer', ([bytes, type, shape, order], _, spend) =>
    new Ndarray().fill(shape, type, order === 'F', bytes, spend),
  ),
  scalar: new PyGlobal('numpy.core.multiarray.scalar', ([type, bytes], _, spend) => {
    if (!(type instanceof NumpyDtype)) throw new InputError(`expected a scalar's dtype, found ${describe(type)}`);
    const data = asBytes(bytes, spend);
    if (type.kind === 'O' || data?.length !== type.size) {
      throw new InputError(`expected ${type.size} bytes for a scalar ${type}, found ${describe(bytes)}`);
    }
    spend(data.length / 25);
    return elements(type, data)[0];
  }),
};

/** Bytes, or Python 2's str of them. */
function asBytes(value: PickleValue | undefined, spend: Spend): Uint8Array | undefined {
  if (typeof value === 'string') return latin1Bytes(value, spend);
  return value instanceof Uint8Array ? value : undefined;
}

/** The bytes that a text in Latin-1 spells. */
export function latin1Bytes(text: string, spend: Spend): Uint8Array {
  spend(2 + text.length / 50);
  return encodeLatin1(text);
}

function elements({ kind, size, littleEndian: le }: NumpyDtype, bytes: Uint8Array): PickleValue[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const readers: Record<string, (at: number) => PickleValue> = {
    b1: (at) => view.getUint8(at) !== 0,
    i1: (at) => view.getInt8(at),
    i2: (at) => view.getInt16(at, le),
    i4: (at) => view.getInt32(at, le),
    i8: (at) => exactInteger(view.getBigInt64(at, le)),
    u1: (at) => view.getUint8(at),
    u2: (at) => view.getUint16(at, le),
    u4: (at) => view.getUint32(at, le),
    u8: (at) => exactInteger(view.getBigUint64(at, le)),
    f2: (at) => halfToFloat(view.getUint16(at, le)),
    f4: (at) => view.getFloat32(at, le),
    f8: (at) => view.getFloat64(at, le),
  };
  const text = (at: number): string => {
    if (kind === 'S') return withoutFill(decodeLatin1(bytes.subarray(at, at + size)));
    let s = '';
    for (let i = at; i < at + size; i += 4) {
      const code = view.getUint32(i, le);
      if (code > 0x10ffff) throw new InputError(`expected a character up to U+10FFFF, found ${code}`);
      s += String.fromCodePoint(code);
    }
    return withoutFill(s);
  };
  const read = readers[`${kind}${size}`] ?? text;
  return Array.from({ length: bytes.length / size }, (_, i) => read(i * size));
}

/** Column-major elements of `shape` in row-major order. */
function rowMajor<T>(stored: T[], shape: readonly number[]): T[] {
  const index = shape.map(() => 0);
  return stored.map(() => {
    let at = 0;
    for (let d = shape.length - 1; d >= 0; d--) at = at * shape[d] + index[d];
    for (let d = shape.length - 1; d >= 0 && ++index[d] === shape[d]; d--) index[d] = 0;
    return stored[at];
  });
}

const count = (shape: readonly number[]) => shape.reduce((n, s) => n * s, 1);

const isSizes = (v: PickleValue | undefined): v is readonly number[] =>
  v !== undefined && isTuple(v) && v.every((n) => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0);
