// The forward passes of both backbones, as in src/models, out of the names and shapes of their weights.
import type { StateEntry } from '../../models';
import { activation, conv, type Drawing, norm, pool } from './layers';

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
