// The optimizer over the gradients that a fixture gives step by step.
import { backward, mul, SGD, step, sum, type Tensor, tensor } from '../../src/autograd';
import type { Device } from '../../src/device';
import { rateFactor } from '../../src/train/settings/rate';
import { type Check, compareStored } from './compare';
import type { Fixture, Input } from './fixture';
import { compareResults, type Result } from './results';

/** Parameters `in.p`, gradients `in.grad.p` [steps, ...]; results `out.p` [steps, ...] and `out.momentum.p`. */
export async function checkSgd(device: Device, fixture: Fixture): Promise<Check[]> {
  for (const unknown of ['dampening', 'maximize']) {
    if (fixture.attr<number | boolean>(unknown, 0)) throw new Error(`SGD has no ${unknown}`);
  }
  const names = fixture.inputs().filter((name) => !name.startsWith('grad.'));
  const grads = new Map(fixture.inputs('in.grad.').map((name) => [name, fixture.input(`in.grad.${name}`)]));
  const missing = fixture.attr<Record<string, number[] | 'all'>>('missing', {});
  const steps = Math.max(...[...grads.values()].map((g) => g.shape[0]));
  const params = new Map<string, Tensor>();
  for (const name of names) {
    const { shape, data } = fixture.input(`in.${name}`);
    params.set(name, tensor(device, data, shape, { name, requiresGrad: true }));
  }
  const optimizer = new SGD([...params.values()], {
    lr: fixture.number('attr.lr'),
    momentum: fixture.number('attr.momentum', 0),
    weightDecay: fixture.number('attr.weight_decay', 0),
    nesterov: fixture.attr('nesterov', false),
  });
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

  const results = new Map<string, Result>();
  for (const [name, p] of params) {
    const rows = history.get(name) ?? [];
    results.set(`out.${name}`, { shape: [steps, ...p.shape], data: Float32Array.from(rows.flatMap((r) => [...r])) });
    const velocity = optimizer.state(p)?.momentum;
    if (velocity) results.set(`out.momentum.${name}`, { shape: p.shape, data: await velocity.data() });
  }
  const expected = fixture.json<number[]>('attr.rates');
  const exact = { factor: 0, floor: 1e-12 };
  const scheduled = expected ? [compareStored('attr.rates', rates, expected, { relL2: 0, maxAbs: 0 }, exact)] : [];
  return [...scheduled, ...compareResults(fixture, results)];
}

/** Schedule step where the file has a step size, else the file's own list of rates, else one rate. */
function schedule(fixture: Fixture, optimizer: SGD): (s: number) => void {
  const stepSize = fixture.json<number>('attr.step_size');
  if (stepSize !== undefined) {
    const args = { schedule: 'step', step_size: stepSize, gamma: fixture.number('attr.gamma', 0.1) } as const;
    const each = fixture.number('attr.steps_per_epoch', 1);
    return (s) => {
      optimizer.lr =
        fixture.number('attr.lr') * rateFactor({ ...args, warmup: 0, epochs: Number.POSITIVE_INFINITY }, s, each);
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
