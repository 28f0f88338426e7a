import { noGrad } from '../autograd';
import { type Module, observe } from './module';

/** A layer: a module that has parameters of its own, or whose output was seen. */
export interface LayerSummary {
  /** As in the state dict; '' for the model itself. */
  readonly name: string;
  readonly kind: string;
  /** Of the output; null for a layer that has none: fused into the layer that follows, or not used. */
  readonly shape: readonly number[] | null;
  /** Numbers in its own parameters; running statistics do not count. */
  readonly parameters: number;
  readonly multiplyAdds: number;
}

/**
 * Multiply-adds are those of one forward pass of the whole batch: of convolutions, linear and graph layers, as they are
 * carried out. Normalisations, activations, pools and the product with a GCN's classifiers are not counted.
 */
export interface Summary {
  /** In the order of the state dict. */
  readonly layers: readonly LayerSummary[];
  readonly parameters: number;
  readonly multiplyAdds: number;
}

/**
 * The layers of `model` with what they make in `forward`, a call of it. It is run dry and in evaluation mode: nothing is
 * computed and no state is touched.
 * @example
 * const net = new Linear(device, 4, 2);
 * summarise(net, () => net.forward(zeros(device, [1, 4]))).parameters; // 10
 */
export function summarise(model: Module, forward: () => unknown): Summary {
  const { shapes, work } = look(model, forward);
  const own = new Map<string, number>();
  for (const [name, p] of model.namedParameters()) {
    const owner = name.slice(0, Math.max(0, name.lastIndexOf('.')));
    own.set(owner, (own.get(owner) ?? 0) + p.size);
  }
  const layers = [...model.namedModules()]
    .filter(([name, m]) => own.has(name) || shapes.has(m))
    .map(([name, m]) => ({
      name,
      kind: m.kind,
      shape: shapes.get(m) ?? null,
      parameters: own.get(name) ?? 0,
      multiplyAdds: work.get(m) ?? 0,
    }));
  const total = (of: 'parameters' | 'multiplyAdds'): number => layers.reduce((sum, l) => sum + l[of], 0);
  return { layers, parameters: total('parameters'), multiplyAdds: total('multiplyAdds') };
}

/** Output shapes and multiply-adds of the modules that `forward` calls. */
function look(model: Module, forward: () => unknown) {
  const shapes = new Map<Module, readonly number[]>();
  const work = new Map<Module, number>();
  model.device.dryRun(() => {
    model.eval();
    noGrad(() =>
      observe((m, output) => {
        shapes.set(m, output.shape);
        work.set(m, (work.get(m) ?? 0) + m.multiplyAdds(output));
      }, forward),
    );
  });
  return { shapes, work };
}

/**
 * The summary as a table. FLOP are counted as is usual: two a multiply-add.
 * @example
 * const net = new DenseNet121Features(device);
 * const table = formatSummary(summarise(net, () => net.forward(empty(device, [1, 3, 224, 224]))));
 * table.includes('6,953,856 parameters'); // true
 */
export function formatSummary({ layers, parameters, multiplyAdds }: Summary): string {
  const rows = layers.map((l) => [
    l.name || '(itself)',
    l.kind,
    l.shape?.join('x') ?? '-',
    l.parameters > 0 ? count(l.parameters) : '',
    l.multiplyAdds > 0 ? count((2 * l.multiplyAdds) / 1e6, 2) : '',
  ]);
  const table = [['layer', 'kind', 'output', 'parameters', 'MFLOP'], ...rows];
  const widths = table[0].map((_, c) => Math.max(...table.map((row) => row[c].length)));
  const lines = table.map((row) =>
    row
      .map((cell, c) => (c < 3 ? cell.padEnd(widths[c]) : cell.padStart(widths[c])))
      .join('  ')
      .trimEnd(),
  );
  const rule = '-'.repeat(widths.reduce((sum, w) => sum + w + 2, -2));
  return [
    lines[0],
    rule,
    ...lines.slice(1),
    rule,
    `${count(parameters)} parameters; ${count((2 * multiplyAdds) / 1e9, 2)} GFLOP forward, two a multiply-add of convolutions, linear and graph layers`,
    '-: no output of its own (fused into the layer that follows, or not used)',
  ].join('\n');
}

const count = (n: number, digits = 0): string =>
  n.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
