// The building blocks of the networks by the names of their fixtures, made of src/models' own layers.
import {
  add,
  cccLoss,
  concat,
  crossEntropy,
  csrFromDense,
  flatten,
  matmul,
  maxPool2d,
  sliceChannels,
  type Tensor,
  tensor,
} from '../../src/autograd';
import {
  BatchNorm2d,
  BregBlock,
  BregLayer,
  Conv2d,
  Counter,
  DenseBlock,
  DenseLayer,
  GcnHead,
  GraphConvolution,
  type Module,
  normalisedAdjacency,
  Sequential,
  type StateEntry,
  Transition,
} from '../../src/models';
import type { Case, Outputs } from './case';

interface Window {
  kernel: number;
  stride: number;
  padding?: number;
}

type Pool = Window & { kind: 'max' | 'average' };

/** Loads `in.<name>` into every entry of a module's state, and names its parameters as the case's leaves. */
function loaded<M extends Module>(c: Case, module: M): M {
  const entries = new Map<string, StateEntry>();
  for (const [name, t] of module.namedState()) {
    entries.set(name, t instanceof Counter ? { shape: [], data: BigInt64Array.of(0n) } : c.fixture.input(`in.${name}`));
  }
  module.loadStateDict(entries, c.fixture.name);
  for (const [name, p] of module.namedParameters()) c.leaves.set(name, p);
  return module;
}

/** The running statistics of a module. */
const statistics = (module: Module): Outputs =>
  Object.fromEntries([...module.namedState()].filter((e): e is [string, Tensor] => e[0].includes('running_')));

const shapeOf = (c: Case, name: string): number[] => {
  const shape = c.fixture.shapeOf(`in.${name}`);
  if (!shape) throw new Error(`no input "in.${name}" in the file`);
  return shape;
};

function stem(c: Case): Outputs {
  const [out, channels, kernel] = shapeOf(c, 'conv0.weight');
  const { stride, padding } = c.fixture.needed<Window>('attr.conv');
  const conv = new Conv2d(c.device, channels, out, kernel, { stride, padding, bias: false });
  const norm = new BatchNorm2d(c.device, out);
  const module = loaded(
    c,
    new Sequential<Module>(c.device, [
      ['conv0', conv],
      ['norm0', norm],
    ]),
  );
  const pool = c.fixture.needed<Pool>('attr.pool');
  const y = maxPool2d(norm.forward(conv.forward(c.leaf('x')), 'relu'), pool);
  return { y, ...statistics(module) };
}

function denseLayer(c: Case): Outputs {
  const x = c.leaf('x');
  const layer = loaded(c, new DenseLayer(c.device, x.shape[1]));
  return { y: concat([x, layer.forward(x)]), ...statistics(layer) };
}

function denseBlock(c: Case): Outputs {
  const x = c.leaf('x');
  const [n, channels, h, w] = x.shape;
  const block = loaded(c, new DenseBlock(c.device, channels, c.fixture.number('attr.layers')));
  const { whole, front } = block.room(n, h, w, x);
  maxPool2d(x, { kernel: 1, out: front }); // x itself, written where the block's layers read it
  return { y: block.forward(whole), ...statistics(block) };
}

function transition(c: Case): Outputs {
  const pool = c.fixture.needed<Pool>('attr.pool');
  if (pool.kind !== 'average' || pool.kernel !== 2 || pool.stride !== 2) {
    throw new Error(`a transition pools the average of 2x2, not ${JSON.stringify(pool)}`);
  }
  const module = loaded(c, new Transition(c.device, shapeOf(c, 'x')[1]));
  return { y: module.forward(c.leaf('x')), ...statistics(module) };
}

function bregLayer(c: Case): Outputs {
  const [out, channels] = shapeOf(c, '_conv0.weight');
  const layer = loaded(c, new BregLayer(c.device, channels, out, c.fixture.number('attr.stride', 1)));
  return { y: layer.forward(c.leaf('x')), ...statistics(layer) };
}

function bregBlock(c: Case): Outputs {
  const [out, channels] = shapeOf(c, '_layer_stack.0._conv0.weight');
  const [layers, stride] = [c.fixture.number('attr.layers'), c.fixture.number('attr.stride', 1)];
  const block = loaded(c, new BregBlock(c.device, layers, channels, out, stride));
  return { y: block.forward(c.leaf('x')), ...statistics(block) };
}

function head(c: Case): Outputs {
  const { device, fixture } = c;
  const [words, hidden] = shapeOf(c, 'gc1.weight');
  const [, width] = shapeOf(c, 'gc2.weight');
  const gcn = [new GraphConvolution(device, words, hidden), new GraphConvolution(device, hidden, width)] as const;
  loaded(
    c,
    new Sequential(device, [
      ['gc1', gcn[0]],
      ['gc2', gcn[1]],
    ]),
  );
  const A = fixture.needed<number[][]>('attr.A');
  const nodes = A.length;
  const adjacency = csrFromDense(device, normalisedAdjacency(Float32Array.from(A.flat()), nodes), nodes, nodes);
  const classifier = new GcnHead(...gcn).classifiers(c.leaf('emb'), adjacency);

  const pool = fixture.json<Pool | null>('attr.pool');
  const x = c.leaf('x');
  const scores = matmul(pool ? flatten(maxPool2d(x, pool)) : x, classifier, { transposeB: true });
  const [logits, va] = [sliceChannels(scores, 0, nodes - 2), sliceChannels(scores, nodes - 2, nodes)];
  const weights = fixture.needed<number[]>('attr.class_weights');
  const cat = crossEntropy(logits, c.labels('labels'), tensor(device, weights, [weights.length]));
  const cont = cccLoss(va, c.leaf('va_target'));
  return { loss: add(cat, cont), cat, cont, logits, va, classifier };
}

const MODULES: Record<string, (c: Case) => Outputs> = {
  stem,
  dense_layer: denseLayer,
  dense_block: denseBlock,
  transition,
  breg_layer: bregLayer,
  breg_block: bregBlock,
  head,
};

/** The module of a fixture's case: its name, or a name that begins with it (`head_vector`, `breg_layer_stride`). */
export function moduleOf(name: string): (c: Case) => Outputs {
  const key = Object.keys(MODULES).find((k) => name === k || name.startsWith(`${k}_`));
  if (!key) throw new Error(`unknown module "${name}"`);
  return MODULES[key];
}
