import { InputError } from '../../base/errors';
import type { Device, Storage } from '../../device';
import { sgd } from '../../kernels/sgd';
import type { Tensor } from '../tensor';
import { type Arena, gradsOf, joined, pack } from './arena';
import type { GradScaler } from './grad_scaler';

export interface SGDOptions {
  /** Learning rate. */
  readonly lr: number;
  /** Share of the last velocity that stays. Default 0. */
  readonly momentum?: number;
  /** Default 0. */
  readonly weightDecay?: number;
  /** Nesterov's momentum. Default false. */
  readonly nesterov?: boolean;
}

/** Parameters with settings of their own; what is not given is the optimizer's. */
export interface ParameterGroup extends Partial<SGDOptions> {
  readonly params: readonly Tensor[];
}

/** A group as it stands. `lr` and `weightDecay` may be changed between steps. */
export interface Group {
  readonly params: readonly Tensor[];
  readonly momentum: number;
  readonly nesterov: boolean;
  /** What schedules multiply. */
  readonly initialLr: number;
  lr: number;
  weightDecay: number;
}

/**
 * Stochastic gradient descent with momentum, by PyTorch's rule: d = grad + weightDecay * p; velocity = momentum * velocity + d
 * (the first time d); p -= lr * velocity, with `nesterov` lr * (d + momentum * velocity). A parameter without a gradient is
 * skipped wholly.
 *
 * Making one moves the parameters and their gradients into memory of its own (tensors keep working), so that a step is one
 * launch for each run of neighbours that have gradients. A parameter belongs to the optimizer that was made last.
 */
export class SGD {
  readonly groups: readonly Group[];
  private readonly device: Device;
  private readonly arenas = new Map<Storage, Arena>();
  private readonly home = new Map<Tensor, Storage>();
  private readonly rates: Storage;
  /** Parameters that have a velocity: those that have had a gradient. */
  private readonly moved = new Set<Tensor>();

  /** @throws InputError for no parameters, one given twice or one that is computed, and for rates that are no rates. */
  constructor(params: readonly Tensor[] | readonly ParameterGroup[], options: SGDOptions) {
    const given = params.every((p) => 'params' in p) ? (params as ParameterGroup[]) : [{ params: params as Tensor[] }];
    this.groups = given.map((g) => {
      const { lr, momentum = 0, weightDecay = 0, nesterov = false } = { ...options, ...g };
      for (const [name, v] of Object.entries({ lr, momentum, weightDecay }))
        if (!(v >= 0)) throw new InputError(`SGD: ${name} must be 0 or more, found ${v}`);
      if (nesterov && momentum === 0) throw new InputError('SGD: nesterov needs a momentum above 0');
      return { params: [...g.params], lr, initialLr: lr, momentum, weightDecay, nesterov };
    });
    const all = this.params;
    if (all.length === 0) throw new InputError('SGD: there are no parameters');
    const seen = new Set<unknown>();
    for (const p of all) {
      if (!p.value.isLeaf || !p.contiguous) throw new InputError(`SGD: ${p} is no parameter, but computed or a slice`);
      if (seen.has(p.value)) throw new InputError(`SGD: ${p} was given twice`);
      seen.add(p.value);
    }
    this.device = all[0].device;
    for (const arena of pack(this.device, all)) this.arenas.set(arena.grads, arena);
    for (const p of all) this.home.set(p, p.storage);
    this.rates = this.device.persistent(() => this.device.alloc(this.groups.length * 16, 'sgd.rates'));
  }

  /** All parameters, group by group. */
  get params(): Tensor[] {
    return this.groups.flatMap((g) => g.params);
  }

  /** The memory that all parameters lie in. */
  get memories(): Storage[] {
    return [...this.arenas.values()].map(({ values }) => values);
  }

  /** The learning rate of the first group. Setting it sets all groups'. */
  get lr(): number {
    return this.groups[0].lr;
  }

  set lr(lr: number) {
    for (const g of this.groups) g.lr = lr;
  }

  /**
   * Changes every parameter that has a gradient; with a scaler, whose scale the gradients have, if all of them are finite.
   * @throws Error when another optimizer has taken one over.
   */
  step(scaler: GradScaler | null = null): void {
    const { device, rates } = this;
    for (const [p, storage] of this.home)
      if (p.storage !== storage) throw new Error(`SGD: ${p} now belongs to an optimizer that was made later`);
    scaler?.update(this.params);
    device.upload(rates, new Float32Array(this.groups.flatMap((g) => [g.lr, g.momentum, g.weightDecay, 0])));
    for (const [i, group] of this.groups.entries()) {
      const ready = group.params.filter((p) => p.requiresGrad && !p.value.gradCovered.empty);
      for (const grad of joined(gradsOf(ready))) {
        const { values, grads, velocities } = this.arenas.get(grad.whole as Storage) as Arena;
        const at = grad.offset - grads.offset;
        const value = values.range(at, grad.bytes, values.label);
        sgd(
          device,
          { value, grad, velocity: velocities.range(at, grad.bytes, velocities.label) },
          rates,
          i,
          group.nesterov,
          scaler?.storage ?? null,
        );
      }
      if (group.momentum > 0 && device.computing) for (const p of ready) this.moved.add(p);
    }
  }

  /** Forgets the gradients: the next backward writes, and a parameter that it does not reach is skipped. */
  zeroGrad(): void {
    for (const p of this.params) p.value.dropGrad();
  }

  /** The velocity of a parameter (PyTorch's momentum buffer), or null when it has none yet. Can be read and written. */
  velocity(p: Tensor): Tensor | null {
    return this.moved.has(p) ? this.velocityOf(p) : null;
  }

  /** Sets a parameter's velocity, elements in the logical order of its shape; null: it has none, as at the start. */
  setVelocity(p: Tensor, data: Float32Array | null): void {
    this.velocityOf(p).write(data ?? new Float32Array(p.size));
    if (data) this.moved.add(p);
    else this.moved.delete(p);
  }

  private velocityOf(p: Tensor): Tensor {
    const whole = p.value.grad?.whole;
    const arena = whole && this.home.has(p) ? this.arenas.get(whole) : undefined;
    if (!arena) throw new Error(`SGD: ${p} is none of this optimizer's parameters`);
    const { offset, bytes, label } = p.storage;
    return p.over(arena.velocities.range(offset - arena.values.offset, bytes, `velocity:${label}`));
  }
}
