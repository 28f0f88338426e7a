// Python's pickle format, protocols 0 to 5, of the original's files: nothing is executed, what a file may name is in globals.ts.
import { refuseForeign } from '../foreign';
import { findGlobal } from './globals';
import { Machine } from './machine';
import { OPCODES } from './opcodes';
import type { PickleValue } from './values';

export { asFloat64, asNdarray, ndarray } from './numpy';
export { asDataFrame, type DataFrame, dataFrame } from './pandas';
export { describe, isTuple, OrderedDict, type PickleValue, PyFloat, PyObject, tuple } from './values';
export { writePickle } from './write';

/**
 * The value of a pickle. Safe on files from strangers: it is a tree without cycles, at most 200 deep, and takes at most 150 MB beside the
 * file; records of plain values, of which annotations consist, somewhat more, in proportion to what the file has of them. Tuples are frozen arrays, dicts Maps, `dataloading.*` annotations `PyObject`s with a dict as `state`.
 * @param file name for messages
 * @throws InputError naming the file, the byte offset of the instruction that failed, and the name that was refused
 * @example
 * readPickle(writePickle(new Map([['epoch', 3]]))) instanceof Map; // true
 */
export function readPickle(bytes: Uint8Array, file = 'pickle data'): PickleValue {
  refuseForeign(bytes, file);
  const machine = new Machine(bytes, 0, { find: findGlobal });
  const value = machine.run(OPCODES, file);
  machine.expectEnd(file);
  return value;
}
