import { type Attribute, float, type OnnxGraph } from '../../formats/onnx/graph';
import type { StateEntry } from '../../models';

/** A graph under construction, with the weights that its layers are named after. */
export interface Drawing {
  readonly graph: OnnxGraph;
  readonly state: ReadonlyMap<string, StateEntry>;
}

const tensor = ({ graph, state }: Drawing, name: string): string => {
  const { shape, data } = state.get(name) as StateEntry;
  return graph.constant(name, shape, data as Float32Array);
};

interface ConvOptions {
  readonly stride?: number;
  /** On all four sides, or [top, left, bottom, right], which is ONNX's order. */
  readonly padding?: number | readonly [number, number, number, number];
  readonly group?: number;
}

/** The convolution under `name`, with its bias if it has one. */
export function conv(
  d: Drawing,
  name: string,
  x: string,
  { stride = 1, padding = 0, group = 1 }: ConvOptions = {},
): string {
  const weight = d.state.get(`${name}.weight`) as StateEntry;
  const bias = d.state.has(`${name}.bias`) ? [tensor(d, `${name}.bias`)] : [];
  return d.graph.node('Conv', [x, tensor(d, `${name}.weight`), ...bias], {
    kernel_shape: weight.shape.slice(2),
    strides: [stride, stride],
    pads: typeof padding === 'number' ? [padding, padding, padding, padding] : [...padding],
    ...(group > 1 ? { group } : {}),
  });
}

/** The batch normalisation under `name`, by its running statistics. */
export const norm = (d: Drawing, name: string, x: string): string =>
  d.graph.node(
    'BatchNormalization',
    [x, ...['weight', 'bias', 'running_mean', 'running_var'].map((part) => tensor(d, `${name}.${part}`))],
    { epsilon: float(1e-5) },
  );

export const activation = (d: Drawing, kind: 'Relu' | 'Elu', x: string): string => d.graph.node(kind, [x]);

/** min(max(x, 0), 6). */
export const relu6 = (d: Drawing, x: string): string =>
  d.graph.node('Clip', [
    x,
    d.graph.constant('zero', [], Float32Array.of(0)),
    d.graph.constant('six', [], Float32Array.of(6)),
  ]);

/** The linear layer under `name`. */
export const linear = (d: Drawing, name: string, x: string): string =>
  d.graph.node('Gemm', [x, tensor(d, `${name}.weight`), tensor(d, `${name}.bias`)], { transB: 1 });

/** A pooling window of `kernel`, one beside the other unless `stride` says otherwise; rests are dropped. */
export function pool(
  d: Drawing,
  kind: 'MaxPool' | 'AveragePool',
  x: string,
  { kernel, stride = kernel, padding = 0 }: { kernel: number; stride?: number; padding?: number },
): string {
  const attributes: Record<string, Attribute> = {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
  };
  return d.graph.node(kind, [x], attributes);
}

/** The mean of each channel: [N, C]. */
export const globalAverage = (d: Drawing, x: string): string =>
  d.graph.node('Flatten', [d.graph.node('GlobalAveragePool', [x])]);
