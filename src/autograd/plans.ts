import type { Device, Storage } from '../device';

interface Plan {
  readonly storage: Storage;
  readonly words: Uint32Array;
}

/** What launches over many tensors read, on the device: the i-th of a step is written only where it is not the last step's. */
export class Plans {
  private readonly plans: Plan[] = [];

  constructor(
    private readonly device: Device,
    private readonly name: string,
  ) {}

  /** The memory that holds these words. */
  at(i: number, words: Uint32Array): Storage {
    const { device, plans, name } = this;
    device.rememberState(this, () => {
      const before = [...plans];
      return () => plans.splice(0, plans.length, ...before);
    });
    const plan: Plan | undefined = plans[i]?.storage.alive ? plans[i] : undefined;
    if (plan?.words.length === words.length && plan.words.every((w, k) => w === words[k])) return plan.storage;
    let storage = plan?.storage;
    if (!storage || storage.bytes < words.byteLength) {
      if (storage) device.free(storage);
      const bytes = 2 ** Math.ceil(Math.log2(words.byteLength));
      storage = device.persistent(() => device.alloc(bytes, `${name}.plan`));
    }
    device.upload(storage, words);
    plans[i] = { storage, words };
    return storage;
  }
}
