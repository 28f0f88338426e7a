// Reads a pickle as Python's Lib/pickle.py does, but calls nothing: a global is a name in an allow-list or an error.
// Own code, as the npm package pickleparser knows no offsets and no limits, accepts what is truncated, and gets negative longs wrong.
import { InputError } from '../../base/errors';
import { RecordPacker } from './record';
import { scan } from './scan';
import { decodeLatin1 } from './text';
import { checkTree } from './tree';
import { COST, describe, isList, isTuple, type PickleValue, PyGlobal, PyObject, quote, type Spend } from './values';

/** Most bytes of a pickle. AffectNet's annotations (420,000 faces) take 80 MB. */
const MAX_PICKLE_BYTES = 2 ** 30;

/** Python writes no line of a pickle that ends in CR, not even of a text that does. */
const LINE_ENDS_CHANGED =
  'its line ends were changed, as by a transfer in text mode or Git; get it again as a binary file';
/** Of a line that is a name or a number. */
const MAX_LINE = 1 << 20;
const MAX_STACK = 1_000_000;
const MAX_MARKS = 1_000;

export interface PickleOptions {
  /** What an allowed global stands for; undefined refuses it. */
  find(module: string, name: string): PyGlobal | undefined;
  /** What a persistent id stands for; without it there may be none. Throws InputError if it cannot be. */
  persistentLoad?: ((id: PickleValue) => PickleValue) | undefined;
  /** What to do where a name is refused. */
  advice?: string;
}

/** What an instruction does to the machine. */
export type Opcode = (m: Machine) => void;

/** The state of reading one pickle. */
export class Machine {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private stack: PickleValue[] = [];
  private readonly marks: number[] = [];
  /** What is stored and taken out again later; the rest is only counted. */
  private readonly memo = new Map<number, PickleValue>();
  private memoized = 0;
  private used: ReadonlySet<number> = new Set();
  /** Memory that may still be used, in objects of about 50 bytes: in proportion to the file, and never more than 150 MB. */
  private allowance: number;
  private readonly packer = new RecordPacker();
  /** The record that was made last, where, and what was left to use. */
  private begun: { record: PyObject; at: number; allowance: number } | null = null;
  private stopped = false;
  /** Offset of the next byte. */
  at: number;

  constructor(
    bytes: Uint8Array,
    start: number,
    private readonly options: PickleOptions,
  ) {
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = start;
    this.allowance = Math.min(1_000_000 + bytes.length / 4, 3_000_000);
  }

  /** Runs to STOP. Throws InputError with the byte offset of the instruction that failed. `opcodes`: by their byte. */
  run(opcodes: readonly (Opcode | undefined)[], file: string): PickleValue {
    let begin = this.at;
    try {
      if (this.bytes.length > MAX_PICKLE_BYTES) {
        throw new InputError(`expected a pickle of at most ${MAX_PICKLE_BYTES} bytes, found ${this.bytes.length}`);
      }
      this.used = scan(
        this.bytes,
        this.at,
        (code) => opcodes[code] !== undefined,
        (at, message) => {
          begin = at;
          throw new InputError(message);
        },
      );
      while (!this.stopped) {
        begin = this.at;
        const code = this.u8();
        (opcodes[code] as Opcode)(this);
      }
      const value = this.pop();
      this.stack.length = 0;
      this.memo.clear();
      checkTree(value, 1_000_000 + 4 * this.bytes.length);
      return value;
    } catch (error) {
      if (error instanceof InputError) throw new InputError(`${file}: byte ${begin}: ${error.message}`);
      throw error;
    }
  }

  /** Throws InputError if bytes follow the STOP. */
  expectEnd(file: string): void {
    const rest = this.bytes.length - this.at;
    if (rest > 0) throw new InputError(`${file}: byte ${this.at}: expected the end, found ${rest} further bytes`);
  }

  stop(): void {
    this.stopped = true;
  }

  // ---- bytes

  take(length: number): Uint8Array {
    const at = this.pass(length);
    return this.bytes.subarray(at, this.at);
  }

  /** Goes on by `length` bytes; gives where they begin. */
  private pass(length: number): number {
    const left = this.bytes.length - this.at;
    if (length > left) throw new InputError(`expected ${length} further bytes, found ${left}: truncated, or no pickle`);
    this.at += length;
    return this.at - length;
  }

  u8(): number {
    return this.bytes[this.pass(1)];
  }

  u16(): number {
    return this.view.getUint16(this.pass(2), true);
  }

  i32(): number {
    return this.view.getInt32(this.pass(4), true);
  }

  u32(): number {
    return this.i32() >>> 0;
  }

  u64(): number {
    return Number(this.view.getBigUint64(this.pass(8), true));
  }

  f64(): number {
    return this.view.getFloat64(this.pass(8), false);
  }

  /** Text to the next line feed, which is consumed. @param most characters */
  line(most = MAX_LINE): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0) throw new InputError('expected a line that ends, found the end of the file: truncated, or no pickle');
    if (end - this.at > most)
      throw new InputError(`expected a line of at most ${most} bytes, found one of ${end - this.at}`);
    const line = decodeLatin1(this.take(end - this.at));
    this.at++;
    if (line.endsWith('\r')) throw new InputError(`expected a line that ends in LF, found CR LF: ${LINE_ENDS_CHANGED}`);
    return line;
  }

  // ---- stack

  push(value: PickleValue): void {
    if (this.stack.length >= MAX_STACK) throw new InputError(`expected at most ${MAX_STACK} values at a time`);
    this.stack.push(value);
  }

  /** Pushes something that takes memory of its own, `cost` objects' worth. */
  pushNew(value: PickleValue, cost = 1): void {
    this.spend(cost);
    this.push(value);
  }

  pushText(length: number, decode: (bytes: Uint8Array) => string): void {
    const bytes = this.take(length);
    this.spend(COST.text(length));
    this.push(decode(bytes));
  }

  /** A text that is written as a line. */
  pushLine(parse: (line: string) => string): void {
    const length = this.bytes.indexOf(10, this.at) - this.at;
    this.spend(2 * COST.text(length));
    this.push(parse(this.line(length)));
  }

  /** A list or tuple. */
  pushItems(items: readonly PickleValue[]): void {
    this.pushNew(items, COST.list + COST.item * items.length);
  }

  duplicate(): void {
    this.begun = null;
    this.push(this.top());
  }

  readonly spend: Spend = (cost) => {
    this.allowance -= cost;
    if (this.allowance < 0) throw new InputError(`more objects than a file of ${this.bytes.length} bytes should hold`);
  };

  pop(): PickleValue {
    const value = this.stack.length > (this.marks.at(-1) ?? 0) ? this.stack.pop() : undefined;
    if (value === undefined) throw new InputError('expected a value on the stack, found none');
    return value;
  }

  top(): PickleValue {
    const value = this.pop();
    this.stack.push(value);
    return value;
  }

  mark(): void {
    if (this.marks.length >= MAX_MARKS) throw new InputError(`expected nesting of at most ${MAX_MARKS}, found more`);
    this.marks.push(this.stack.length);
  }

  /** The values above the last mark, which goes. */
  popMark(): PickleValue[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw new InputError('expected a mark on the stack, found none');
    return this.stack.splice(mark);
  }

  /** POP takes a value, or a mark with nothing above it. */
  discard(): void {
    if (this.marks.length > 0 && this.marks.at(-1) === this.stack.length) this.marks.pop();
    else this.pop();
  }

  // ---- memo

  put(index: number | bigint): void {
    const most = this.bytes.length;
    if (typeof index !== 'number' || index < 0 || index >= most) {
      throw new InputError(`expected a memo index below ${most}, found ${index}`);
    }
    const value = this.top();
    this.memoized = Math.max(this.memoized, index + 1);
    if (!this.used.has(index)) return;
    this.spend(2);
    this.memo.set(index, value);
    this.begun = null;
  }

  memoize(): void {
    this.put(this.memoized);
  }

  get(index: number | bigint): void {
    const value = typeof index === 'number' ? this.memo.get(index) : undefined;
    if (value === undefined) throw new InputError(`expected something stored as memo ${index}, found nothing`);
    if (isList(value) || value instanceof Map || value instanceof Set || value instanceof PyObject) this.begun = null;
    this.push(value);
  }

  // ---- records

  /**
   * Gives the topmost record its state. A record of plain values that nothing else has a part of is packed: what it was made
   * from is garbage then. As much as it has of the file is free, and of the rest half: 1.2 million faces must be read.
   */
  finish(record: PyObject, state: PickleValue): void {
    record.setState(state);
    const { begun } = this;
    this.begun = null;
    if (begun?.record !== record) return;
    const packed = this.packer.pack(record);
    if (!packed) return;
    this.stack[this.stack.length - 1] = packed.record;
    this.allowance = begun.allowance;
    this.spend(Math.max(0, packed.bytes - (this.at - begun.at)) / 100);
  }

  // ---- globals

  global(module: PickleValue, name: PickleValue): PyGlobal {
    if (typeof module !== 'string' || typeof name !== 'string') {
      throw new InputError(`expected a module and a name, found ${describe(module)} and ${describe(name)}`);
    }
    const found = this.options.find(module, name);
    if (found) return found;
    const full = quote(`${module}.${name}`).slice(1, -1);
    const { advice = '' } = this.options;
    throw new InputError(`refused: it asks for ${full}, which is none of the data types that may stand here${advice}`);
  }

  call(target: PickleValue, args: PickleValue, how: 'new' | 'call'): void {
    if (!(target instanceof PyGlobal)) throw new InputError(`expected a class or function, found ${describe(target)}`);
    if (!isTuple(args))
      throw new InputError(`expected a tuple of arguments for ${target.name}, found ${describe(args)}`);
    const { allowance } = this;
    const value = target.call(args, how, this.spend);
    this.pushNew(value, 4);
    if (value instanceof PyObject && value.args.length === 0) this.begun = { record: value, at: this.at, allowance };
  }

  persistent(id: PickleValue): void {
    const load = this.options.persistentLoad;
    if (!load) throw new InputError(`refused: it refers to an object outside the pickle, ${describe(id)}`);
    this.pushNew(load(id), 4);
  }
}
