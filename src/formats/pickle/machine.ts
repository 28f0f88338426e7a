// Reads a pickle as Python's Lib/pickle.py does, but calls nothing: a global is a name in an allow-list or an error.
// Own code, as the npm package pickleparser knows no offsets and no limits, accepts what is truncated, and gets negative longs wrong.
import { InputError } from '../../base/errors';
import { decodeLatin1 } from './text';
import { checkTree } from './tree';
import { describe, isTuple, type PickleValue, PyGlobal, quote, type Spend } from './values';

/** Most bytes of a pickle. AffectNet's annotations (420,000 faces) take 80 MB. */
const MAX_PICKLE_BYTES = 2 ** 30;

/** Python writes no line of a pickle that ends in CR, not even of a text that does. */
const LINE_ENDS_CHANGED =
  'its line ends were changed, as by a transfer in text mode or Git; get it again as a binary file';
const MAX_STACK = 1_000_000;
const MAX_MARKS = 1_000;
const MAX_MEMO = 16_000_000;

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
  private readonly memo: PickleValue[] = [];
  /** Memory that may still be used, in objects of about 50 bytes (a dict, an array or a list counts as four): in proportion to the file. */
  private allowance: number;
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
    this.allowance = Math.min(500_000 + bytes.length / 4, 16_000_000);
  }

  /** Runs to STOP. Throws InputError with the byte offset of the instruction that failed. `opcodes`: by their byte. */
  run(opcodes: readonly (Opcode | undefined)[], file: string): PickleValue {
    let begin = this.at;
    try {
      if (this.bytes.length > MAX_PICKLE_BYTES) {
        throw new InputError(`expected a pickle of at most ${MAX_PICKLE_BYTES} bytes, found ${this.bytes.length}`);
      }
      while (!this.stopped) {
        begin = this.at;
        const code = this.u8();
        const opcode = opcodes[code];
        if (!opcode) throw new InputError(`expected a pickle instruction, found byte 0x${code.toString(16)}`);
        opcode(this);
      }
      const value = this.pop();
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
    const left = this.bytes.length - this.at;
    if (length > left) throw new InputError(`expected ${length} further bytes, found ${left}: truncated, or no pickle`);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  u8(): number {
    this.take(1);
    return this.bytes[this.at - 1];
  }

  u16(): number {
    this.take(2);
    return this.view.getUint16(this.at - 2, true);
  }

  i32(): number {
    this.take(4);
    return this.view.getInt32(this.at - 4, true);
  }

  u32(): number {
    return this.i32() >>> 0;
  }

  u64(): number {
    this.take(8);
    return Number(this.view.getBigUint64(this.at - 8, true));
  }

  f64(): number {
    this.take(8);
    return this.view.getFloat64(this.at - 8, false);
  }

  /** Text to the next line feed, which is consumed. */
  line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0) throw new InputError('expected a line that ends, found the end of the file: truncated, or no pickle');
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
    const most = Math.min(this.bytes.length, MAX_MEMO);
    if (typeof index !== 'number' || index < 0 || index >= most) {
      throw new InputError(`expected a memo index below ${most}, found ${index}`);
    }
    this.memo[index] = this.top();
  }

  memoize(): void {
    this.put(this.memo.length);
  }

  get(index: number | bigint): void {
    const value = typeof index === 'number' ? this.memo[index] : undefined;
    if (value === undefined) throw new InputError(`expected something stored as memo ${index}, found nothing`);
    this.push(value);
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
    this.pushNew(target.call(args, how, this.spend), 4);
  }

  persistent(id: PickleValue): void {
    const load = this.options.persistentLoad;
    if (!load) throw new InputError(`refused: it refers to an object outside the pickle, ${describe(id)}`);
    this.pushNew(load(id));
  }
}
