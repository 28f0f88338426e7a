import { matrixOf } from '../../src/autograd';
import type { Activation } from '../../src/kernels/activation';
import * as norm from '../../src/kernels/batch_norm';
import type { Operands, Work } from './work';

/** Batch normalisation of a map in training, with the activation that follows it. */
export function normalisation([n, c, h, w]: readonly number[], activation: Activation): Work[] {
  const elements = n * c * h * w;
  const shape = [n, c, h, w];
  const name = `${c} @${h} b${n}`;

  /** The forward pass: statistics, what a channel takes, and the pass over the map. */
  const forward = (o: Operands) => {
    const [x, gamma, beta, y] = [o.input(shape, 0), o.input([c], 1), o.input([c], 2), o.output(shape)];
    const stats = o.output([(c * norm.STATS_BYTES) / 4]).storage;
    const pack = o.output([(c * norm.PACK_BYTES) / 4]).storage;
    const left = { storage: o.output([(c * norm.LEFT_BYTES) / 4]).storage, first: 0 };
    const normalised = { gamma: gamma.storage, beta: beta.storage, eps: 1e-5 };
    const run = (): void => {
      norm.prepare(o.device, c, normalised, pack, { stats, first: 0, rows: n * h * w, fresh: matrixOf(x) }, left);
      norm.apply(o.device, matrixOf(x), pack, matrixOf(y), activation);
    };
    return { run, x, y, pack };
  };
  const work = (pass: string, bytes: number, peers: boolean, prepare: Work['prepare']): Work => {
    const family = `batch_norm ${pass}`;
    const task = peers ? { op: 'norm', pass, n, c, h, activation } : null;
    return { name: `${family} ${name}`, family, flop: 0, bytes, task, prepare };
  };
  return [
    work('statistics', 4 * elements, false, (o) => {
      const x = o.input(shape, 0);
      return { run: () => o.device.free(norm.statistics(o.device, matrixOf(x)).storage), results: [] };
    }),
    work(`forward ${activation}`, 12 * elements, true, (o) => {
      const { run, y } = forward(o);
      return { run, results: [y] };
    }),
    work(`forward+backward ${activation}`, 32 * elements, true, (o) => {
      const { run, x, pack } = forward(o);
      const [dy, dx, dgamma, dbeta] = [o.input(shape, 3), o.output(shape), o.output([c]), o.output([c])];
      const targets = {
        dgamma: { storage: dgamma.storage, accumulate: false },
        dbeta: { storage: dbeta.storage, accumulate: false },
        dx: { matrix: matrixOf(dx), accumulate: false },
      };
      const both = (): void => {
        run();
        norm.backward(o.device, matrixOf(x), matrixOf(dy), pack, activation, true, targets);
      };
      return { run: both, results: [dx, dgamma, dbeta] };
    }),
  ];
}
