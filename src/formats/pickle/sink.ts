/** Bytes that grow as they are written. Integers are little-endian, floats big-endian: pickle's way. */
export class Sink {
  private buffer = new Uint8Array(1024);
  private view = new DataView(this.buffer.buffer);
  private length = 0;

  u8(n: number): void {
    const at = this.reserve(1);
    this.view.setUint8(at, n);
  }

  /** 32 bits, signed or not. */
  i32(n: number): void {
    const at = this.reserve(4);
    this.view.setInt32(at, n, true);
  }

  f64(x: number): void {
    const at = this.reserve(8);
    this.view.setFloat64(at, x, false);
  }

  append(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.buffer.set(bytes, at);
  }

  bytes(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }

  /** Makes room for `size` bytes, which may replace `buffer` and `view`; gives the offset of the first. */
  private reserve(size: number): number {
    const at = this.length;
    this.length += size;
    if (this.length > this.buffer.length) {
      const larger = new Uint8Array(Math.max(2 * this.buffer.length, this.length));
      larger.set(this.buffer);
      this.buffer = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }
}
