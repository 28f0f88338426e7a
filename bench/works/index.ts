import type { Device } from '../../src/device';
import { type NetworkShapes, networkShapes } from '../shapes';
import { convolution, depthwise } from './conv';
import { product } from './matmul';
import { normalisation } from './norm';
import { graph, guard, optimizer, pooling, shortcut } from './passes';
import { distinct, type Work } from './work';

export { Operands, type Task, type Work } from './work';

/** Every kernel family at every shape that the two networks have, depthwise convolutions, and matrix products of 512 and 1024. */
export const kernelWorks = (device: Device): Work[] =>
  distinct([
    ...networkShapes(device).flatMap(worksOf),
    ...depthwise(),
    ...[512, 1024].flatMap((n) => product(n, n, n, false)),
  ]);

function worksOf({ network, ops, parameters, activation }: NetworkShapes): Work[] {
  const works: Work[] = [optimizer(network, parameters), guard(network, parameters)];
  for (const op of ops) {
    const [x, second] = op.inputs;
    if (op.geometry) works.push(...convolution(op, op.geometry, activation));
    if (op.name.startsWith('batch_norm')) works.push(...normalisation(x, activation));
    if (op.name === 'matmul') works.push(...product(x[0], x[1], op.output[1], second[1] !== op.output[1]));
    if (op.name === 'spmm') works.push(graph(op.output[1]));
    if (op.name === 'max_pool2d') works.push(...pooling('max', x, op.output));
    if (op.name === 'avg_pool2d') works.push(...pooling('avg', x, op.output));
    if (op.name === 'shortcut') works.push(...shortcut(x));
  }
  return works;
}
