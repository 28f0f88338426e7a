// A tensor as PyTorch stores it: sizes and strides over a storage, which several tensors may share.
import { InputError } from '../../base/errors';
import { PyInstance } from '../pickle/values';
import { DTYPES, type Dtype, type StoredTensor } from '../safetensors';

/** The bytes that storages are views of. A legacy file brings them after everything else. */
export interface Bytes {
  readonly size: number;
  data?: Uint8Array;
}

/** A run of elements of one dtype. */
export class TorchStorage extends PyInstance {
  constructor(
    readonly dtype: Dtype,
    readonly length: number,
    readonly bytes: Bytes,
    /** Bytes before the first element. */
    readonly begin = 0,
  ) {
    super();
  }

  /** The same bytes as elements of another dtype. @throws InputError if they are no whole number of them */
  as(dtype: Dtype): TorchStorage {
    const size = this.length * DTYPES[this.dtype].size;
    const length = size / DTYPES[dtype].size;
    if (Number.isInteger(length)) return new TorchStorage(dtype, length, this.bytes, this.begin);
    throw new InputError(`expected a whole number of ${dtype}, found ${size} bytes`);
  }
}

/** What the tensors of a file may take: shared storages and strides of 0 make much of little. */
export class Room {
  private readonly most: number;
  private left: number;

  /** @param file before messages; none where they get it later */
  constructor(
    bytes: Uint8Array,
    private readonly file?: string,
  ) {
    this.most = Math.max(bytes.length + 2 ** 26, 2 ** 27);
    this.left = this.most;
  }

  /** @throws InputError if they do not fit */
  take(bytes: number): void {
    this.left -= bytes;
    if (this.left >= 0) return;
    const where = this.file === undefined ? '' : `${this.file}: `;
    throw new InputError(`${where}expected tensors of at most ${this.most} bytes in this file, found more`);
  }
}

/** A view of a storage: the element at index i lies at `offset` + sum of i[d] stride[d]. */
export class TorchTensor extends PyInstance {
  readonly shape: readonly number[];
  readonly stride: readonly number[];

  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    shape: readonly number[],
    stride: readonly number[],
  ) {
    super();
    // Copies: a file may go on to change a list.
    this.shape = [...shape];
    this.stride = [...stride];
    const { length } = storage;
    const sizes = [offset, ...shape, ...stride];
    if (shape.length !== stride.length || shape.length > 64 || !sizes.every((n) => Number.isSafeInteger(n) && n >= 0)) {
      throw new InputError(`expected a tensor's offset, sizes and strides from 0, found ${this}`);
    }
    const last = shape.reduce((at, n, d) => at + (n - 1) * stride[d], offset);
    if (this.size > 0 && last >= length) {
      throw new InputError(`expected a tensor within its storage of ${length} elements, found ${this}`);
    }
  }

  /** Number of elements. */
  get size(): number {
    return this.shape.reduce((n, s) => n * s, 1);
  }

  /** Bytes that its elements take in memory. */
  get wide(): number {
    return this.size * DTYPES[this.storage.dtype].wide;
  }

  override toString(): string {
    return `offset ${this.offset}, sizes [${this.shape}], strides [${this.stride}]`;
  }

  /** Its elements in row-major order, copied; once for each of its names. @throws InputError if there is no room for them */
  read(room?: Room): StoredTensor {
    room?.take(this.wide);
    const { dtype, bytes, begin } = this.storage;
    const width = DTYPES[dtype].size;
    const source = (bytes.data as Uint8Array).subarray(begin + this.offset * width);
    const out = new Uint8Array(this.size * width);
    if (this.contiguous) out.set(source.subarray(0, out.length));
    else this.gather(source, out, width);
    return { dtype, shape: [...this.shape], data: DTYPES[dtype].decode(out.buffer) };
  }

  private get contiguous(): boolean {
    let expected = 1;
    for (let d = this.shape.length - 1; d >= 0; d--) {
      if (this.shape[d] !== 1 && this.stride[d] !== expected) return false;
      expected *= this.shape[d];
    }
    return true;
  }

  private gather(source: Uint8Array, out: Uint8Array, width: number): void {
    const { shape, stride } = this;
    const index = shape.map(() => 0);
    let at = 0;
    for (let to = 0; to < out.length; to += width) {
      for (let b = 0; b < width; b++) out[to + b] = source[at * width + b];
      for (let d = shape.length - 1; d >= 0; d--) {
        at += stride[d];
        if (++index[d] < shape[d]) break;
        at -= index[d] * stride[d];
        index[d] = 0;
      }
    }
  }
}
