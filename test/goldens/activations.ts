// The output of every layer in one training forward pass, walked without fusion: where a network first goes wrong.
import {
  type Activation,
  adaptiveAvgPool2d,
  avgPool2d,
  batchNorm,
  conv2d,
  elu,
  maxPool2d,
  relu,
  type Tensor,
} from '../../src/autograd';
import type { Device, Storage } from '../../src/device';
import { BatchNorm2d, Conv2d, type EmotionModel, type Module, observe } from '../../src/models';
import { ACTIVATION, type Check, failure, norm } from './compare';
import type { Fixture } from './fixture';
import { fill } from './network';
import { compareRows, type RowLimit } from './rows';

/** A walk's outputs by PyTorch's names of the leaf modules that made them. */
type Walk = Map<string, Tensor>;

/**
 * Runs `fn` with every batch norm alone: what is fused into it is done by the ops on their own, and `see` is told of the
 * normalised map and of the activation.
 */
function unfused<T>(see: (norm: BatchNorm2d, kind: 'norm' | Activation, output: Tensor) => void, fn: () => T): T {
  const { forward, thenConv, thenAvgPool } = BatchNorm2d.prototype;
  BatchNorm2d.prototype.forward = function (x, activation = 'none') {
    const y = batchNorm(x, this.tensors, { training: this.training });
    see(this, 'norm', y);
    if (activation === 'none') return y;
    const a = activation === 'relu' ? relu(y) : elu(y, 1);
    see(this, activation, a);
    return a;
  };
  BatchNorm2d.prototype.thenConv = function (activation, conv, x, out) {
    return conv.forward(this.forward(x, activation), out);
  };
  BatchNorm2d.prototype.thenAvgPool = function (activation, x) {
    return avgPool2d(this.forward(x, activation), { kernel: 2 });
  };
  try {
    return fn();
  } finally {
    Object.assign(BatchNorm2d.prototype, { forward, thenConv, thenAvgPool });
  }
}

/** PyTorch's name of the module that follows a batch norm: relu1 after norm1, ELU 6 after batch norm 5; null for a function. */
function activationName(norm: string): string | null {
  const place = norm.lastIndexOf('.') + 1;
  const last = norm.slice(place);
  if (/^\d+$/.test(last)) return norm.slice(0, place) + (Number(last) + 1);
  return last.startsWith('norm') ? norm.slice(0, place) + last.replace('norm', 'relu') : null;
}

/**
 * What has a name in PyTorch and no module here: the pools behind layers. A transition pools before its convolution, which
 * comes to the same, so its convolution is done once more where PyTorch has it.
 */
function addPools(walk: Walk, modules: ReadonlyMap<string, Module>): void {
  for (const [name, t] of [...walk]) {
    const behind = (last: string): string => name.slice(0, name.lastIndexOf('.') + 1) + last;
    if (name.endsWith('.relu0')) walk.set(behind('pool0'), maxPool2d(t, { kernel: 3, stride: 2, padding: 1 }));
    if (name.endsWith('_model.6')) walk.set(behind('7'), adaptiveAvgPool2d(t, 1));
    if (/transition\d\.relu$/.test(name)) {
      const conv = modules.get(behind('conv'));
      const pooled = walk.get(behind('conv'));
      if (!(conv instanceof Conv2d) || !pooled) continue;
      walk.set(behind('pool'), pooled);
      walk.set(behind('conv'), conv2d(t, conv.weight, conv.bias));
    }
  }
}

/** Refills `model`, walks it forward in training mode, and holds `act.*` to what its layers gave. */
export async function checkActivations(
  device: Device,
  fixture: Fixture,
  model: EmotionModel,
  x: Tensor,
  emb: Tensor | undefined,
): Promise<Check[]> {
  if (!fixture.json('act.names')) return [];
  fill(model, fixture);
  const modules = new Map(model.namedModules());
  const names = new Map([...modules].map(([name, m]) => [m, name]));
  const walk: Walk = new Map();
  const storages = (): Storage[] => [...walk.values()].map((t) => t.storage);
  device.scope(() => {
    const seeNorm = (m: BatchNorm2d, kind: 'norm' | Activation, t: Tensor): void => {
      const name = names.get(m) ?? '';
      const full = kind === 'norm' ? name : activationName(name);
      if (full !== null) walk.set(full, t);
    };
    observe(
      (m, t) => walk.set(names.get(m) ?? '', t),
      () => unfused(seeNorm, () => model.forward(x, emb)),
    );
    addPools(walk, modules);
  }, storages);
  device.flush();

  const wanted = fixture.needed<string[]>('act.names');
  const shapes = fixture.json<number[][]>('act.shapes') ?? [];
  const values = new Map<string, Float32Array>();
  const checks: Check[] = [];
  for (const [i, name] of wanted.entries()) {
    const t = walk.get(name);
    if (!t) continue; // said by compareRows
    values.set(name, await t.data());
    if (shapes[i] && shapes[i].join() !== t.shape.join()) {
      checks.push(failure(`act.${name}`, `shape [${t.shape}], expected [${shapes[i]}]`));
    }
  }
  for (const s of storages()) device.free(s);
  checks.push(
    ...compareRows(
      fixture,
      'act',
      (name) => values.get(name),
      (_, got, own): RowLimit => {
        const size = norm(got);
        return { size, limit: (ACTIVATION.factor * own.relL2 + ACTIVATION.floor) * size };
      },
    ),
  );
  return checks;
}
