// A network as an ONNX file: https://github.com/onnx/onnx/blob/main/docs/IR.md
import { ATTRIBUTE, DATA, ModelProto } from './schema';

/** Version of ONNX's operators (onnx 1.12, ONNX Runtime 1.12, both of 2022, and newer). */
const OPSET = 17;
const IR_VERSION = 8;

/** Whole numbers become ints: write a float attribute as `float(x)`. */
export type Attribute = number | readonly number[] | { readonly float: number };
export const float = (value: number): Attribute => ({ float: value });

/** Sizes along the axes of an input or output; a name stands for a size that is open. */
type Shape = readonly (number | string)[];

/**
 * Collects an ONNX graph node by node, as one writes a network's forward pass: values are known by their names.
 *
 *     const g = new OnnxGraph('net');
 *     const x = g.input('images', ['N', 3, 112, 112]);
 *     g.output('y', ['N', 7], g.node('Gemm', [x, g.constant('weight', [7, 3], w)], { transB: 1 }));
 */
export class OnnxGraph {
  private readonly nodes: object[] = [];
  private readonly initializers = new Map<string, object>();
  private readonly inputs: object[] = [];
  private readonly outputs: object[] = [];

  constructor(private readonly name: string) {}

  /** Declares a float32 input. */
  input(name: string, shape: Shape): string {
    this.inputs.push(valueInfo(name, shape));
    return name;
  }

  /** Makes `value` a float32 output of the graph under `name`. */
  output(name: string, shape: Shape, value: string): void {
    this.nodes.push({ opType: 'Identity', name: `output:${name}`, input: [value], output: [name] });
    this.outputs.push(valueInfo(name, shape));
  }

  /** A tensor of the file: float32, or int64 for sizes. The same name twice is one tensor. */
  constant(name: string, dims: readonly number[], data: Float32Array | BigInt64Array): string {
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const dataType = data instanceof Float32Array ? DATA.float : DATA.int64;
    this.initializers.set(name, { name, dims, dataType, rawData });
    return name;
  }

  /** Adds an operator of the default domain with one output; returns the output's name. */
  node(opType: string, input: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    const name = `${opType}_${this.nodes.length}`;
    const attribute = Object.entries(attributes).map(([key, value]) => ({ name: key, ...attributeOf(value) }));
    this.nodes.push({ opType, name, input, output: [name], attribute });
    return name;
  }

  /** The file's bytes. @param metadata texts for whoever opens it */
  toBytes(metadata: Readonly<Record<string, string>>): Uint8Array {
    return ModelProto.encode({
      irVersion: IR_VERSION,
      producerName: 'emotion-gcn',
      opsetImport: [{ domain: '', version: OPSET }],
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      graph: {
        name: this.name,
        node: this.nodes,
        initializer: [...this.initializers.values()],
        input: this.inputs,
        output: this.outputs,
      },
    } as never).finish();
  }
}

function attributeOf(value: Attribute): object {
  if (typeof value === 'number') return { type: ATTRIBUTE.int, i: value };
  return 'float' in value ? { type: ATTRIBUTE.float, f: value.float } : { type: ATTRIBUTE.ints, ints: value };
}

function valueInfo(name: string, shape: Shape): object {
  const dim = shape.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: DATA.float, shape: { dim } } } };
}
