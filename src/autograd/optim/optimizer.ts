import { InputError } from '../../base/errors';
import type { Device, Storage } from '../../device';
import type { Rates } from '../../kernels/optimizer/rates';
import { applyMoments } from '../moments';
import { wantFloat32 } from '../ops/check';
import { empty, type Tensor } from '../tensor';
import { type Arena, blocks, gradsOf, joined, type Kept, type Neighbours, pack, runOf } from './arena';
import type { Guard } from './guard';

/** Settings that every optimizer has. */
export interface OptimizerOptions {
  /** Learning rate. */
  readonly lr: number;
  /** Default 0 unless the optimizer says otherwise. */
  readonly weightDecay?: number;
}

/** Parameters with settings of their own; what is not given is the optimizer's. */
export type ParameterGroup<O extends OptimizerOptions = OptimizerOptions> = Partial<O> & {
  readonly params: readonly Tensor[];
};

/** A group as it stands. `lr` and `weightDecay` may be changed between steps. */
export interface Group {
  readonly params: readonly Tensor[];
  /** What schedules multiply. */
  readonly initialLr: number;
  lr: number;
  weightDecay: number;
}

/** The groups that an optimizer was given, each with all options; parameters alone are one group. */
export function groupsOf<O extends OptimizerOptions>(
  params: readonly Tensor[] | readonly ParameterGroup<O>[],
  options: O,
): (O & ParameterGroup<O>)[] {
  const given = params.every((p) => 'params' in p)
    ? (params as readonly ParameterGroup<O>[])
    : [{ params: params as readonly Tensor[] }];
  return given.map((g) => ({ ...options, ...g, params: [...g.params] }));
}

/** To be called before parameters are taken over. @throws InputError for a setting that is not as it should be. */
export function expect(
  kind: string,
  settings: Readonly<Record<string, number>>,
  rule: string,
  holds: (v: number) => boolean,
): void {
  for (const [name, v] of Object.entries(settings))
    if (!holds(v)) throw new InputError(`${kind}: ${name} must ${rule}, found ${v}`);
}

/**
 * What all optimizers are: groups of parameters with rates, a state of each parameter by name, and a step that changes all
 * that have a gradient. A parameter without one is skipped wholly.
 *
 * Making one moves the parameters and their gradients into memory of its own (tensors keep working), so that a step is one
 * launch for each run of neighbours that have gradients. A parameter belongs to the optimizer that was made last.
 * @example
 * const [head, body] = [zeros(device, [1], { requiresGrad: true }), zeros(device, [1], { requiresGrad: true })];
 * const optimizer: Optimizer = new SGD([{ params: [head] }, { params: [body], lr: 0.01 }], { lr: 0.1 });
 * optimizer.groups.map((g) => g.lr); // [0.1, 0.01]
 */
export abstract class Optimizer<G extends Group = Group> {
  protected readonly device: Device;
  private readonly arenas = new Map<Storage, Arena>();
  private readonly home = new Map<Tensor, Storage>();
  private readonly rates: Storage;
  /** Parameters that have a state: those that have had a gradient. */
  private readonly moved = new Set<Tensor>();

  /**
   * @param kind its name, for messages
   * @internal
   * @param kept what is kept of each parameter, by names as checkpoints have them
   * @throws InputError for no parameters, one given twice, one that is computed or not f32, and for rates that are no rates.
   */
  protected constructor(
    readonly kind: string,
    readonly groups: readonly G[],
    private readonly kept: Kept,
  ) {
    for (const { lr, weightDecay } of groups) expect(kind, { lr, weightDecay }, 'be 0 or more', (v) => v >= 0);
    const all = this.params;
    if (all.length === 0) throw new InputError(`${kind}: there are no parameters`);
    const seen = new Set<unknown>();
    wantFloat32(kind, ...all);
    for (const p of all) {
      if (!p.value.isLeaf || !p.contiguous)
        throw new InputError(`${kind}: ${p} is no parameter, but computed or a slice`);
      if (seen.has(p.value)) throw new InputError(`${kind}: ${p} was given twice`);
      seen.add(p.value);
    }
    this.device = all[0].device;
    for (const arena of pack(this.device, all, kept)) this.arenas.set(arena.grads, arena);
    for (const p of all) this.home.set(p, p.storage);
    this.rates = this.device.persistent(() => this.device.alloc(groups.length * 16, `${kind}.rates`));
  }

  /** A group's four numbers for the kernel. @internal */
  protected abstract ratesOf(group: G): readonly [number, number, number, number];

  /** Changes a run of parameters. @internal */
  protected abstract move(run: Neighbours, group: G, rates: Rates): void;

  /** Whether the group's parameters have a state. @internal */
  protected abstract keeps(group: G): boolean;

  /** All parameters, group by group. */
  get params(): Tensor[] {
    return this.groups.flatMap((g) => g.params);
  }

  /** The memory that all parameters lie in. @internal */
  get memories(): Storage[] {
    return [...this.arenas.values()].map(({ values }) => values);
  }

  /** The learning rate of the first group. Setting it sets all groups'. */
  get lr(): number {
    return this.groups[0].lr;
  }

  set lr(lr: number) {
    this.touch();
    for (const g of this.groups) g.lr = lr;
  }

  /** A dry run puts back what changes from here on. */
  private touch(): void {
    this.device.rememberState(this, () => {
      const moved = [...this.moved];
      const rates = this.groups.map(({ lr, weightDecay }) => ({ lr, weightDecay }));
      return () => {
        this.moved.clear();
        for (const p of moved) this.moved.add(p);
        for (const [i, g] of this.groups.entries()) Object.assign(g, rates[i]);
      };
    });
  }

  /**
   * Changes every parameter that has a gradient; with a guard unless that refuses the step, in which case nothing changes.
   * @throws Error when another optimizer has taken one over.
   */
  step(guard: Guard | null = null): void {
    const { device, groups, kind, rates } = this;
    for (const [p, storage] of this.home)
      if (p.storage !== storage) throw new Error(`${kind}: ${p} now belongs to an optimizer that was made later`);
    this.touch();
    guard?.judge(this.params);
    applyMoments(device, guard);
    device.upload(rates, new Float32Array(groups.flatMap((g) => [...this.ratesOf(g)])));
    for (const [i, group] of groups.entries()) {
      const ready = group.params.filter((p) => p.requiresGrad && !p.value.gradCovered.empty);
      for (const grad of joined(gradsOf(ready))) {
        const run = runOf(this.arenas.get(grad.whole as Storage) as Arena, grad, this.kept);
        this.move(run, group, { rates, group: i, verdict: guard });
      }
      for (const p of ready) {
        p.value.written(kind, 0, p.value.width);
        if (this.keeps(group)) this.moved.add(p);
      }
    }
  }

  /** The memory of all complete gradients, neighbours together, and whose they are. @internal */
  gradients(): { readonly params: readonly Tensor[]; readonly memories: readonly Storage[] } {
    const params = this.params.filter((p) => p.requiresGrad && !p.value.gradCovered.empty);
    return { params, memories: joined(gradsOf(params)) };
  }

  /** As a backward that has written the gradients of these parameters, and of no others. @internal */
  gradientsWritten(params: readonly Tensor[]): void {
    this.zeroGrad();
    for (const { value } of params) value.gradCovered.add(0, value.width);
  }

  /** Forgets the gradients: the next backward writes, and a parameter that it does not reach is skipped. */
  zeroGrad(): void {
    for (const p of this.params) p.value.dropGrad();
  }

  /** The names of what is kept of a parameter. */
  get stateNames(): string[] {
    return Object.keys(this.kept);
  }

  /** What is kept of a parameter, by name, to be read; null when it has had no gradient yet. */
  state(p: Tensor): Readonly<Record<string, Tensor>> | null {
    const { arena, at } = this.placeOf(p);
    if (!this.moved.has(p)) return null;
    const tensors = Object.entries(this.kept).map(([name, of]): [string, Tensor] => {
      const all = arena.state[name];
      if (of === 'element') return [name, p.over(all.range(at, p.storage.bytes, name))];
      const one = empty(this.device, [], { name });
      this.device.copy(all, one.storage, 4, blocks(at) * 16);
      return [name, one];
    });
    return Object.fromEntries(tensors);
  }

  /** Where what `state` gives lies, by name: in which memory, from which byte on, and how many numbers. */
  places(p: Tensor): Readonly<Record<string, { memory: Storage; at: number; size: number }>> | null {
    const { arena, at } = this.placeOf(p);
    if (!this.moved.has(p)) return null;
    const places = Object.entries(this.kept).map(([name, of]) => {
      const memory = arena.state[name];
      return [name, of === 'element' ? { memory, at, size: p.size } : { memory, at: blocks(at) * 16, size: 1 }];
    });
    return Object.fromEntries(places);
  }

  /**
   * Sets what is kept of a parameter, elements in the logical order of its shape; null: nothing, as at the start.
   * @throws Error for other names or numbers of elements than the state has.
   */
  setState(p: Tensor, state: Readonly<Record<string, Float32Array>> | null): void {
    const { arena, at } = this.placeOf(p);
    const found = Object.keys(state ?? this.kept);
    if (found.length !== this.stateNames.length || found.some((name) => !this.stateNames.includes(name)))
      throw new Error(`${this.kind}: expected ${this.stateNames.join(', ')} of ${p}, found ${found.join(', ')}`);
    for (const [name, data] of Object.entries(state ?? {})) {
      const size = this.kept[name] === 'element' ? p.size : 1;
      if (data.length !== size)
        throw new Error(`${this.kind}: expected ${size} numbers in ${name} of ${p}, found ${data.length}`);
    }
    for (const [name, of] of Object.entries(this.kept)) {
      const [all, data] = [arena.state[name], state?.[name] ?? null];
      if (of === 'element')
        p.over(all.range(at, p.storage.bytes, `${name} of ${p}`)).write(data ?? new Float32Array(p.size));
      else {
        const count = new Float32Array(4 * blocks(p.storage.bytes));
        for (let i = 0; i < count.length; i += 4) count[i] = data?.[0] ?? 0;
        this.device.upload(all, count, blocks(at) * 16);
      }
    }
    this.touch();
    if (state) this.moved.add(p);
    else this.moved.delete(p);
  }

  /** The arena of a parameter, and at which byte it begins there. */
  private placeOf(p: Tensor): { arena: Arena; at: number } {
    const { whole } = this.home.get(p) ?? {};
    const arena = [...this.arenas.values()].find(({ values }) => values === whole);
    if (!whole || !arena) throw new Error(`${this.kind}: ${p} is none of this optimizer's parameters`);
    return { arena, at: (this.home.get(p) as Storage).offset - whole.offset };
  }
}
