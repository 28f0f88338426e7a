// The allow-list: what a pickle may name, and the plain data that each stands for. Nothing here runs code that a file chooses.
import { InputError } from '../../base/errors';
import { latin1Bytes, NUMPY_GLOBALS } from './numpy';
import { type Build, COST, describe, OrderedDict, type PickleValue, PyGlobal, PyObject, type Spend } from './values';

const allowed = new Map<string, PyGlobal>();

const allow = (modules: string[], name: string, build: Build): void => {
  for (const module of modules) allowed.set(`${module}.${name}`, new PyGlobal(`${module}.${name}`, build));
};

/** Classes and functions that become a record of their arguments and their state. */
const allowRecords = (modules: string[], names: string[]): void => {
  for (const name of names) {
    for (const module of modules) {
      const full = `${module}.${name}`;
      allow([module], name, (args, how) => new PyObject(full, args, how));
    }
  }
};

/** Protocols below 3 spell `builtins` as Python 2 did. */
const BUILTINS = ['builtins', '__builtin__'];

// A file may hand one argument to any number of calls: what each call copies is taken from what the file may use.
allow(BUILTINS, 'set', ([items], _, spend) => new Set(values(items, spend, COST.entry)));
allow(BUILTINS, 'frozenset', ([items], _, spend) => new Set(values(items, spend, COST.entry)));
allow(BUILTINS, 'list', ([items], _, spend) => [...values(items, spend, COST.item)]);
allow(BUILTINS, 'dict', ([items], _, spend) => fill(new Map(), items, spend));
allow(BUILTINS, 'bytes', ([bytes], _, spend) => asBytes(bytes, undefined, spend));
allow(BUILTINS, 'bytearray', ([bytes, encoding], _, spend) => asBytes(bytes, encoding, spend));
allowRecords(BUILTINS, ['slice', 'object', 'complex']);
allow(['collections'], 'OrderedDict', ([items], _, spend) => fill(new OrderedDict(), items, spend));
allow(['collections'], 'Counter', ([counts], _, spend) => asDict(counts, spend));
allow(['collections'], 'defaultdict', () => new Map());
allowRecords(['argparse'], ['Namespace']);
allow(['_codecs'], 'encode', ([text, encoding], _, spend) => asBytes(text, encoding, spend));
allow(['copyreg', 'copy_reg'], '_reconstructor', ([type, base, state], _, spend) => {
  if (!(type instanceof PyGlobal) || !(base instanceof PyGlobal) || state !== null) {
    throw new InputError(`expected a class without a base's state, found ${describe(type)} of ${describe(base)}`);
  }
  return type.call([], 'new', spend);
});

for (const numpy of ['numpy.core', 'numpy._core']) {
  allowed.set(`${numpy}.multiarray._reconstruct`, NUMPY_GLOBALS.reconstruct);
  allowed.set(`${numpy}.multiarray.scalar`, NUMPY_GLOBALS.scalar);
  allowed.set(`${numpy}.numeric._frombuffer`, NUMPY_GLOBALS.frombuffer);
}
allowed.set('numpy.ndarray', NUMPY_GLOBALS.ndarray);
allowed.set('numpy.dtype', NUMPY_GLOBALS.dtype);

// pandas from 0.20 to 3: classes moved, their contents hardly changed
allowRecords(['pandas.core.frame', 'pandas'], ['DataFrame']);
allowRecords(['pandas.core.internals', 'pandas.core.internals.managers'], ['BlockManager']);
allowRecords(['pandas._libs.internals'], ['_unpickle_block']);
allowRecords(['pandas.core.internals.blocks'], ['new_block']);
allowRecords(['pandas.core.indexes.base'], ['_new_Index', 'Index']);
allowRecords(['pandas'], ['Index', 'RangeIndex', 'StringDtype']);
allowRecords(['pandas.core.indexes.range'], ['RangeIndex']);
allowRecords(['pandas._libs.arrays'], ['__pyx_unpickle_NDArrayBacked']);
allowRecords(['pandas.arrays', 'pandas.core.arrays.string_'], ['StringArray', 'StringDtype']);
allowRecords(['pandas.core.indexes.numeric'], ['Int64Index', 'UInt64Index', 'Float64Index']);

allowRecords(['dataloading', '__main__'], ['AffectNet_annotation', 'Affwild2_annotation']);

/** What `module.name` stands for, or undefined if a pickle may not name it. */
export function findGlobal(module: string, name: string): PyGlobal | undefined {
  return allowed.get(`${module}.${name}`);
}

/** The class of an allowed name, for writing. */
export function globalOf(name: string): PyGlobal {
  const found = allowed.get(name);
  if (!found) throw new InputError(`cannot write ${name}: it could not be read again`);
  return found;
}

/** The items of a list or tuple, of which a copy takes `each` object's worth of memory an item. */
function values(items: PickleValue | undefined, spend: Spend, each: number): readonly PickleValue[] {
  if (items === undefined) return [];
  if (!Array.isArray(items)) throw new InputError(`expected a list, found ${describe(items)}`);
  spend(items.length * each);
  return items;
}

function fill<M extends Map<PickleValue, PickleValue>>(dict: M, items: PickleValue | undefined, spend: Spend): M {
  for (const item of values(items, spend, COST.entry)) {
    if (!Array.isArray(item) || item.length !== 2) throw new InputError(`expected a pair, found ${describe(item)}`);
    dict.set(item[0], item[1]);
  }
  return dict;
}

function asDict(value: PickleValue | undefined, spend: Spend): Map<PickleValue, PickleValue> {
  if (value === undefined) return new Map();
  if (!(value instanceof Map)) throw new InputError(`expected a dict, found ${describe(value)}`);
  spend(COST.entry * value.size);
  return new Map(value);
}

/** Bytes; a text in Latin-1 as protocol 2 writes them; or a list of numbers as Python 2 does. */
function asBytes(value: PickleValue | undefined, encoding: PickleValue | undefined, spend: Spend): Uint8Array {
  if (value === undefined) return new Uint8Array();
  if (value instanceof Uint8Array && encoding === undefined) return value;
  if (typeof value === 'string' && (encoding === 'latin1' || encoding === 'latin-1')) return latin1Bytes(value, spend);
  if (Array.isArray(value)) spend(COST.item * value.length);
  if (Array.isArray(value) && value.every((n) => Number.isInteger(n) && n >= 0 && n < 256))
    return Uint8Array.from(value);
  throw new InputError(
    `expected bytes, found ${describe(value)}${encoding === undefined ? '' : ` in ${describe(encoding)}`}`,
  );
}
