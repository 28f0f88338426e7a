// The instructions of pickle protocols 0 to 5 by their byte, as Lib/pickletools.py describes them.
import { InputError } from '../../base/errors';
import type { Machine, Opcode } from './machine';
import {
  decodeInteger,
  decodeLatin1,
  decodeUtf8,
  parseFloatLine,
  parseInteger,
  parseQuoted,
  parseUnicodeLine,
} from './text';
import { COST, describe, isList, OrderedDict, type PickleValue, PyInstance, PyObject, tuple } from './values';

const EMPTY = tuple();

/** By the instruction's byte; what protocol 0 calls by letter stands as that letter. */
export const OPCODES: (Opcode | undefined)[] = [];

const define = (code: number | string, opcode: Opcode): void => {
  OPCODES[typeof code === 'string' ? code.charCodeAt(0) : code] = opcode;
};

// The frame of it all
define(0x80, protocol); // PROTO
define(0x95, frame); // FRAME
define('.', (m) => m.stop()); // STOP
define('(', (m) => m.mark()); // MARK
define('0', (m) => m.discard()); // POP
define('1', (m) => m.popMark()); // POP_MARK
define('2', (m) => m.duplicate()); // DUP

// The memo
define('p', (m) => m.put(parseInteger(m.line()))); // PUT
define('q', (m) => m.put(m.u8())); // BINPUT
define('r', (m) => m.put(m.u32())); // LONG_BINPUT
define(0x94, (m) => m.memoize()); // MEMOIZE
define('g', (m) => m.get(parseInteger(m.line()))); // GET
define('h', (m) => m.get(m.u8())); // BINGET
define('j', (m) => m.get(m.u32())); // LONG_BINGET

// Constants and numbers
define('N', (m) => m.push(null)); // NONE
define(0x88, (m) => m.push(true)); // NEWTRUE
define(0x89, (m) => m.push(false)); // NEWFALSE
define('I', integerLine); // INT
define('L', (m) => m.pushNew(parseInteger(m.line()))); // LONG
define('F', (m) => m.push(parseFloatLine(m.line()))); // FLOAT
define('J', (m) => m.push(m.i32())); // BININT
define('K', (m) => m.push(m.u8())); // BININT1
define('M', (m) => m.push(m.u16())); // BININT2
define(0x8a, (m) => m.pushNew(decodeInteger(m.take(m.u8())))); // LONG1
define(0x8b, (m) => m.pushNew(decodeInteger(m.take(m.u32())))); // LONG4
define('G', (m) => m.push(m.f64())); // BINFLOAT

// Text and bytes; Python 2's str arrives as Latin-1
define('S', (m) => m.pushLine(parseQuoted)); // STRING
define('T', (m) => m.pushText(m.u32(), decodeLatin1)); // BINSTRING
define('U', (m) => m.pushText(m.u8(), decodeLatin1)); // SHORT_BINSTRING
define('V', (m) => m.pushLine(parseUnicodeLine)); // UNICODE
define('X', (m) => m.pushText(m.u32(), decodeUtf8)); // BINUNICODE
define(0x8c, (m) => m.pushText(m.u8(), decodeUtf8)); // SHORT_BINUNICODE
define(0x8d, (m) => m.pushText(m.u64(), decodeUtf8)); // BINUNICODE8
define('B', (m) => m.pushNew(m.take(m.u32()), 3)); // BINBYTES
define('C', (m) => m.pushNew(m.take(m.u8()), 3)); // SHORT_BINBYTES
define(0x8e, (m) => m.pushNew(m.take(m.u64()), 3)); // BINBYTES8
define(0x96, (m) => m.pushNew(m.take(m.u64()), 3)); // BYTEARRAY8

// Tuples
define(')', (m) => m.push(EMPTY)); // EMPTY_TUPLE
define(0x85, (m) => m.pushItems(tuple(m.pop()))); // TUPLE1
define(0x86, (m) => m.pushItems(pops(m, 2))); // TUPLE2
define(0x87, (m) => m.pushItems(pops(m, 3))); // TUPLE3
define('t', (m) => m.pushItems(Object.freeze(m.popMark()))); // TUPLE

// Lists
define(']', (m) => m.pushItems([])); // EMPTY_LIST
define('l', (m) => m.pushItems(m.popMark())); // LIST
define('a', (m) => append(m, [m.pop()])); // APPEND
define('e', (m) => append(m, m.popMark())); // APPENDS

// Dicts
define('}', (m) => m.pushNew(new Map(), 4)); // EMPTY_DICT
define('d', (m) => m.pushNew(setItems(m, new Map(), m.popMark()), 4)); // DICT
define('s', (m) => setTopItems(m, pops(m, 2))); // SETITEM
define('u', (m) => setTopItems(m, m.popMark())); // SETITEMS

// Sets
define(0x8f, (m) => m.pushNew(new Set(), 4)); // EMPTY_SET
define(0x91, (m) => m.pushNew(addAll(m, new Set(), m.popMark()), 4)); // FROZENSET
define(0x90, addItems); // ADDITEMS

// Objects
define('c', (m) => m.push(m.global(m.line(), m.line()))); // GLOBAL
define(0x93, (m) => m.push(m.global(...(pops(m, 2) as [PickleValue, PickleValue])))); // STACK_GLOBAL
define('R', (m) => call(m, 'call')); // REDUCE
define(0x81, (m) => call(m, 'new')); // NEWOBJ
define(0x92, newObjectWithNames); // NEWOBJ_EX
define('i', (m) => m.call(m.global(m.line(), m.line()), Object.freeze(m.popMark()), 'new')); // INST
define('o', (m) => callMarked(m, m.popMark())); // OBJ
define('b', build); // BUILD

// What lies outside the pickle
define('P', (m) => m.persistent(m.line())); // PERSID
define('Q', (m) => m.persistent(m.pop())); // BINPERSID
for (const code of [0x82, 0x83, 0x84]) define(code, refuse("a code of Python's extension registry")); // EXT1, EXT2, EXT4
for (const code of [0x97, 0x98]) define(code, refuse('a buffer outside the pickle')); // NEXT_BUFFER, READONLY_BUFFER

function protocol(m: Machine): void {
  const version = m.u8();
  if (version > 5) throw new InputError(`expected protocol 0 to 5, found ${version}`);
}

/** A frame only says how many bytes follow for the next instructions. */
function frame(m: Machine): void {
  const length = m.u64();
  const begin = m.at;
  m.take(length);
  m.at = begin;
}

function integerLine(m: Machine): void {
  const line = m.line();
  if (line === '00' || line === '01') m.push(line === '01');
  else m.pushNew(parseInteger(line));
}

/** The topmost `count` values as a tuple, in the order in which they were pushed. */
function pops(m: Machine, count: number): readonly PickleValue[] {
  const values = new Array<PickleValue>(count);
  for (let i = count - 1; i >= 0; i--) values[i] = m.pop();
  return Object.freeze(values);
}

function append(m: Machine, values: readonly PickleValue[]): void {
  const list = m.top();
  if (!isList(list)) throw new InputError(`expected a list to append to, found ${describe(list)}`);
  m.spend(COST.item * values.length);
  for (const value of values) list.push(value);
}

function setTopItems(m: Machine, items: readonly PickleValue[]): void {
  const dict = m.top();
  if (!(dict instanceof Map)) throw new InputError(`expected a dict to add to, found ${describe(dict)}`);
  setItems(m, dict, items);
}

function setItems(
  m: Machine,
  dict: Map<PickleValue, PickleValue>,
  items: readonly PickleValue[],
): Map<PickleValue, PickleValue> {
  if (items.length % 2 !== 0) throw new InputError(`expected keys with values, found ${items.length} values`);
  m.spend((COST.entry * items.length) / 2);
  for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  return dict;
}

function addItems(m: Machine): void {
  const items = m.popMark();
  const set = m.top();
  if (!(set instanceof Set)) throw new InputError(`expected a set to add to, found ${describe(set)}`);
  addAll(m, set, items);
}

function addAll(m: Machine, set: Set<PickleValue>, items: readonly PickleValue[]): Set<PickleValue> {
  m.spend(COST.entry * items.length);
  for (const item of items) set.add(item);
  return set;
}

function call(m: Machine, how: 'new' | 'call'): void {
  const args = m.pop();
  m.call(m.pop(), args, how);
}

function newObjectWithNames(m: Machine): void {
  const names = m.pop();
  if (!(names instanceof Map) || names.size > 0) {
    throw new InputError(`expected no arguments by name, found ${describe(names)}`);
  }
  call(m, 'new');
}

function callMarked(m: Machine, [target = null, ...args]: PickleValue[]): void {
  m.call(target, Object.freeze(args), 'new');
}

function build(m: Machine): void {
  const state = m.pop();
  const target = m.top();
  if (target instanceof PyObject) m.finish(target, state);
  else if (target instanceof PyInstance) target.setState(state, m.spend);
  else if (target instanceof OrderedDict && state instanceof Map) target.attributes = state;
  else {
    throw new InputError(`expected an object that takes a state, found ${describe(target)} and ${describe(state)}`);
  }
}

function refuse(what: string): Opcode {
  return () => {
    throw new InputError(`refused: it refers to ${what}`);
  };
}
