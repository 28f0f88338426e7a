// The ops by the names that the fixtures use: a few lines each, from inputs and attributes to outputs.
import {
  adaptiveAvgPool2d,
  avgPool2d,
  batchNorm,
  ccc,
  cccLoss,
  concat,
  conv2d,
  csrFromDense,
  elu,
  gelu,
  leakyRelu,
  linear,
  logSoftmax,
  matmul,
  maxPool2d,
  maxPool2dWithIndices,
  padChannels,
  relu,
  relu6,
  resizeBilinear,
  shortcut,
  sigmoid,
  spmm,
  swish,
  Tensor,
  tensor,
} from '../../src/autograd';
import { Value } from '../../src/autograd/value';
import { categorical } from '../../src/train/loop/objective';
import type { Case, Outputs } from './case';
import type { Fixture } from './fixture';

type Pair = number | [number, number];
type Padding = Pair | [number, number, number, number];

/** Kernel, stride (the kernel's where absent) and padding. */
function window(fixture: Fixture): { kernel: Pair; stride: Pair; padding: Padding } {
  const kernel = fixture.needed<Pair>('attr.kernel');
  return { kernel, stride: fixture.attr<Pair>('stride', kernel), padding: fixture.attr<Padding>('padding', 0) };
}

/** [N, C] and [N, C, H, W] as they are; any other [N, C, ...] as [N, C, rest, 1]. */
const image = (shape: readonly number[]): readonly number[] =>
  shape.length === 2 || shape.length === 4 ? shape : [shape[0], shape[1], shape.slice(2).reduce((a, b) => a * b, 1), 1];

function batchNormCase(c: Case): Outputs {
  const shape = c.fixture.shapeOf('in.x') ?? [];
  const x = c.leaf('x', { shape: image(shape) });
  const training = c.fixture.attr('train', true);
  const eps = c.fixture.attr('eps', 1e-5);
  const bn = {
    weight: c.leaf('weight'),
    bias: c.leaf('bias'),
    runningMean: c.leaf('running_mean'),
    runningVar: c.leaf('running_var'),
  };
  const y = batchNorm(x, bn, { training, momentum: c.fixture.attr('momentum', 0.1), eps });
  const out: Outputs = { y: { from: y, shape }, running_mean: bn.runningMean, running_var: bn.runningVar };
  const { stats } = x.value.contents;
  if (!training || !stats) return out;
  // (mean, biased variance) a channel, each hi and lo.
  const channels = shape[1];
  const from = new Tensor(
    new Value(c.device, stats.storage, 1, 4 * channels, 'f32'),
    [4 * channels],
    'plain',
    0,
    4 * channels,
  );
  const channel = (f: (mean: number, variance: number) => number) => ({
    from,
    shape: [channels],
    data: (v: Float32Array) => Float64Array.from({ length: channels }, (_, i) => f(v[4 * i], v[4 * i + 2])),
  });
  return {
    ...out,
    save_mean: channel((mean) => mean),
    save_var: channel((_, variance) => variance),
    save_invstd: channel((_, variance) => 1 / Math.sqrt(variance + eps)),
  };
}

function maxPoolCase(c: Case): Outputs {
  const options = window(c.fixture);
  if (!c.fixture.wants('out.indices')) return { y: maxPool2d(c.leaf('x'), options) };
  const { y, indices } = maxPool2dWithIndices(c.leaf('x'), options);
  return { y, indices };
}

/** x0, x1, ... x10 in the order of their numbers. */
function concatCase(c: Case): Outputs {
  const axis = c.fixture.attr('axis', 1);
  if (axis !== 1) throw new Error(`concat along axis ${axis}: only channels (axis 1) can be joined`);
  const names = c.fixture.inputs().sort(new Intl.Collator('en', { numeric: true }).compare);
  return { y: concat(names.map((name) => c.leaf(name))) };
}

function padChannelsCase(c: Case): Outputs {
  const x = c.leaf('x');
  const side = (c.fixture.attr('channels', x.shape[1]) - x.shape[1]) / 2;
  return { y: padChannels(x, c.fixture.attr('before', side), c.fixture.attr('after', side)) };
}

function gcnCase(c: Case): Outputs {
  const { shape, data } = c.fixture.input('in.adj');
  const adjacency = csrFromDense(c.device, data, shape[0], shape[1]);
  return { y: spmm(adjacency, matmul(c.leaf('x'), c.leaf('weight'))) };
}

function crossEntropyCase(c: Case): Outputs {
  const logits = c.leaf('logits');
  const labelSmoothing = c.fixture.attr('label_smoothing', 0);
  const labels = c.labels('labels');
  const share = c.fixture.attr('share', 1);
  const part = (of: number): Tensor => tensor(c.device, [of], [1]);
  const others = (): Tensor =>
    tensor(c.device, Uint32Array.from(c.fixture.input('in.labels').data).reverse(), labels.shape);
  const mix = share < 1 ? { labels: others(), share: part(share), rest: part(1 - share) } : null;
  const loss = categorical(logits, { labels, mix }, { weight: c.optional('weight'), labelSmoothing });
  const outputs: Outputs = { loss };
  if (c.fixture.wants('out.log_softmax') || c.fixture.hasInput('up.log_softmax'))
    outputs.log_softmax = logSoftmax(logits);
  return outputs;
}

function cccCase(c: Case): Outputs {
  const [pred, gold] = [c.leaf('pred'), c.leaf('gold')];
  const outputs: Outputs = { loss: cccLoss(pred, gold) };
  if (c.fixture.wants('out.ccc') || c.fixture.hasInput('up.ccc')) outputs.ccc = ccc(pred, gold);
  return outputs;
}

/** Runs one op of a fixture: its outputs by name. */
export const OPS: Record<string, (c: Case) => Outputs> = {
  conv2d: (c) => {
    const options = {
      stride: c.fixture.attr<Pair>('stride', 1),
      padding: c.fixture.attr<Pair | [number, number, number, number]>('padding', 0),
      dilation: c.fixture.attr<Pair>('dilation', 1),
      groups: c.fixture.attr('groups', 1),
    };
    return { y: conv2d(c.leaf('x'), c.weight(), c.optional('bias'), options) };
  },
  batchnorm: batchNormCase,
  relu: (c) => ({ y: relu(c.leaf('x')) }),
  elu: (c) => ({ y: elu(c.leaf('x'), c.fixture.attr('alpha', 1)) }),
  leaky_relu: (c) => ({ y: leakyRelu(c.leaf('x'), c.fixture.attr('negative_slope', 0.01)) }),
  relu6: (c) => ({ y: relu6(c.leaf('x')) }),
  gelu: (c) => ({ y: gelu(c.leaf('x')) }),
  swish: (c) => ({ y: swish(c.leaf('x')) }),
  sigmoid: (c) => ({ y: sigmoid(c.leaf('x')) }),
  maxpool: maxPoolCase,
  avgpool: (c) => ({ y: avgPool2d(c.leaf('x'), window(c.fixture)) }),
  resize_bilinear: (c) => {
    const alignCorners = c.fixture.attr('align_corners', false);
    return { y: resizeBilinear(c.leaf('x'), c.fixture.needed<[number, number]>('attr.size'), { alignCorners }) };
  },
  global_avgpool: (c) => ({ y: adaptiveAvgPool2d(c.leaf('x'), 1) }),
  concat: concatCase,
  pad_channels: padChannelsCase,
  linear: (c) => ({ y: linear(c.leaf('x'), c.leaf('weight'), c.optional('bias')) }),
  matmul: (c) => {
    const transposes = {
      transposeA: c.fixture.attr('transpose_a', false),
      transposeB: c.fixture.attr('transpose_b', false),
    };
    return { y: matmul(c.leaf('a'), c.leaf('b'), transposes) };
  },
  gcn: gcnCase,
  cross_entropy: crossEntropyCase,
  ccc_loss: cccCase,
  shortcut: (c) => ({ y: shortcut(c.leaf('x'), c.leaf('a'), c.leaf('c')) }),
};
