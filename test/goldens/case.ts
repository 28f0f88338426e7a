// Runs one op or module on the device as its fixture says: inputs in, results and gradients out.
import { add, backward, mul, sum, type Tensor, type TensorOptions, tensor } from '../../src/autograd';
import type { Device, Storage } from '../../src/device';
import type { Numbers } from './compare';
import type { Fixture } from './fixture';
import type { Result } from './results';

/** An output that has another shape, or is worked out on the CPU from what the device holds. */
export interface Derived {
  from: Tensor;
  shape: readonly number[];
  data?: (values: Float32Array) => Numbers;
}

export type Outputs = Record<string, Tensor | Derived>;

/** The inputs of a fixture as tensors on the device. */
export class Case {
  readonly leaves = new Map<string, Tensor>();

  constructor(
    readonly device: Device,
    readonly fixture: Fixture,
    /** How activations are stored: the inputs x, x0, x1 and so on, and what is made of them. */
    readonly precision: 'f32' | 'f16' = 'f32',
  ) {}

  /** Input `in.NAME`, asking for a gradient where the file has one. `shape`: seen under another shape. */
  leaf(name: string, options: TensorOptions & { shape?: readonly number[] } = {}): Tensor {
    const { shape, data } = this.fixture.input(`in.${name}`);
    const requiresGrad = options.requiresGrad ?? this.fixture.wants(`grad.${name}`);
    const dtype = /^x\d*$/.test(name) ? this.precision : 'f32';
    const t = tensor(this.device, data, options.shape ?? shape, { dtype, ...options, requiresGrad, name });
    this.leaves.set(name, t);
    return t;
  }

  optional(name: string, options?: TensorOptions): Tensor | null {
    return this.fixture.hasInput(`in.${name}`) ? this.leaf(name, options) : null;
  }

  weight(name = 'weight'): Tensor {
    return this.leaf(name, { layout: 'taps' });
  }

  /** Whole numbers, as labels. */
  labels(name: string): Tensor {
    const { shape, data } = this.fixture.input(`in.${name}`);
    return tensor(this.device, Uint32Array.from(data), shape, { name });
  }
}

const tensorOf = (output: Tensor | Derived): Tensor => ('from' in output ? output.from : output);

/**
 * Forward and, where the file has gradients, backward. Returns `out.*` of all outputs and `grad.*` of all leaves that
 * asked for one, and gives the device's memory back.
 */
export async function runCase(
  device: Device,
  fixture: Fixture,
  forward: (c: Case) => Outputs,
  precision: 'f32' | 'f16' = 'f32',
): Promise<Map<string, Result>> {
  const c = new Case(device, fixture, precision);
  const kept = new Map<string, Tensor | Derived>();
  const storages = (): Storage[] => [...kept.values()].map((t) => tensorOf(t).storage);
  device.scope(() => {
    const outputs = forward(c);
    for (const [name, out] of Object.entries(outputs)) {
      tensorOf(out).retain();
      kept.set(`out.${name}`, out);
    }
    differentiate(fixture, outputs);
    for (const [name, leaf] of c.leaves) if (leaf.grad) kept.set(`grad.${name}`, leaf.grad);
  }, storages);

  const results = new Map<string, Result>();
  for (const [name, out] of kept) {
    const data = await tensorOf(out).data();
    const given = 'from' in out && out.data ? out.data(data) : data;
    results.set(name, { shape: leafShape(fixture, name) ?? out.shape, data: given });
  }
  for (const s of storages()) device.free(s);
  return results;
}

/** Differentiates the sum over outputs of `up.Y` * Y. */
function differentiate(fixture: Fixture, outputs: Outputs): void {
  const ups = fixture.inputs('up.').map((name) => {
    if (!Object.hasOwn(outputs, name)) throw new Error(`up.${name}: the op has no such output`);
    const out = tensorOf(outputs[name]);
    const { data } = fixture.input(`up.${name}`);
    return { out, up: tensor(out.device, data, out.shape, { layout: out.layout, name: `up.${name}` }) };
  });
  if (!fixture.results().some((r) => r.startsWith('grad.'))) return;
  if (ups.length === 0) throw new Error('gradients, but no upstream gradient up.*');
  if (ups.length === 1) {
    backward(ups[0].out, ups[0].up);
    return;
  }
  // A graph can be walked once: several outputs are differentiated as one scalar.
  const parts = ups.map(({ out, up }) => sum(mul(out, up)));
  backward(parts.reduce((a, b) => add(a, b)));
}

/** A leaf may have been seen under another shape than the file's. */
const leafShape = (fixture: Fixture, name: string): number[] | undefined =>
  name.startsWith('grad.') ? fixture.shapeOf(`in.${name.slice(5)}`) : undefined;
