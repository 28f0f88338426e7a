// Hundreds of thousands of records are what annotations consist of: each is kept as its values alone, its fields' names are shared.
import { InputError } from '../../base/errors';
import { Ndarray, type NumpyDtype } from './numpy';
import { type PickleValue, PyObject } from './values';

/** Longest array that is packed, in bytes: the place of an eye has 16. */
const MAX_BYTES = 16;
/** Longest text that is packed. */
const MAX_TEXT = 1024;
const MAX_FIELDS = 16;

/** What records of one kind share. */
export interface RecordLayout {
  readonly name: string;
  readonly keys: readonly PickleValue[];
  /** Of the fields that are arrays, how their bytes, kept as a Latin-1 text, are one. */
  readonly arrays: readonly (Pick<Ndarray, 'dtype' | 'shape' | 'fortran'> | null)[];
}

/** A record whose state is a dict of plain values; the dict is made when it is asked for. */
export class PackedRecord extends PyObject {
  constructor(
    private readonly layout: RecordLayout,
    private readonly values: readonly PickleValue[],
  ) {
    super(layout.name);
  }

  override get state(): Map<PickleValue, PickleValue> {
    const { keys, arrays } = this.layout;
    return new Map(
      keys.map((key, i) => [key, arrays[i] ? toArray(arrays[i], this.values[i] as string) : this.values[i]]),
    );
  }

  override setState(): void {
    throw new InputError(`expected one state of a ${this.name}, found another`);
  }

  override parts(): readonly PickleValue[] {
    return [];
  }
}

/** Packs records of the same kind, one after the other. */
export class RecordPacker {
  private layout: RecordLayout | null = null;

  /** @returns the record packed, and about how many bytes that takes; null: it holds more than plain values */
  pack({ name, state }: PyObject): { record: PackedRecord; bytes: number } | null {
    if (!(state instanceof Map) || state.size > MAX_FIELDS) return null;
    const keys: PickleValue[] = [];
    const arrays: (Ndarray | null)[] = [];
    const values: PickleValue[] = [];
    let bytes = 120;
    for (const [key, value] of state) {
      if (typeof key !== 'string' || key.length > MAX_TEXT) return null;
      const array = value instanceof Ndarray ? value : null;
      const packed = array ? toText(array) : isPlain(value) ? value : undefined;
      if (packed === undefined) return null;
      keys.push(key);
      arrays.push(array);
      values.push(packed);
      bytes += 8 + (typeof packed === 'string' ? 20 + packed.length : Number.isInteger(packed) ? 0 : 16);
    }
    const known = this.layout;
    if (
      !known ||
      known.name !== name ||
      !sameItems(known.keys, keys) ||
      !known.arrays.every((a, i) => sameKind(a, arrays[i]))
    ) {
      this.layout = {
        name,
        keys,
        arrays: arrays.map((a) => a && { dtype: a.dtype, shape: a.shape, fortran: a.fortran }),
      };
      bytes += 1000;
    }
    return { record: new PackedRecord(this.layout as RecordLayout, values), bytes };
  }
}

type Kind = RecordLayout['arrays'][number];

const isPlain = (value: PickleValue): boolean =>
  typeof value === 'string' ? value.length <= MAX_TEXT : value === null || ['number', 'boolean'].includes(typeof value);

const toText = ({ data, dtype, shape }: Ndarray): string | undefined =>
  data instanceof Uint8Array && data.length <= MAX_BYTES && shape.length <= 2 && dtype.kind !== 'O'
    ? Buffer.from(data.buffer, data.byteOffset, data.length).toString('latin1')
    : undefined;

const toArray = ({ dtype, shape, fortran }: Exclude<Kind, null>, text: string): Ndarray =>
  new Ndarray(dtype, shape, new Uint8Array(Buffer.from(text, 'latin1')), fortran);

const sameItems = (a: readonly PickleValue[], b: readonly PickleValue[]): boolean =>
  a.length === b.length && a.every((item, i) => item === b[i]);

const sameKind = (a: Kind, b: Kind): boolean =>
  a === b ||
  (a !== null && b !== null && sameType(a.dtype, b.dtype) && sameItems(a.shape, b.shape) && a.fortran === b.fortran);

const sameType = (a: NumpyDtype, b: NumpyDtype): boolean =>
  a === b || (a.kind === b.kind && a.size === b.size && a.littleEndian === b.littleEndian);
