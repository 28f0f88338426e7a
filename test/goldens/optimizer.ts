// The optimizer over the gradients that a fixture gives step by step.
import { Adam, AdamW, backward, mul, type Optimizer, SGD, step, sum, type Tensor, tensor } from '../../src/autograd';
import type { Device } from '../../src/device';
import { rateFactor } from '../../src/train/settings/rate';
import { type Check, compareStored, failure } from './compare';
import type { Fixture, Input } from './fixture';
import { compareResults, type Result } from './results';

/** What else a group of parameters may say, as PyTorch calls it. */
interface Settings {
  readonly lr?: number;
  readonly momentum?: number;
  readonly weight_decay?: number;
  readonly nesterov?: boolean;
  readonly betas?: readonly [number, number];
  readonly eps?: number;
}

const OPTIMIZERS = { sgd: SGD, adam: Adam, adamw: AdamW } as const;
const UNKNOWN = ['dampening', 'maximize', 'amsgrad'];

export const isOptimizer = (op: string): op is keyof typeof OPTIMIZERS => Object.hasOwn(OPTIMIZERS, op);

/** What is given of the settings, by this engine's names. */
function optionsOf({ weight_decay, ...rest }: Settings) {
  return { ...rest, ...(weight_decay === undefined ? {} : { weightDecay: weight_decay }) };
}

/**
 * Parameters `in.p`, gradients `in.grad.p` [steps, ...], settings of single parameters `attr.groups`; results `out.p` [steps, ...] and
 * what is kept of each parameter, `out.momentum.p`, `out.exp_avg.p`, `out.exp_avg_sq.p`, `out.step.p`.
 */
export async function checkOptimizer(device: Device, fixture: Fixture): Promise<Check[]> {
  const { op } = fixture;
  if (!isOptimizer(op)) throw new Error(`no optimizer: ${op}`);
  for (const unknown of UNKNOWN) {
    if (fixture.attr<number | boolean>(unknown, 0)) throw new Error(`${op} has no ${unknown}`);
  }
  const names = fixture.inputs().filter((name) => !name.startsWith('grad.'));
  const grads = new Map(fixture.inputs('in.grad.').map((name) => [name, fixture.input(`in.grad.${name}`)]));
  const missing = fixture.attr<Record<string, number[] | 'all'>>('missing', {});
  const groups = fixture.attr<Record<string, Settings>>('groups', {});
  const steps = Math.max(...[...grads.values()].map((g) => g.shape[0]));
  const params = new Map<string, Tensor>();
  for (const name of names) {
    const { shape, data } = fixture.input(`in.${name}`);
    params.set(name, tensor(device, data, shape, { name, requiresGrad: true }));
  }
  const all: Record<string, unknown> = {};
  for (const key of ['lr', 'momentum', 'weight_decay', 'nesterov', 'betas', 'eps']) {
    const value = fixture.json(`attr.${key}`);
    if (value !== undefined) all[key] = value;
  }
  const own = [...params].map(([name, p]) => ({ params: [p], ...optionsOf(groups[name] ?? {}) }));
  const options = { lr: fixture.number('attr.lr'), ...optionsOf(all) };
  const optimizer = new OPTIMIZERS[op](Object.keys(groups).length > 0 ? own : [...params.values()], options);
  const setRate = schedule(fixture, optimizer);

  const history = new Map(names.map((name) => [name, [] as Float32Array[]]));
  const rates: number[] = [];
  for (let s = 0; s < steps; s++) {
    setRate(s);
    rates.push(optimizer.lr);
    step(device, () => {
      optimizer.zeroGrad();
      for (const [name, p] of params) {
        const gap = missing[name];
        const all = grads.get(name);
        // d/dp of the sum of p * g is g, to the bit.
        if (all && gap !== 'all' && !gap?.includes(s)) backward(sum(mul(p, slice(device, all, s))));
      }
      optimizer.step();
    });
    for (const [name, p] of params) history.get(name)?.push(await p.data());
  }

  const checks: Check[] = [];
  const results = new Map<string, Result>();
  for (const [name, p] of params) {
    const rows = history.get(name) ?? [];
    results.set(`out.${name}`, { shape: [steps, ...p.shape], data: Float32Array.from(rows.flatMap((r) => [...r])) });
    const state = optimizer.state(p);
    if (missing[name] === 'all' && state)
      checks.push(failure(`out.${name}`, 'it has a state, though it never had a gradient'));
    for (const [key, t] of Object.entries(state ?? {}))
      results.set(`out.${key}.${name}`, { shape: t.shape, data: await t.data() });
  }
  const expected = fixture.json<number[]>('attr.rates');
  const exact = { factor: 0, floor: 1e-12 };
  if (expected) checks.push(compareStored('attr.rates', rates, expected, { relL2: 0, maxAbs: 0 }, exact));
  return [...checks, ...compareResults(fixture, results)];
}

/** Schedule step where the file has a step size, else the file's own list of rates, else one rate. */
function schedule(fixture: Fixture, optimizer: Optimizer): (s: number) => void {
  const stepSize = fixture.json<number>('attr.step_size');
  if (stepSize !== undefined) {
    const args = { schedule: 'step', step_size: stepSize, gamma: fixture.number('attr.gamma', 0.1) } as const;
    const each = fixture.number('attr.steps_per_epoch', 1);
    return (s) => {
      optimizer.lr = fixture.number('attr.lr') * rateFactor({ ...args, warmup: 0 }, s, each);
    };
  }
  const rates = fixture.json<number[]>('attr.rates');
  return (s) => {
    if (rates) optimizer.lr = rates[s];
  };
}

function slice(device: Device, { shape, data }: Input, s: number): Tensor {
  const size = data.length / shape[0];
  return tensor(device, data.slice(s * size, (s + 1) * size), shape.slice(1));
}
