// Work bound by memory besides batch normalisation: pools, shortcuts, the labels' graph, the optimizer.
import { csrFromDense, matrixOf } from '../../src/autograd';
import { judge } from '../../src/kernels/guard';
import { sgd } from '../../src/kernels/optimizer/sgd';
import * as pool from '../../src/kernels/pool';
import * as cut from '../../src/kernels/shortcut';
import { spmm } from '../../src/kernels/spmm';
import { GRAPH } from '../shapes';
import type { Work } from './work';

const work = (family: string, shape: string, bytes: number, prepare: Work['prepare']): Work => ({
  ...{ name: `${family} ${shape}`, family, flop: 0, bytes, task: null, prepare },
});

/** A pool that halves a map (3x3 for a maximum, 2x2 for an average) or takes one value of it. */
export function pooling(kind: 'max' | 'avg', [n, c, h, w]: readonly number[], [, , oh, ow]: readonly number[]): Work[] {
  const whole = oh === 1;
  const kernel = whole ? h : kind === 'max' ? 3 : 2;
  const padding = kind === 'max' && !whole ? 1 : 0;
  const step = whole ? h : 2;
  const window = { kernel: [kernel, kernel], stride: [step, step], padding: [padding, padding] } as const;
  const g: pool.PoolGeometry = { n, channels: c, h, w, oh, ow, window };
  const [large, small] = [n * c * h * w, n * c * oh * ow];
  const name = `${kernel}x${kernel}s${step} ${c} @${h} b${n}`;
  // A maximum also writes and reads where it was.
  const bytes = 4 * (large + (kind === 'max' ? 2 : 1) * small);
  return [
    work(`${kind}_pool forward`, name, bytes, (o) => {
      const [x, y, indices] = [o.input([n, c, h, w], 0), o.output([n, c, oh, ow]), o.output([n, c, oh, ow])];
      const run = (): void =>
        kind === 'max'
          ? pool.maxForward(o.device, g, matrixOf(x), matrixOf(y), indices.storage)
          : pool.avgForward(o.device, g, matrixOf(x), matrixOf(y));
      return { run, results: [y] };
    }),
    work(`${kind}_pool backward`, name, bytes, (o) => {
      const [x, y, dx] = [o.input([n, c, h, w], 0), o.input([n, c, oh, ow], 1), o.output([n, c, h, w])];
      const indices = o.output([n, c, oh, ow]);
      if (kind === 'max') pool.maxForward(o.device, g, matrixOf(x), matrixOf(y), indices.storage);
      const run = (): void =>
        kind === 'max'
          ? pool.maxBackward(o.device, g, matrixOf(y), indices.storage, matrixOf(dx), false)
          : pool.avgBackward(o.device, g, matrixOf(y), matrixOf(dx), false);
      return { run, results: [dx] };
    }),
  ];
}

export function shortcut(shape: readonly number[]): Work[] {
  const elements = shape.reduce((a, b) => a * b, 1);
  const name = `${shape[1]} @${shape[2]} b${shape[0]}`;
  return [
    work('shortcut forward', name, 8 * elements, (o) => {
      const [x, a, c, y] = [o.input(shape, 0), o.input([1], 1), o.input([1], 2), o.output(shape)];
      return { run: () => cut.forward(o.device, matrixOf(x), a.storage, c.storage, matrixOf(y)), results: [y] };
    }),
    work('shortcut backward', name, 12 * elements, (o) => {
      const [x, a, c, dy] = [o.input(shape, 0), o.input([1], 1), o.input([1], 2), o.input(shape, 3)];
      const [dx, da, dc] = [o.output(shape), o.output([1]), o.output([1])];
      const targets = {
        dx: { matrix: matrixOf(dx), accumulate: false },
        da: { storage: da.storage, accumulate: false },
        dc: { storage: dc.storage, accumulate: false },
      };
      const read = { x: matrixOf(x), a: a.storage, c: c.storage, dy: matrixOf(dy) };
      return { run: () => cut.backward(o.device, read, targets), results: [dx, da, dc] };
    }),
  ];
}

/** The labels' graph times [9, features]. */
export function graph(features: number): Work {
  const entries = GRAPH.filter((v) => v !== 0).length;
  return work('spmm forward', `9x9 F${features}`, 4 * features * (entries + 9), (o) => {
    const a = csrFromDense(o.device, GRAPH, 9, 9).forward;
    for (const t of Object.values(a)) o.keep(t);
    const sparse = {
      ...{ rowPointers: a.rowPointers.storage, columnIndices: a.columnIndices.storage, values: a.values.storage },
    };
    const [x, y] = [o.input([9, features], 0), o.output([9, features])];
    return { run: () => spmm(o.device, sparse, matrixOf(x), matrixOf(y), false), results: [y] };
  });
}

/** The guard's look at all gradients of a network. */
export function guard(network: string, parameters: number): Work {
  return work('guard', `emotion_gcn ${network}`, 4 * parameters, (o) => {
    const [grad, verdict] = [o.input([parameters], 0), o.output([8])];
    const run = (): void =>
      judge(o.device, [grad.storage], { storage: verdict.storage, scaled: false }, { interval: 0, stop: false });
    return { run, results: [verdict] };
  });
}

/** One step of SGD over all parameters of a network. */
export function optimizer(network: string, parameters: number): Work {
  return work('sgd', `emotion_gcn ${network}`, 20 * parameters, (o) => {
    const [value, grad, velocity] = [0, 1, 2].map((salt) => o.input([parameters], salt));
    const rates = o.input([4], 3);
    const run = { value: value.storage, grad: grad.storage, velocity: velocity.storage };
    return {
      run: () => sgd(o.device, run, { rates: rates.storage, group: 0, verdict: null }, false),
      results: [value],
    };
  });
}
