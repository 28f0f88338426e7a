// The shapes that the two networks compute with, read off the networks themselves: the tape of a dry run tells every op with
// its inputs and outputs.
import * as F from '../src/autograd';
import { nodesOf } from '../src/autograd/node';
import { pair, sides } from '../src/autograd/ops/conv2d';
import type { Device } from '../src/device';
import type { Activation } from '../src/kernels/activation';
import type { Conv2dGeometry } from '../src/kernels/conv2d';
import { buildModel, Conv2d, type EmotionModel, type NetworkName } from '../src/models';

/** An op as it was recorded: what it is called, and the shapes that went in and came out. */
export interface Op {
  readonly name: string;
  readonly inputs: readonly (readonly number[])[];
  readonly output: readonly number[];
  /** The first input wants a gradient: all but the image and the word vectors. */
  readonly gradient: boolean;
  /** Of a convolution, fused or not. */
  readonly geometry: Conv2dGeometry | null;
}

export interface NetworkShapes {
  readonly network: NetworkName;
  readonly ops: readonly Op[];
  /** Numbers that the optimizer moves. */
  readonly parameters: number;
  /** What follows a batch normalisation. */
  readonly activation: Activation;
}

/** The labels' graph that benchmarks take: nine nodes, two neighbours a node besides itself. */
export const GRAPH = Float32Array.from({ length: 81 }, (_, i) =>
  i % 10 === 0 || i % 9 === (i < 63 ? 7 : 0) ? 0.5 : 0,
);

/** The networks and batches that the targets speak of. */
const MEASURED = [
  { network: 'densenet', imageSize: 112, batch: 8 },
  { network: 'bregnext', imageSize: 64, batch: 16 },
] as const;

export const networkShapes = (device: Device): NetworkShapes[] =>
  MEASURED.map(({ network, imageSize, batch }) => {
    const model = buildModel(device, { model: 'emotion_gcn', network, imageSize, A: GRAPH });
    const ops: Op[] = [];
    device.dryRun(() => {
      const x = F.empty(device, [batch, 3, imageSize, imageSize]);
      const { logits } = model.forward(x, F.empty(device, [9, 300]));
      ops.push(...recorded(logits, convolutions(model)));
    });
    const parameters = model.parameters().reduce((sum, p) => sum + p.size, 0);
    for (const p of model.parameters()) device.free(p.storage);
    return { network, ops, parameters, activation: network === 'densenet' ? 'relu' : 'elu' };
  });

/** The convolution that a weight belongs to: strides and padding are its business. */
function convolutions(model: EmotionModel): Map<F.Tensor, Conv2d> {
  const layers = [...model.namedModules()].map(([, m]) => m).filter((m) => m instanceof Conv2d);
  return new Map(layers.map((layer) => [layer.weight, layer]));
}

/** The ops that `result` was made by, first to last. */
function recorded(result: F.Tensor, layers: ReadonlyMap<F.Tensor, Conv2d>): Op[] {
  const found = new Set(nodesOf(result));
  for (const node of found) for (const p of node.producers) found.add(p);
  return [...found]
    .sort((a, b) => a.sequence - b.sequence)
    .map(({ name, inputs, outputs }) => {
      const layer = inputs.map((t) => layers.get(t)).find((l) => l !== undefined);
      return {
        name,
        inputs: inputs.map((t) => t.shape),
        output: outputs[0].shape,
        gradient: inputs[0].requiresGrad,
        geometry: layer ? geometryOf(layer, inputs[0].shape, outputs[0].shape) : null,
      };
    });
}

function geometryOf(
  layer: Conv2d,
  [n, ci, h, w]: readonly number[],
  [, co, oh, ow]: readonly number[],
): Conv2dGeometry {
  const [, , kh, kw] = layer.weight.shape;
  const { stride, groups } = layer.options;
  const [top, , left] = sides(layer.options.padding);
  const dilation = pair(layer.options.dilation);
  return { n, ci, co, h, w, kh, kw, oh, ow, stride: [stride, stride], padding: [top, left], dilation, groups };
}
