// Python's values as plain JavaScript. A tuple is a frozen array, a list an unfrozen one; int and float are numbers, ints
// beyond 2^53 bigints; bytes are Uint8Array; dict and OrderedDict are Maps.
import { InputError } from '../../base/errors';

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PickleValue[]
  | Set<PickleValue>
  | Map<PickleValue, PickleValue>
  | PyGlobal
  | PyInstance;

/** Takes the memory of something new, in objects' worth (about 50 bytes), from what a file of its size may use. */
export type Spend = (objects: number) => void;

/** What things take, in objects' worth, with what is needed to look through them once. */
export const COST = {
  list: 3,
  /** Of a list or tuple: a place, and the number that may be in it. */
  item: 0.5,
  /** Of a dict or set. */
  entry: 2,
  /** Of so many bytes: some of its characters may take two. */
  text: (length: number): number => 1 + length / 25,
} as const;

/** Anything that Python calls an object and that is none of the plain types. */
export abstract class PyInstance {
  /** What BUILD does: `__setstate__`. Throws InputError where there is no state to take. `spend`: before anything is copied. */
  setState(_state: PickleValue, _spend: Spend): void {
    throw new InputError(`expected an object with a state, found ${describe(this)}`);
  }

  /** The values that this one holds. */
  parts(): readonly PickleValue[] {
    return [];
  }
}

const NOTHING: readonly PickleValue[] = Object.freeze([]);

/** A record of an allowed class or function: what it was made of. Nothing was called to make it. */
export class PyObject extends PyInstance {
  private own: PickleValue = null;

  /**
   * @param name of the class or function with its module: `pandas.core.frame.DataFrame`
   * @param how `new` as `cls.__new__(cls, *args)`, `call` as `name(*args)`
   */
  constructor(
    readonly name: string,
    readonly args: readonly PickleValue[] = NOTHING,
    readonly how: 'new' | 'call' = 'new',
  ) {
    super();
  }

  get state(): PickleValue {
    return this.own;
  }

  set state(state: PickleValue) {
    this.own = state;
  }

  override setState(state: PickleValue): void {
    this.state = state;
  }

  override parts(): readonly PickleValue[] {
    return [...this.args, this.state];
  }
}

/** What calling a class or function gives; `spend` is told of what is copied, before it is. */
export type Build = (args: readonly PickleValue[], how: 'new' | 'call', spend: Spend) => PickleValue;

/** An allowed class or function by name, not called (yet). */
export class PyGlobal {
  constructor(
    readonly name: string,
    readonly call: Build,
  ) {}
}

/** An OrderedDict that may carry attributes: a PyTorch state dict has `_metadata`. */
export class OrderedDict extends Map<PickleValue, PickleValue> {
  attributes: Map<PickleValue, PickleValue> | undefined;
}

/** For writing: a number that Python shall see as float though it is whole. Reading gives plain numbers. */
export class PyFloat extends PyInstance {
  constructor(readonly value: number) {
    super();
  }
}

/** For writing and for torch's own readers: an object that lives outside the pickle, by its persistent id. */
export class PersistentId extends PyInstance {
  constructor(readonly id: PickleValue) {
    super();
  }

  override parts(): readonly PickleValue[] {
    return [this.id];
  }
}

export const tuple = (...items: PickleValue[]): readonly PickleValue[] => Object.freeze(items);
export const isTuple = (v: PickleValue): v is readonly PickleValue[] => Array.isArray(v) && Object.isFrozen(v);
export const isList = (v: PickleValue): v is PickleValue[] => Array.isArray(v) && !Object.isFrozen(v);

/** A value in a few words, for messages. */
export function describe(value: PickleValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value}`;
  if (typeof value === 'string') return `the string ${quote(value)}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `a ${isTuple(value) ? 'tuple' : 'list'} of ${value.length}`;
  if (value instanceof Map) return `a dict of ${value.size}`;
  if (value instanceof Set) return `a set of ${value.size}`;
  if (value instanceof PyGlobal) return value.name;
  if (value instanceof PyObject) return `a ${value.name}`;
  return `a ${value.constructor.name}`;
}

/** A text in quotes, cut to a readable length. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
