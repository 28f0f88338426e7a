import { type Device, defineKernel } from '../../src/device';
import { Operands, type Work } from '../works';
import doubleSource from './double.wgsl';
import multiplySource from './multiply.wgsl';

const multiply = defineKernel('naive.multiply', multiplySource);
const double = defineKernel('naive.double', doubleSource);

const SIZE = 128;
const NUMBERS = 1 << 18;

/** A fixed naive kernel, slow on a slow machine and in its slow hours. */
export interface Yardstick {
  readonly run: () => void;
  readonly flop: number;
  readonly bytes: number;
}

/** Naive kernels to measure others by: one of arithmetic, one of memory. */
export class Yardsticks {
  private readonly operands: Operands;
  private readonly arithmetic: Yardstick;
  private readonly memory: Yardstick;

  constructor(device: Device) {
    const o = new Operands(device);
    this.operands = o;
    const square = [SIZE, SIZE];
    const buffers = { a: o.input(square, 0).storage, b: o.input(square, 1).storage, c: o.output(square).storage };
    const tiles = [SIZE / 8, SIZE / 8] as const;
    const run = (): void => device.dispatch(multiply, { buffers, constants: { SIZE }, workgroups: tiles });
    this.arithmetic = { run, flop: 2 * SIZE ** 3, bytes: 0 };
    const [x, y] = [o.input([NUMBERS], 2).storage, o.output([NUMBERS]).storage];
    const copy = (): void => device.dispatch(double, { buffers: { x, y }, workgroups: [NUMBERS / 64] });
    this.memory = { run: copy, flop: 0, bytes: 8 * NUMBERS };
  }

  /** The one that is bound by the same as `work`. */
  for(work: Pick<Work, 'flop'>): Yardstick {
    return work.flop > 0 ? this.arithmetic : this.memory;
  }

  free(): void {
    this.operands.free();
  }
}

/** How many times the yardstick's rate a work reaches in `ms`, the yardstick having taken `yardMs`. */
export function ratio(work: { flop: number; bytes: number }, ms: number, yard: Yardstick, yardMs: number): number {
  return yard.flop > 0 ? work.flop / ms / (yard.flop / yardMs) : work.bytes / ms / (yard.bytes / yardMs);
}
