// The forward passes of the backbones, as in src/models, out of the names and shapes of their weights.
import { samePadding } from '../../autograd';
import { MOBILENET_HALVING, type StateEntry } from '../../models';
import { activation, conv, type Drawing, norm, pool, relu6 } from './layers';

const relu = (d: Drawing, x: string): string => activation(d, 'Relu', x);
const elu = (d: Drawing, x: string): string => activation(d, 'Elu', x);

/** How many modules are numbered under `prefix`, from `first`: `prefix0.`, `prefix1.` … */
function count({ state }: Drawing, prefix: string, first = 0): number {
  let n = 0;
  while ([...state.keys()].some((name) => name.startsWith(`${prefix}${first + n}.`))) n++;
  return n;
}

/** DenseNet's features under `prefix`: images to the output of norm5. */
export function densenet(d: Drawing, prefix: string, images: string): string {
  const stem = relu(d, norm(d, `${prefix}.norm0`, conv(d, `${prefix}.conv0`, images, { stride: 2, padding: 3 })));
  let x = pool(d, 'MaxPool', stem, { kernel: 3, stride: 2, padding: 1 });
  const blocks = count(d, `${prefix}.denseblock`, 1);
  for (let b = 1; b <= blocks; b++) {
    const block = `${prefix}.denseblock${b}`;
    for (let i = 1; i <= count(d, `${block}.denselayer`, 1); i++) {
      const layer = `${block}.denselayer${i}`;
      const bottleneck = conv(d, `${layer}.conv1`, relu(d, norm(d, `${layer}.norm1`, x)));
      const added = conv(d, `${layer}.conv2`, relu(d, norm(d, `${layer}.norm2`, bottleneck)), { padding: 1 });
      x = d.graph.node('Concat', [x, added], { axis: 1 });
    }
    if (b === blocks) break;
    const transition = `${prefix}.transition${b}`;
    const activated = relu(d, norm(d, `${transition}.norm`, x));
    x = conv(d, `${transition}.conv`, pool(d, 'AveragePool', activated, { kernel: 2 }));
  }
  return norm(d, `${prefix}.norm5`, x);
}

/** BReG-NeXt's features under `prefix`: images to the activated output of the last normalisation. */
export function bregnext(d: Drawing, prefix: string, images: string): string {
  let x = conv(d, `${prefix}_conv0`, images, { padding: 1 });
  const blocks = count(d, `${prefix}_model.`) - 1;
  for (let b = 0; b < blocks; b++) {
    const stack = `${prefix}_model.${b}._layer_stack.`;
    for (let i = 0; i < count(d, stack); i++) x = bregLayer(d, `${stack}${i}`, x);
  }
  return elu(d, norm(d, `${prefix}_model.${blocks}`, x));
}

function bregLayer(d: Drawing, name: string, x: string): string {
  const { graph, state } = d;
  const [channelsOut, channelsIn] = (state.get(`${name}._conv0.weight`) as StateEntry).shape;
  // Only the layers that change the number of channels halve the map.
  const stride = channelsOut > channelsIn ? 2 : 1;
  const first = conv(d, `${name}._conv0`, elu(d, norm(d, `${name}._batchnorm_conv0`, x)), { stride, padding: 1 });
  const second = conv(d, `${name}._conv1`, elu(d, norm(d, `${name}._batchnorm_conv1`, first)), { padding: 1 });
  let skip = shortcut(d, `${name}._shortcut`, x);
  if (stride > 1) {
    const side = BigInt((channelsOut - channelsIn) / 2);
    const pads = graph.constant(`pads:${side}`, [8], BigInt64Array.of(0n, side, 0n, 0n, 0n, side, 0n, 0n));
    skip = graph.node('Pad', [pool(d, 'AveragePool', skip, { kernel: stride }), pads]);
  }
  return graph.node('Add', [second, skip]);
}

/** atan(a x / s) / (a s), s = sqrt(c^2 + 1): a and c are numbers of the file, folded into two factors. */
function shortcut({ graph, state }: Drawing, name: string, x: string): string {
  const [a, c] = ['_a', '_c'].map((part) => Number((state.get(`${name}.${part}`) as StateEntry).data[0]));
  const s = Math.sqrt(c * c + 1);
  const factor = (part: string, value: number): string => graph.constant(`${name}.${part}`, [], Float32Array.of(value));
  const angle = graph.node('Atan', [graph.node('Mul', [x, factor('inner', a / s)])]);
  return graph.node('Mul', [angle, factor('outer', 1 / (a * s))]);
}

/** A map of the graph, and the length of its sides. */
interface SquareMap {
  readonly name: string;
  readonly side: number;
}

/** The convolution under `name`, padded as TensorFlow's SAME; depthwise where its weight has one channel in. */
function sameConv(d: Drawing, name: string, { name: x, side }: SquareMap, stride = 1): SquareMap {
  const { shape } = d.state.get(`${name}.weight`) as StateEntry;
  const [top, bottom, left, right] = samePadding([side, side], shape[2], stride);
  const group = shape[1] === 1 ? shape[0] : 1;
  const y = conv(d, name, x, { stride, padding: [top, left, bottom, right], group });
  return { name: y, side: Math.ceil(side / stride) };
}

/** denselite's features under `prefix`: images of `side` pixels to the activated output of the last block. */
export function denselite(d: Drawing, prefix: string, images: string, side: number): string {
  const step = (name: string, x: SquareMap, stride: number): SquareMap => {
    if (d.state.has(`${name}.weight`)) return sameConv(d, name, x, stride);
    const map = sameConv(d, `${name}.depthwise`, x, stride);
    return { ...map, name: conv(d, `${name}.pointwise`, map.name) };
  };
  let x: SquareMap = { name: images, side };
  for (let b = 0; b < count(d, `${prefix}.dense`); b++) {
    const block = `${prefix}.dense${b}`;
    const first = step(`${block}.conv0`, x, 2);
    let sum = relu(d, first.name);
    x = { ...first, name: sum };
    for (let i = 1; i < count(d, `${block}.conv`); i++) {
      sum = d.graph.node('Add', [sum, step(`${block}.conv${i}`, x, 1).name]);
      x = { ...x, name: relu(d, sum) };
    }
  }
  return x.name;
}

/** MobileNet's features under `prefix`: images of `side` pixels to the output of its last convolution. */
export function mobilenet(d: Drawing, prefix: string, images: string, side: number): string {
  const step = (name: string, x: SquareMap, stride = 1): SquareMap => {
    const y = sameConv(d, `${prefix}.${name}`, x, stride);
    return { ...y, name: relu6(d, y.name) };
  };
  let x = step('conv1', { name: images, side }, 2);
  for (let i = 1; i <= count(d, `${prefix}.conv_dw_`, 1); i++) {
    x = step(`conv_dw_${i}`, x, MOBILENET_HALVING.has(i) ? 2 : 1);
    x = step(`conv_pw_${i}`, x);
  }
  return x.name;
}
