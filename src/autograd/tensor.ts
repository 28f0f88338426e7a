import { InputError } from '../base/errors';
import type { Device, Storage } from '../device';
import { BYTES, type DType, type Matrix } from '../kernels/launch/matrix';
import { reduce } from '../kernels/reduce';
import { type Layout, logicalToMemory, memoryToLogical } from './layout';
import { Value } from './value';

export interface TensorOptions {
  readonly requiresGrad?: boolean;
  readonly layout?: Layout;
  /** How elements lie in memory: f32 unless told otherwise. f16 wants an adapter with `shader-f16`. */
  readonly dtype?: DType;
  readonly name?: string;
}

/**
 * A view of a value. `shape` is PyTorch's (NCHW, OIHW); `layout` says how the elements lie in memory:
 * - `plain`: row-major, contiguous;
 * - `rows`: one row of channels a pixel (N, then H, then W), `stride` elements from row to row, starting at `offset`:
 *   activations [N, C, H, W] and matrices [N, C];
 * - `taps`: convolution weights [O, I, KH, KW] as [tap][I][O].
 */
export class Tensor {
  /** @internal */
  constructor(
    /** @internal */
    readonly value: Value,
    readonly shape: readonly number[],
    readonly layout: Layout,
    /** @internal */
    readonly offset: number,
    /** @internal */
    readonly stride: number,
    public name: string = '',
  ) {}

  get device(): Device {
    return this.value.device;
  }

  get dtype(): DType {
    return this.value.dtype;
  }

  /** The memory, as a kernel's `buffers` take it: elements as `layout` says, from the first on where the tensor is `contiguous`. */
  get storage(): Storage {
    const { storage } = this.value;
    storage.pending?.();
    return storage;
  }

  get requiresGrad(): boolean {
    return this.value.requiresGrad;
  }

  set requiresGrad(on: boolean) {
    if (!this.value.isLeaf)
      throw new Error(`${this}: only a leaf can be told to require a gradient; detach() it first`);
    this.value.touch();
    this.value.requiresGrad = on;
  }

  get size(): number {
    return numel(this.shape);
  }

  /** Pixels (or matrix rows) of a `rows` tensor. @internal */
  get rows(): number {
    return this.layout === 'rows' ? this.size / this.shape[1] : 1;
  }

  /** True when the elements fill the memory without gaps. */
  get contiguous(): boolean {
    return this.layout !== 'rows' || (this.offset === 0 && this.stride === this.shape[1]);
  }

  /** The columns of the value that this view covers. @internal */
  get columns(): [number, number] {
    if (this.size === this.value.rows * this.value.width) return [0, this.value.width];
    return [this.offset, this.offset + this.shape[1]];
  }

  /** The gradient, of the same shape and layout, or null when nothing has written one. */
  get grad(): Tensor | null {
    const { grad, gradCovered } = this.value;
    const [from, to] = this.columns;
    if (!grad || gradCovered.missing(from, to).length > 0) return null;
    return this.over(grad);
  }

  /** The same view of other memory. @internal */
  over(storage: Storage): Tensor {
    const value = new Value(this.device, storage, this.value.rows, this.value.width, this.dtype);
    return new Tensor(value, this.shape, this.layout, this.offset, this.stride, storage.label);
  }

  /** The same memory under another shape of the same number of elements; the gradient is shared. @internal */
  view(shape: readonly number[], layout: Layout, stride = this.stride): Tensor {
    return new Tensor(this.value, shape, layout, this.offset, stride, this.name);
  }

  /** The same memory, cut off from the graph; it lives on when backward frees the original's graph. */
  detach(): Tensor {
    this.retain();
    const { rows, width, contents } = this.value;
    const value = new Value(this.device, this.storage, rows, width, this.dtype, contents);
    return new Tensor(value, this.shape, this.layout, this.offset, this.stride, this.name);
  }

  /** Keeps the memory when backward would free it after its last use; it still ends with the step. */
  retain(): this {
    this.value.touch();
    this.storage.retained = true;
    return this;
  }

  /**
   * Calls `fn` once in every backward that reaches these elements, with their whole gradient, however they were used: as they
   * are, by views and slices, several times. It is 0 where nothing used them, and a leaf's is what has been added up so far.
   * Read or use it inside `fn`: its memory may be another's afterwards. Dry runs do not call it.
   */
  onGrad(fn: (grad: Tensor) => void): void {
    const { value } = this;
    const [from, to] = this.columns;
    value.touch();
    value.hooks = [...value.hooks, { from, to, tell: (grad) => fn(this.over(grad)) }];
  }

  /** Reads the elements in the logical order of `shape`. */
  async data(): Promise<Float32Array> {
    return (await readAll([this]))[0];
  }

  /** Reads the only element. @throws Error when there is more than one. */
  async item(): Promise<number> {
    if (this.size !== 1) throw new Error(`item() of ${this}: expected one element, found ${this.size}`);
    return (await this.data())[0];
  }

  /**
   * Overwrites the elements with `data`, given in the logical order of `shape`.
   * @throws Error for a slice, for another number of elements, for integers in place of floats or the other way round, and for what an operation made whose backward is still to come.
   */
  write(data: Float32Array | Uint32Array): void {
    if (data.length !== this.size)
      throw new Error(`write to ${this}: expected ${this.size} elements, found ${data.length}`);
    if (data instanceof Uint32Array !== (this.dtype === 'u32'))
      throw new Error(`write to ${this}: it is of type ${this.dtype}, found a ${data.constructor.name}`);
    if (!this.contiguous) throw new Error(`write to ${this}: it is a slice; write the whole`);
    this.value.written('write', 0, this.value.width);
    const memory = logicalToMemory(data, this.shape, this.layout);
    if (this.dtype !== 'f16') this.device.upload(this.storage, memory);
    else {
      const wide = this.device.alloc(memory.byteLength, `${this.storage.label}.f32`);
      this.device.upload(wide, memory);
      convert(this.value, wide, 'from');
      this.device.free(wide);
    }
  }

  toString(): string {
    return `${this.name || 'tensor'}[${this.shape.join('x')}]`;
  }

  /** What console.log shows: shape, layout and state, never the elements. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const notes = [
      this.layout,
      this.dtype === 'f32' ? '' : this.dtype,
      this.contiguous ? '' : `slice at ${this.offset} of rows of ${this.stride}`,
      this.requiresGrad ? 'requires grad' : '',
      this.value.producers.at(-1) ? `from ${this.value.producers.at(-1)?.node.name}` : '',
      this.storage.alive ? '' : 'gone',
    ].filter(Boolean);
    return `Tensor ${this.toString()} (${notes.join(', ')})`;
  }
}

/**
 * Reads several tensors of one device in one go, each in the logical order of its shape.
 * @example
 * const [a, b] = await readAll([tensor(device, [1], [1]), tensor(device, [2], [1])]);
 * [a[0], b[0]]; // [1, 2]
 */
export async function readAll(tensors: readonly Tensor[]): Promise<Float32Array[]> {
  if (tensors.length === 0) return [];
  const { device } = tensors[0];
  const storages = tensors.map((t) => {
    if (t.dtype !== 'f16') return t.storage;
    const wide = device.alloc(t.value.rows * t.value.width * 4, `${t.storage.label}.f32`);
    convert(t.value, wide, 'to');
    return wide;
  });
  const read = device.readAll(storages);
  storages.forEach((s, i) => {
    if (s !== tensors[i].storage) device.free(s);
  });
  const raw = await read;
  return tensors.map((t, i) => {
    const all = t.dtype === 'u32' ? Float32Array.from(new Uint32Array(raw[i])) : new Float32Array(raw[i]);
    return memoryToLogical(all, t.shape, t.layout, t.offset, t.stride);
  });
}

/** Copies a value of f16 to or from memory of f32. */
function convert({ device, storage, rows, width }: Value, wide: Storage, direction: 'to' | 'from'): void {
  const half = { storage, offset: 0, dtype: 'f16' } as const;
  const full = { storage: wide, offset: 0, dtype: 'f32' } as const;
  const [x, y] = direction === 'to' ? [half, full] : [full, half];
  reduce(device, { x, y, kept: [{ size: rows * width, strides: [1, 1] }], accumulate: false });
}

/** A tensor as kernels see it: `rows` rows of `channels` elements. Plain tensors and weights are one row. */
export function matrixOf(t: Tensor): Matrix {
  const { storage, offset, dtype, size } = t;
  if (t.layout !== 'rows') return { storage, offset, dtype, rows: 1, channels: size, stride: size };
  const channels = t.shape[1];
  return { storage, offset, dtype, rows: size / channels, channels, stride: t.stride };
}

export function numel(shape: readonly number[]): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/**
 * A new tensor with the given elements, in the logical order of `shape`.
 * @param data Float32Array (or numbers) for `f32` and `f16`, Uint32Array for `u32` (labels, indices).
 * @throws InputError when the number of elements is not the shape's.
 * @example
 * const x = tensor(device, [1, 2, 3, 4, 5, 6], [2, 3], { requiresGrad: true });
 * x.shape; // [2, 3]
 * await x.data(); // [1, 2, 3, 4, 5, 6]
 */
export function tensor(
  device: Device,
  data: Float32Array | Uint32Array | readonly number[],
  shape: readonly number[],
  options: TensorOptions = {},
): Tensor {
  const typed = data instanceof Uint32Array || data instanceof Float32Array ? data : Float32Array.from(data);
  if (typed.length !== numel(shape))
    throw new InputError(`tensor ${shape.join('x')}: expected ${numel(shape)} elements, found ${typed.length}`);
  const t = empty(device, shape, { ...options, dtype: typed instanceof Uint32Array ? 'u32' : options.dtype });
  t.write(typed);
  return t;
}

/**
 * A new tensor with undefined content. Layout: `rows` for rank 2 and 4 unless told otherwise, else `plain`.
 * @example
 * const x = empty(device, [2, 2]);
 * x.write(Float32Array.of(1, 2, 3, 4));
 * await x.data(); // [1, 2, 3, 4]
 */
export function empty(device: Device, shape: readonly number[], options: TensorOptions = {}): Tensor {
  const { layout = shape.length === 2 || shape.length === 4 ? 'rows' : 'plain', dtype = 'f32', name = '' } = options;
  if (shape.some((n) => !Number.isInteger(n) || n < 1))
    throw new Error(`a tensor cannot have shape ${shape.join('x')}`);
  if (layout === 'rows' && shape.length !== 2 && shape.length !== 4)
    throw new Error(`layout rows wants [N, C] or [N, C, H, W], found ${shape.join('x')}`);
  if (layout === 'taps' && shape.length !== 4)
    throw new Error(`layout taps wants [O, I, KH, KW], found ${shape.join('x')}`);
  if (dtype === 'f16' && !device.features.has('shader-f16'))
    throw new InputError('this adapter has no f16 (shader-f16): use f32');
  const size = numel(shape);
  const width = layout === 'rows' ? shape[1] : size;
  const storage = device.alloc(size * BYTES[dtype], `${name || 'tensor'}:${shape.join('x')}`);
  const value = new Value(device, storage, size / width, width, dtype);
  value.outlivesStep = !device.scoped;
  value.requiresGrad = options.requiresGrad ?? false;
  return new Tensor(value, shape, layout, 0, width, name);
}

/**
 * A new tensor of zeros.
 * @example
 * await zeros(device, [3]).data(); // [0, 0, 0]
 */
export function zeros(device: Device, shape: readonly number[], options: TensorOptions = {}): Tensor {
  const t = empty(device, shape, options);
  device.clear(t.storage);
  return t;
}
