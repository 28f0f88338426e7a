import fc from 'fast-check';
import { InputError } from '../../../src/base/errors';
import { ndarray, type PickleValue, PyObject, readPickle, tuple, writePickle } from '../../../src/formats/pickle';
import { Ndarray, NumpyDtype } from '../../../src/formats/pickle/numpy';
import { isTuple, PyGlobal } from '../../../src/formats/pickle/values';
import { filesIn } from '../files';
import type { Target } from '../target';

const FILE = 'fuzzed.pkl';

const { value } = fc.letrec<{ value: PickleValue }>((tie) => {
  const items = fc.array(tie('value'), { maxLength: 5 });
  return {
    value: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      fc.constantFrom<PickleValue>(null, true, false, Number.NaN, -0, Number.POSITIVE_INFINITY, ''),
      fc.integer(),
      fc.double(),
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 200n }),
      fc.bigInt({ min: -(2n ** 200n), max: -(2n ** 53n) }),
      fc.string({ unit: 'grapheme' }),
      fc.uint8Array({ maxLength: 20 }),
      fc.float64Array({ maxLength: 6 }).map((data) => ndarray(data, [data.length])),
      items,
      items.map((all) => tuple(...all)),
      fc.array(fc.tuple(fc.string(), tie('value')), { maxLength: 5 }).map((entries) => new Map(entries)),
    ),
  };
});

/** Pickles. */
export const target: Target = {
  names: FILE,
  seeds: () => filesIn('test/golden/pickles', /\.pkl$/),
  made: value.map(writePickle),
  read(bytes) {
    const first = readPickle(bytes, FILE);
    let written: Uint8Array;
    try {
      written = writePickle(first);
    } catch (error) {
      // A set, or a scalar of what has no form of its own.
      if (error instanceof InputError && error.message.startsWith('cannot write')) return;
      throw error;
    }
    const difference = differs(readPickle(written, 'as it was written'), first);
    if (difference) throw new Error(`what is written of it is read otherwise: ${difference}`);
  },
};

/** Where two values are not the same; null: nowhere. Shared parts may make a tree of a few bytes large, but of bounded size. */
function differs(a: PickleValue | undefined, b: PickleValue | undefined): string | null {
  const each = (as: Iterable<PickleValue>, bs: Iterable<PickleValue>, what: string): string | null => {
    const [listA, listB] = [[...as], [...bs]];
    if (listA.length !== listB.length) return `${what} of ${listA.length}, and of ${listB.length}`;
    for (const [i, item] of listA.entries()) {
      const found = differs(item, listB[i]);
      if (found) return `${what}: ${found}`;
    }
    return null;
  };
  if (a instanceof NumpyDtype && b instanceof NumpyDtype) {
    const ordered = a.size > 1 && a.kind !== 'S';
    return `${a}` === `${b}` && (!ordered || a.littleEndian === b.littleEndian) ? null : `dtypes ${a} and ${b}`;
  }
  if (a instanceof Ndarray && b instanceof Ndarray)
    return (
      differs(a.dtype, b.dtype) ??
      each(a.shape, b.shape, 'a shape') ??
      (a.fortran === b.fortran ? each(a.data, b.data, 'elements') : 'orders')
    );
  if (a instanceof PyObject && b instanceof PyObject)
    return a.name === b.name && a.how === b.how
      ? (each(a.args, b.args, a.name) ?? differs(a.state, b.state))
      : `${a.name} and ${b.name}`;
  if (a instanceof PyGlobal && b instanceof PyGlobal) return a === b ? null : `${a.name} and ${b.name}`;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return each(a, b, 'bytes');
  if (Array.isArray(a) && Array.isArray(b))
    return isTuple(a) === isTuple(b) ? each(a, b, 'items') : 'a tuple and a list';
  if (a instanceof Map && b instanceof Map)
    return each(a.keys(), b.keys(), 'keys') ?? each(a.values(), b.values(), 'values');
  return Object.is(a, b) ? null : `${String(a)} and ${String(b)}`;
}
