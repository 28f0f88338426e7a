import {
  activationsObserved,
  empty,
  gradEnabled,
  type Layout,
  readAll,
  runningStatistic,
  storagesIn,
  type Tensor,
} from '../autograd';
import { InputError } from '../base/errors';
import { type Device, Storage } from '../device';
import { type Initialiser, initialise } from './init';

/**
 * A whole number of the state, an int64 in files: batch norm's `num_batches_tracked`.
 * @example
 * const state = new BatchNorm2d(device, 1).namedState();
 * state.get('num_batches_tracked') instanceof Counter; // true
 */
export class Counter {
  /** @param tensor [1], f32 */
  constructor(readonly tensor: Tensor) {}
}

/** Sees every layer's output as it is made: summaries and tests look through it. */
export type Observer = (module: Module, output: Tensor) => void;
let observer: Observer | null = null;

/**
 * Calls `see` for the output of every convolution, linear layer and module call inside `fn`.
 * @example
 * const layer = new Linear(device, 4, 2).initialise(1);
 * const seen: string[] = [];
 * observe((module, output) => seen.push(`${module.kind} ${output.shape}`), () => layer.forward(zeros(device, [1, 4])));
 * seen; // ['Linear 1,2']
 */
export function observe<T>(see: Observer, fn: () => T): T {
  const before = observer;
  observer = see;
  try {
    return fn();
  } finally {
    observer = before;
  }
}

interface Parameter {
  readonly tensor: Tensor;
  readonly init: Initialiser;
}

/**
 * A layer or network. Names are PyTorch's: parameters and buffers carry the names of its `state_dict`, and come in its
 * order (own parameters, own buffers, then children in the order in which they were made).
 * @example
 * class Net extends Module {
 *   private readonly hidden = this.child('hidden', new Linear(this.device, 2, 8));
 *   private readonly out = this.child('out', new Linear(this.device, 8, 1));
 *
 *   forward(x: Tensor): Tensor {
 *     return this.run(() => this.out.forward(relu(this.hidden.forward(x))));
 *   }
 * }
 * const net = new Net(device).initialise(1);
 * net.forward(zeros(device, [4, 2])).shape; // [4, 1]
 * [...(await net.stateDict()).keys()]; // ['hidden.weight', 'hidden.bias', 'out.weight', 'out.bias']
 */
export abstract class Module {
  training = true;
  private frozen = false;
  private readonly ownParameters = new Map<string, Parameter>();
  private readonly ownBuffers = new Map<string, Tensor | Counter>();
  private readonly children = new Map<string, Module>();

  constructor(readonly device: Device) {}

  /** Registers a trainable tensor, undefined until `initialise` or `loadStateDict`. */
  protected parameter(name: string, shape: readonly number[], init: Initialiser, layout?: Layout): Tensor {
    const tensor = this.device.persistent(() => empty(this.device, shape, { name, layout, requiresGrad: true }));
    this.ownParameters.set(name, { tensor, init });
    return tensor;
  }

  /** Registers a tensor that is part of the state but gets no gradient. */
  protected buffer(name: string, tensor: Tensor, fill: number): Tensor {
    tensor.write(new Float32Array(tensor.size).fill(fill));
    this.ownBuffers.set(name, tensor);
    return tensor;
  }

  protected counter(name: string): Counter {
    const counter = new Counter(runningStatistic(this.device, 1, name));
    counter.tensor.write(Float32Array.of(0));
    this.ownBuffers.set(name, counter);
    return counter;
  }

  protected child<M extends Module>(name: string, module: M): M {
    this.children.set(name, module);
    return module;
  }

  /** To be called before fields of this module change: a dry run puts them back. */
  protected touch(): void {
    if (this.device.computing) return;
    this.device.rememberState(this, () => {
      const fields = { ...this };
      return () => void Object.assign(this, fields);
    });
  }

  /** Runs `compute`; without gradients all that it made but its result goes back to the pool. */
  protected run<T>(compute: () => T): T {
    const result = gradEnabled() ? compute() : this.device.scope(compute, (r) => storagesIn(r));
    return result;
  }

  /** The layers one after the other; without gradients each result goes back to the pool once the next has read it. */
  protected chain(layers: readonly { forward(x: Tensor): Tensor }[], x: Tensor): Tensor {
    const first = Storage.count;
    return layers.reduce((y, layer) => {
      const next = layer.forward(y);
      const { storage } = y;
      // A layer may return what it was given, or a view of it, or what was there before, such as a parameter.
      const done = storage.number >= first && storage !== next.storage && !storage.retained;
      if (done && !gradEnabled()) this.device.free(storage);
      return next;
    }, x);
  }

  /** Without gradients: gives back what this layer made and nothing reads any more. */
  protected done(...tensors: readonly Tensor[]): void {
    if (gradEnabled()) return;
    for (const { storage } of tensors) if (!storage.retained) this.device.free(storage);
  }

  /** Whether nobody wants what lies between a layer and the activation behind it: neither gradients nor those who look on. */
  protected get unseen(): boolean {
    return !gradEnabled() && observer === null && !activationsObserved();
  }

  /** Tells an observer of this layer's output. */
  see(output: Tensor): Tensor {
    observer?.(this, output);
    return output;
  }

  /** What this layer is, for people: its class, with what tells it from others of its kind. */
  get kind(): string {
    return this.constructor.name;
  }

  /** Multiply-adds of one forward pass that made `output`, as they are carried out. */
  multiplyAdds(_output: Tensor): number {
    return 0;
  }

  /** This module and all below it, with their dotted names. */
  *namedModules(prefix = ''): Generator<[string, Module]> {
    yield [prefix, this];
    for (const [name, m] of this.children) yield* m.namedModules(prefix ? `${prefix}.${name}` : name);
  }

  /** All trainable tensors, in PyTorch's order. */
  *namedParameters(): Generator<[string, Tensor]> {
    for (const [prefix, m] of this.namedModules())
      for (const [name, p] of m.ownParameters) yield [prefix ? `${prefix}.${name}` : name, p.tensor];
  }

  parameters(): Tensor[] {
    return [...this.namedParameters()].map(([, t]) => t);
  }

  /** Parameters and buffers by their PyTorch names, in PyTorch's order. */
  namedState(): Map<string, Tensor | Counter> {
    const state = new Map<string, Tensor | Counter>();
    for (const [prefix, m] of this.namedModules()) {
      const full = (name: string): string => (prefix ? `${prefix}.${name}` : name);
      for (const [name, p] of m.ownParameters) state.set(full(name), p.tensor);
      for (const [name, b] of m.ownBuffers) state.set(full(name), b);
    }
    return state;
  }

  /** Sets the mode of this module and all below it; frozen ones stay in evaluation mode. */
  train(on = true): this {
    for (const [, m] of this.namedModules()) {
      m.touch();
      m.training = on && !m.frozen;
    }
    return this;
  }

  /** Takes this module and all below it out of training: no gradients, and running statistics that stay. */
  freeze(): void {
    for (const [, m] of this.namedModules()) {
      m.touch();
      m.frozen = true;
      m.training = false;
      for (const p of m.ownParameters.values()) p.tensor.requiresGrad = false;
    }
  }

  eval(): this {
    return this.train(false);
  }

  /** Fills every parameter by its layer's rule with random numbers that depend on `seed` and its name alone. */
  initialise(seed: number): this {
    for (const [prefix, m] of this.namedModules())
      for (const [name, { tensor, init }] of m.ownParameters)
        if (init.kind !== 'given')
          tensor.write(initialise(init, tensor.shape, prefix ? `${prefix}.${name}` : name, seed));
    return this;
  }

  /** Called with the numbers of a tensor of this module's own that was loaded. */
  protected loaded(_name: string, _data: Float32Array): void {}

  /** The numbers of every entry: float32 tensors, and counters. */
  stateDict(): Promise<Map<string, StateEntry>> {
    return readState(this.namedState());
  }

  /**
   * Loads every entry by its name.
   * @throws InputError naming the first entry that is missing, left over, or of another shape; then nothing was changed.
   */
  loadStateDict(entries: ReadonlyMap<string, StateEntry>, from = 'state dict'): void {
    const state = this.namedState();
    for (const name of entries.keys())
      if (!state.has(name))
        throw new InputError(`${from}: it has ${name}, this model does not: is it another model's?`);
    for (const [name, t] of state) {
      const entry = entries.get(name);
      const shape = t instanceof Counter ? [] : t.shape;
      if (!entry) throw new InputError(`${from}: ${name} is missing`);
      if (entry.shape.join('x') !== shape.join('x') && !(t instanceof Counter && entry.data.length === 1))
        throw new InputError(`${from}: ${name} is ${entry.shape.join('x')}, this model wants ${shape.join('x')}`);
    }
    for (const [prefix, m] of this.namedModules()) {
      m.touch();
      const own: [string, Tensor | Counter][] = [
        ...[...m.ownParameters].map(([n, p]): [string, Tensor] => [n, p.tensor]),
        ...m.ownBuffers,
      ];
      for (const [name, t] of own) {
        const { data } = entries.get(prefix ? `${prefix}.${name}` : name) as StateEntry;
        if (t instanceof Counter) t.tensor.write(Float32Array.of(Number(data[0])));
        else {
          const numbers = data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number>, Number);
          t.write(numbers);
          m.loaded(name, numbers);
        }
      }
    }
  }
}

/** The numbers of tensors and counters, as they are now: all in one read. */
export async function readState(state: ReadonlyMap<string, Tensor | Counter>): Promise<Map<string, StateEntry>> {
  const numbers = await readAll([...state.values()].map((t) => (t instanceof Counter ? t.tensor : t)));
  return new Map(
    [...state].map(([name, t], i): [string, StateEntry] =>
      t instanceof Counter
        ? [name, { shape: [], data: BigInt64Array.of(BigInt(numbers[i][0])) }]
        : [name, { shape: t.shape, data: numbers[i] }],
    ),
  );
}

export interface StateEntry {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | BigInt64Array;
}
