import { MachineError } from '../base/errors';

/**
 * The device is gone, by itself or given back with `destroy`: nothing of it can be used any more, only another one opened.
 * @example
 * const other = await openDevice();
 * other.destroy();
 * try {
 *   zeros(other, [1]);
 * } catch (error) {
 *   error instanceof DeviceLost; // true
 * }
 */
export class DeviceLost extends MachineError {
  override name = 'DeviceLost';
}

/**
 * The driver had no memory for what was asked; the device itself lives on.
 * @example
 * async function lossOf(loss: Tensor): Promise<number | null> {
 *   try {
 *     return await loss.item();
 *   } catch (error) {
 *     if (error instanceof OutOfMemory) return null; // again, with a smaller batch
 *     throw error;
 *   }
 * }
 * await lossOf(zeros(device, [1])); // 0
 */
export class OutOfMemory extends MachineError {
  override name = 'OutOfMemory';
}

/** What went wrong on a device. WebGPU says so later and elsewhere: whoever submits or waits next is told. */
export class Faults {
  private error?: Error;
  private causes = false;
  private loss?: string;
  /** Resolves once the device is gone, with what every later use throws. */
  readonly lost: Promise<DeviceLost>;

  constructor(gpu: GPUDevice) {
    gpu.addEventListener('uncapturederror', (e) => {
      const { error } = e as GPUUncapturedErrorEvent;
      this.raise(
        error.constructor.name === 'GPUOutOfMemoryError' ? outOfMemory(error.message) : new Error(error.message),
      );
    });
    this.lost = gpu.lost.then(({ message }) => {
      this.loss ??= `the GPU was lost (${message}): open the device anew`;
      return new DeviceLost(this.loss);
    });
  }

  /** Keeps an error for the next `check`; of several the first, and of those that know the `cause` the first of all. */
  raise(error: Error, cause = false): void {
    if (this.error && (this.causes || !cause)) return;
    this.error = error;
    this.causes = cause;
  }

  /** From now on the device is gone, whatever it says itself. */
  close(): void {
    this.loss ??= 'the device was given back (destroy), and is used afterwards: open it anew';
  }

  /** @throws DeviceLost, now and ever after, once the device is gone. */
  refuseLost(): void {
    if (this.loss !== undefined) throw new DeviceLost(this.loss);
  }

  /** @throws what went wrong since it was asked last. */
  check(): void {
    this.refuseLost();
    const { error } = this;
    this.error = undefined;
    this.causes = false;
    if (error) throw error;
  }

  /** Waits for the GPU. @throws DeviceLost, or what else went wrong, when that is why it fails. */
  async waiting<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      await new Promise((done) => setTimeout(done)); // the loss itself may be told a moment later
      this.check(); // the cause, where it is known
      throw error;
    }
  }
}

/** A buffer; where the driver has no memory for it, `failed` is told. */
export function makeBuffer(
  gpu: GPUDevice,
  descriptor: GPUBufferDescriptor,
  failed: (buffer: GPUBuffer, error: OutOfMemory) => void,
): GPUBuffer {
  gpu.pushErrorScope('out-of-memory');
  const buffer = gpu.createBuffer(descriptor);
  gpu.popErrorScope().then(
    (error) => {
      if (error) failed(buffer, outOfMemory(`${descriptor.label}, ${descriptor.size} bytes: ${error.message}`));
    },
    () => {}, // the device is gone, which others say
  );
  return buffer;
}

const outOfMemory = (what: string): OutOfMemory =>
  new OutOfMemory(`the GPU is out of memory: use a smaller batch or image size (${what})`);
